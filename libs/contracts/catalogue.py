"""The list of every event that exists; each line has a golden file beside it."""

from libs.common.events import Catalogue, Event
from libs.contracts.consent import ConsentGranted, ConsentRevoked
from libs.contracts.erasure import (
    AnswersErased,
    EvidenceErased,
    IndexErased,
    PatientErased,
    SessionErased,
    TranscriptErased,
    UserErased,
)
from libs.contracts.index import IndexFailed, IndexReady, IndexWithheld
from libs.contracts.key import KeyRevoked
from libs.contracts.recording import RecordingUploaded
from libs.contracts.safety import CrisisSignal, CrisisSignalV1
from libs.contracts.session import SessionFailed, SessionReady, SessionStatusChanged
from libs.contracts.transcript import (
    RecordingProbed,
    TranscriptionFailed,
    TranscriptionProgressed,
    TranscriptionStarted,
    TranscriptReady,
    TranscriptUpdated,
    TranscriptWithheld,
)

EVENTS: tuple[type[Event], ...] = (
    ConsentGranted,
    ConsentRevoked,
    RecordingUploaded,
    TranscriptionStarted,
    TranscriptionProgressed,
    RecordingProbed,
    TranscriptionFailed,
    TranscriptReady,
    TranscriptUpdated,
    TranscriptWithheld,
    IndexReady,
    IndexFailed,
    IndexWithheld,
    SessionStatusChanged,
    SessionReady,
    SessionFailed,
    KeyRevoked,
    CrisisSignalV1,
    CrisisSignal,
    SessionErased,
    PatientErased,
    TranscriptErased,
    IndexErased,
    AnswersErased,
    EvidenceErased,
    UserErased,
)

CATALOGUE = Catalogue(EVENTS)

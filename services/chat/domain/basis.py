"""What an answer rests on: the therapists and consents of what it quotes, and of the history it may repeat."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from libs.contracts.ids import ConsentId, SessionId, TherapistId
from services.chat.domain.conversation import Answer, AnsweredBy


@dataclass(frozen=True)
class Held:
    """The two consents that a quote needs: to transcription and to AI analysis."""

    analysis: ConsentId
    transcription: ConsentId

    @property
    def both(self) -> frozenset[ConsentId]:
        """Return both."""
        return frozenset((self.analysis, self.transcription))


@dataclass(frozen=True)
class Basis:
    """The therapists and consents that an answer rests on, directly or through its history."""

    therapists: frozenset[TherapistId] = frozenset()
    consents: frozenset[ConsentId] = frozenset()

    def __or__(self, other: "Basis") -> "Basis":
        """Return the union."""
        return Basis(self.therapists | other.therapists, self.consents | other.consents)


NOTHING = Basis()


@dataclass(frozen=True)
class Attribution:
    """The therapist of each session, and the consents for each therapist."""

    therapists: Mapping[SessionId, TherapistId] = field(default_factory=dict)
    consents: Mapping[TherapistId, Held] = field(default_factory=dict)


def basis_of(answer: Answer, attribution: Attribution, history: Basis) -> Basis:
    """Return what an answer rests on: revoking any of it redacts the answer.

    An answer may repeat its history, so it also rests on the history's consents. A safety answer is fixed text.
    """
    therapists = frozenset(attribution.therapists[source.session_id] for source in answer.sources)
    consents = frozenset[ConsentId]().union(*(attribution.consents[therapist].both for therapist in therapists))
    own = Basis(therapists, consents)
    return own if answer.answered_by is AnsweredBy.SAFETY else own | history

"""A type per id, so that a patient's id can never be passed where a session's is meant."""

from typing import NewType
from uuid import UUID

OrganizationId = NewType("OrganizationId", UUID)
UserId = NewType("UserId", UUID)
PatientId = NewType("PatientId", UUID)
TherapistId = NewType("TherapistId", UUID)
ApiKeyId = NewType("ApiKeyId", str)
ConsentId = NewType("ConsentId", UUID)
SessionId = NewType("SessionId", UUID)
RecordingId = NewType("RecordingId", UUID)
JobId = NewType("JobId", UUID)
TranscriptId = NewType("TranscriptId", UUID)
ChunkId = NewType("ChunkId", UUID)
ConversationId = NewType("ConversationId", UUID)
MessageId = NewType("MessageId", UUID)
ErasureId = NewType("ErasureId", UUID)

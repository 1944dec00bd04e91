"""What a patient may consent to; each purpose is granted and revoked by itself."""

from enum import StrEnum


class Purpose(StrEnum):
    """A purpose of processing."""

    RECORDING = "recording"
    TRANSCRIPTION = "transcription"
    AI_ANALYSIS = "ai_analysis"

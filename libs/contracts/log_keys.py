"""The log keys of this product: ids, numbers and words of our own, never what a person said or is called."""

LOG_KEYS = frozenset(
    {
        "organization_id", "patient_id", "therapist_id", "session_id", "recording_id", "consent_id", "consent_type",
        "transcript_id", "transcript_version", "job_id", "conversation_id", "message_id", "api_key_id",
        "size_bytes", "duration_s", "audio_s", "language", "reason", "illegal_move", "segment_count", "chunk_count",
        "input_tokens", "output_tokens", "cached_tokens", "tokens_max", "chunks_left_out",
        "source_count", "grounded", "answered_by", "commitments_provider", "level_of_signal", "speaker_count",
        "root_key", "root_key_opens",
    }
)  # fmt: skip

"""Speech-to-text implementations: Deepgram and local models."""

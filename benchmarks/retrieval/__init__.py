"""The search of one patient's sessions: ours beside the stores that most people start with, on the same vectors."""

"""Full-text search in the transcripts of one patient."""

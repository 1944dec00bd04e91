"""`make demo`: from nothing to a cited answer on real speech, with progress shown."""

"""Vocabulary the services share: ids, events by subject, problems and capabilities. Append only."""

"""The grammar of time phrases: from a patient's words to windows of days or places in the list of sessions."""

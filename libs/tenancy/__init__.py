"""Organization, patient and session in every table: row-level security, audits, and what was erased."""

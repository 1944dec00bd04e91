"""Root keys and the wrapping of keys below them: a file, AWS KMS or a transit engine."""

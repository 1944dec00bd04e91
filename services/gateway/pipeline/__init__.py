"""What every request passes in the same order: limits, authentication, authorization, idempotency, headers."""

"""PostgreSQL, Valkey and SeaweedFS as processes of this machine, started, found again and stopped."""

"""The message broker: topics, consumer groups, retries and dead letters on Redis Streams or in memory."""

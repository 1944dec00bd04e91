"""Commands about events: the archive, the streams, dead letters and replays, a file per noun."""

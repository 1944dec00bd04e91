"""Programs that run on the peers' packages, each in a process of its own."""

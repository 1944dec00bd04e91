"""Events: ours beside the queues people would use instead, on one server in one interleaved run."""

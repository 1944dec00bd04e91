"""One service process: its run loop, its workers, and the supervision that ends it when one breaks."""

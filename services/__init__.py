"""Six services, one per stage; none imports another."""

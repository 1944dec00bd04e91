"""Who is asking, and the capability that a request is answered under."""

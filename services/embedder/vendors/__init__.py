"""Those who can turn text into vectors: a company, and this machine."""

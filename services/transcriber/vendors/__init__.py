"""Those who can turn sound into words: a company, and this machine."""

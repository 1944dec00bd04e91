"""How well words and speakers are heard."""

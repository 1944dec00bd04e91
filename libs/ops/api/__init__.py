"""Commands over the public API, a file per noun."""

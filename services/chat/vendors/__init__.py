"""Answer implementations: Claude, OpenAI-compatible servers, and local quotes."""

"""How well the chat hears a crisis, stays calm otherwise, answers what was said, and is silent about what was not."""

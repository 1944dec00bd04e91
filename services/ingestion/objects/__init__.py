"""Objects in the store: used only once the store has shown what it does, and swept when no recording owns them."""

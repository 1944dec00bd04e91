"""Objects in the store: a startup check of the store, and the deletion of objects without a recording."""

"""Does the search bring back the turns that hold the answer? Evidence recall within a budget of tokens."""

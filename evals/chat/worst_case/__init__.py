"""A model that invents, twists and obeys, and one that reports truly, in front of the verification of the chat."""

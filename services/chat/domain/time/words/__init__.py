"""Words of time: what they are, how they are spelled, and what counts them."""

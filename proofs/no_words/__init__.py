"""No words and no names are kept anywhere but in the columns that are meant for them."""

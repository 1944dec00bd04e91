"""The calendar: ranges of days, feasts, and what a place makes of them."""

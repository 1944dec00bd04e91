"""What an organization decides, as it travels between services."""

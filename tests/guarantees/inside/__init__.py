"""What the routes of the services behind the gateway demand, and the proof that they do."""

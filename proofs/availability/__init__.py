"""Nothing that anyone sends stops the work of others."""

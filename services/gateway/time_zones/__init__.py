"""Where a patient's clock is: their own time zone, else the organization's, else UTC."""

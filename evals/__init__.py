"""What is measured about quality, on data that is not shipped: each prints its files, items, figures and seed."""

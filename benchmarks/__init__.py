"""What speed and memory are measured by."""

"""What services share, from the mechanism that knows no domain to the tools of operators and developers."""

"""Media of strangers, read in a confined child process only: does it play, how long, and as what samples."""

"""What proofs share: organizations with words, capabilities, servers, and the one line that each prints."""

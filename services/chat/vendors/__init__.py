"""Those who can write an answer: companies, compatible servers, and this machine alone."""

"""All studies of SRDL's claims by one command."""

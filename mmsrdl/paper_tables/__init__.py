"""The tables of SRDL's paper, filled from work directories."""

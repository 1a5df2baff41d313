"""Losses and heads on numbers that training may meet, however rarely."""

"""Heads side by side on the cached maps of a backbone that does not learn."""

"""Configs side by side, end to end: backbone and head learn."""

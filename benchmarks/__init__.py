"""Measurements beside what users would take otherwise; run as ``python -m benchmarks.NAME``."""

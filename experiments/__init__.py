"""Studies of several trainings; run as ``python -m experiments.NAME``."""

"""Losses for scarce labels side by side: one positive an image, a share of the entries known."""

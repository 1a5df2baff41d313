"""Slow loops over the symbols of SRDL's equations, written from the paper alone.

Nothing here imports the package under test. Paper: Pu et al., "Semantic Representation and
Dependency Learning for Multi-Label Image Recognition".

The paper writes a map as F[x, y, k] with x = 1..w and y = 1..h. Tensors here are laid out as
[B, D, H, W] and indexed F[n, k, y, x], so H = h, W = w and D = d. Indices start at 0.
"""

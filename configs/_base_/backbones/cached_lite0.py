# In place of a backbone: maps of EfficientNet-Lite0, 1280 channels at stride 32, which
# `python -m experiments.frozen cache` writes.
backbone = dict(type="mmsrdl.CachedMaps")
in_channels = 1280

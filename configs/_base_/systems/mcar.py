# MCAR: the global stream, and its regions through the same network. N = 4; the threshold of a
# marginal 0.5; a side at least an eighth of the image's.
_base_ = ["./mcar_global.py"]

model = dict(
    type="mmsrdl.MCARClassifier",
    regions=4,
    threshold=0.5,
    min_size=0.125,
    localizer="cam",
    local_size=None,  # the image's
)

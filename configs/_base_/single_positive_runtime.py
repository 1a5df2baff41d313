# The runtime of the literature on single positive labels, whose mAP takes difficult objects as negative.
_base_ = ["./default_runtime.py"]

val_evaluator = dict(protocol="spml")
test_evaluator = val_evaluator

# The runtime of zero-shot learning on NUS-WIDE: the last epoch is the result, as choosing the best one
# would choose on the test set. Classes without a positive have the AP 0 in the public code of BiAM, MKT
# and SigRL.
_base_ = ["./default_runtime.py"]

default_hooks = dict(
    checkpoint=dict(save_best=None),
    # Training and test have labels of their own.
    vocabulary=dict(type="mmsrdl.VocabularyHook"),
)

val_evaluator = dict(
    _delete_=True, type="mmsrdl.OpenVocabularyMetric", images="all", empty_classes="zero"
)
test_evaluator = val_evaluator

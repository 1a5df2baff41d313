# The baseline with global max pooling, as ML-GCN and SRDL's relatives have it.
_base_ = ["./linear.py"]

model = dict(neck=dict(type="mmsrdl.GlobalMaxPooling"))

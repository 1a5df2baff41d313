# The asymmetric form of VLPL on PASCAL VOC 2012.
_base_ = ["./vlpl_asl_coco.py"]

loss = dict(scores="data/vlpl/voc12_train.npz")

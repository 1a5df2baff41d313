# VLPL with the numbers published for PASCAL VOC 2012.
_base_ = ["./vlpl_coco.py"]

loss = dict(scores="data/vlpl/voc12_train.npz", alpha=0.2)

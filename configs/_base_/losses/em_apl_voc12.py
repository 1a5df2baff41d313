# EM + APL with the numbers published for PASCAL VOC 2012.
_base_ = ["./em_apl_coco.py"]

loss = dict(num_images=4574, num_classes=20, alpha=0.2, beta=0.02)

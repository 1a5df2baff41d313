# Paper: SSGRL (Chen et al., ICCV 2019), ResNet-101, 576 px, MS-COCO 2014: its own sizes.
# Expected: mAP 83.8
# Not run at full scale by this project; the figure is the paper's.
# Run: python tools/train.py configs/ssgrl/ssgrl_r101_coco_576.py --word-vectors glove.6B.300d.txt
_base_ = ["./ssgrl_r101_coco.py"]

train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="mmsrdl.TorchResize", scale=(640, 640), interpolation="bilinear"),
    dict(type="mmsrdl.MultiScaleCrop", sizes=(640, 576, 512, 384, 320)),
    dict(type="mmsrdl.TorchResize", scale=(576, 576), interpolation="bilinear"),
    dict(type="PackInputs"),
]
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=(640, 640), interpolation="bilinear", backend="pillow"),
    dict(type="CenterCrop", crop_size=576),
    _base_.test_pipeline[-1],
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader

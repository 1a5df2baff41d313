# Paper: SRDL, Tables 1, 2 and 5 (line 3): CAR + OE, ResNet-101, 448 px, MS-COCO 2014.
# Expected: mAP 82.9, CF1 77.4, OF1 80.5
# Not run at full scale by this project; the figure is the paper's.
# Run: python tools/train.py configs/table5/srdl_r101_coco.py --word-vectors glove.6B.300d.txt
#
# CAR (_base_/systems/car.py, _base_/schedules/srdl_adam_20e.py) and one line of OE.
_base_ = ["./car_r101_coco.py"]

# Object erasing, Sec. 3.3; K and alpha of Sec. 4.4.
default_hooks = dict(oe=dict(type="mmsrdl.OEErasingHook", topk=3, alpha=0.5))

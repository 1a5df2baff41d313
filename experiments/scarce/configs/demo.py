# Global max pooling and one linear layer, end to end, on the built-in demo scenes of 64 px, on
# from the network of configs/other_scenes.py.
_base_ = ["../../../configs/_base_/systems/gmp.py", "../../configs/demo_4e.py"]

model = dict(backbone=_base_.backbone, head=dict(in_channels=_base_.in_channels, num_classes=14))

train_dataloader = dict(batch_size=16)

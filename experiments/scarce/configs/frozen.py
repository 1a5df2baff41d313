# Global max pooling and one linear layer on pooled maps, PASCAL VOC 2007.
_base_ = ["../../../configs/frozen/gmp_voc07.py"]

train_dataloader = dict(batch_size=64, dataset=dict(type="mmsrdl.PooledMapDataset"))
val_dataloader = dict(batch_size=500, dataset=dict(type="mmsrdl.PooledMapDataset"))

default_hooks = dict(logger=dict(interval=1000))
visualizer = dict(vis_backends=None)

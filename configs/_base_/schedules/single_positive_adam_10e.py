# The public code of EM and of VLPL: Adam without weight decay, one constant learning rate of 1e-5 for
# backbone and classifier, 10 epochs, of which the best on the images held out counts; 8 images a step
# on PASCAL VOC, 16 (EM) or 8 (VLPL) on MS-COCO. Departure: EM's code ends at the first epoch that brings
# no gain.
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="Adam", lr=1e-5, betas=(0.9, 0.999), weight_decay=0.0, fused=True),
)
param_scheduler = None

train_cfg = dict(type="mmsrdl.ResumableEpochLoop", max_epochs=10, val_interval=1)
val_cfg = dict()
test_cfg = dict()

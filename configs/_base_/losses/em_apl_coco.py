# EM + APL with the numbers published for MS-COCO 2014.
loss = dict(
    type="mmsrdl.EMAPLLoss",
    num_images=65665,
    num_classes=80,
    alpha=0.1,
    beta=0.9,
    negative_share=0.9,
    warmup_epochs=5,
)

# NUS-WIDE: training on 925 tags, test on these and 81 concepts that no training has seen. As in MKT's
# public code, which takes timm's transforms: a crop of 8 to 100 % of the area, a flip, two of RandAugment's
# operations at 9 of 10 (standard deviation 0.5); in the test the shorter side 256, the middle 224 x 224.
# The mean and deviation are ImageNet's there, not CLIP's own.
_base_ = ["./loaders_448.py"]

mean_colour = [104, 116, 124]
train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(
        type="RandomResizedCrop",
        scale=224,
        crop_ratio_range=(0.08, 1.0),
        backend="pillow",
        interpolation="bicubic",
    ),
    dict(type="RandomFlip", prob=0.5, direction="horizontal"),
    dict(
        type="RandAugment",
        policies="timm_increasing",
        num_policies=2,
        total_level=10,
        magnitude_level=9,
        magnitude_std=0.5,
        hparams=dict(pad_val=mean_colour, interpolation="bicubic"),
    ),
    dict(type="PackInputs"),
]
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="ResizeEdge", scale=256, edge="short", backend="pillow", interpolation="bicubic"),
    dict(type="CenterCrop", crop_size=224),
    _base_.test_pipeline[-1],
]

# Of ConceptsList/Concepts81.txt; the seen classes are read from the data.
concepts = """
    airport animal beach bear birds boats book bridge buildings cars castle cat cityscape clouds
    computer coral cow dancing dog earthquake elk fire fish flags flowers food fox frost garden
    glacier grass harbor horses house lake leaf map military moon mountain nighttime ocean
    person plane plants police protest railroad rainbow reflection road rocks running sand sign
    sky snow soccer sports statue street sun sunset surf swimmers tattoo temple tiger tower town
    toy train tree valley vehicle water waterfall wedding whales window zebra
"""
unseen_classes = concepts.split()

dataset = dict(type="mmsrdl.NUSWIDE", data_root="data/nuswide/")
train_dataloader = dict(
    batch_size=32,
    dataset=dict(split="train", labels="seen", pipeline=train_pipeline, **dataset),
)
val_dataloader = dict(
    batch_size=64,
    dataset=dict(split="test", labels="all", pipeline=test_pipeline, **dataset),
)
test_dataloader = val_dataloader

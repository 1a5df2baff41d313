# Paper: none; SRDL on Swin-T, whose last stage gives a 14 x 14 map, 448 px, MS-COCO 2014.
# Expected: unknown; not run at full scale by this project.
# Run: python tools/train.py configs/tokens/srdl_swin_t_coco.py --word-vectors glove.6B.300d.txt
_base_ = ["../table5/srdl_r101_coco.py"]

model = dict(
    backbone=dict(
        _delete_=True,
        type="SwinTransformer",
        arch="tiny",
        img_size=448,
        drop_path_rate=0.2,
        pad_small_map=True,
        init_cfg=dict(
            type="Pretrained",
            checkpoint="https://download.openmmlab.com/mmclassification/v0/swin-transformer/"
            "swin_tiny_224_b16x64_300e_imagenet_20210616_090925-66df6be6.pth",
            prefix="backbone.",
        ),
    ),
    head=dict(in_channels=768),
)

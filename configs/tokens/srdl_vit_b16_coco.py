# Paper: none; SRDL on the patch tokens of ViT-B/16, 448 px, MS-COCO 2014.
# Expected: unknown; not run at full scale by this project.
# Run: python tools/train.py configs/tokens/srdl_vit_b16_coco.py --word-vectors glove.6B.300d.txt
_base_ = ["../table5/srdl_r101_coco.py"]

model = dict(
    backbone=dict(
        _delete_=True,
        type="VisionTransformer",
        arch="b",
        img_size=448,
        patch_size=16,
        # Class token and 28 x 28 patch tokens, [B, 785, 768]; the head lays them out.
        out_type="raw",
        init_cfg=dict(
            type="Pretrained",
            checkpoint="https://download.openmmlab.com/mmclassification/v0/vit/finetune/"
            "vit-base-p16_in21k-pre-3rdparty_ft-64xb64_in1k-384_20210928-98e8652b.pth",
            prefix="backbone.",
        ),
    ),
    head=dict(in_channels=768, num_extra_tokens=1),
)
data_preprocessor = dict(mean=[127.5, 127.5, 127.5], std=[127.5, 127.5, 127.5])

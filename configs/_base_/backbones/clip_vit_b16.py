# CLIP's ViT-B/16, all tokens projected into the space that it shares with texts, and its text encoder.
# `mmsrdl convert clip ViT-B-16.pt data/clip/clip_vit_b16.pth` makes the file. The epsilon and the
# activation are those of the published weights; MMPretrain's defaults give other features.
clip = "data/clip/clip_vit_b16.pth"
backbone = dict(
    type="VisionTransformer",
    arch="base",
    img_size=224,
    patch_size=16,
    out_type="raw",
    pre_norm=True,
    norm_cfg=dict(type="LN", eps=1e-5),
    layer_cfgs=dict(act_cfg=dict(type="mmpretrain.QuickGELU")),
    init_cfg=dict(type="Pretrained", checkpoint=clip, prefix="backbone."),
)
neck = dict(
    type="mmsrdl.CLIPProjection",
    in_channels=768,
    out_channels=512,
    init_cfg=dict(type="Pretrained", checkpoint=clip, prefix="neck."),
)
in_channels = 512
text_encoder = dict(type="mmsrdl.CLIPTextEncoder", weights=clip)

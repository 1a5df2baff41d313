# EfficientNet-Lite0 from timm, 3.37 M parameters without its classifier, 1280 channels at stride 32.
# timm's ImageNet weights are downloaded when training starts; without a network, give the file
# with --weights FILE. They were trained on images normalised like this.
backbone = dict(
    type="TIMMBackbone",
    model_name="tf_efficientnet_lite0",
    features_only=False,
    init_cfg=dict(type="Pretrained", checkpoint="timm://tf_efficientnet_lite0"),
)
in_channels = 1280

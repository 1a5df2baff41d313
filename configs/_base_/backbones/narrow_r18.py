# A network to train from scratch on small images, 0.2 M parameters: three stages of a ResNet-18 a
# quarter as wide, 64 channels at stride 8.
backbone = dict(
    type="ResNet",
    depth=18,
    num_stages=3,
    strides=(1, 2, 1),
    dilations=(1, 1, 1),
    out_indices=(2,),
    deep_stem=True,
    stem_channels=16,
    base_channels=16,
)
in_channels = 64

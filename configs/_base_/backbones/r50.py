# ResNet-50 with ImageNet weights. torchvision's V1 weights are downloaded when training
# starts; without a network, give a file with --weights FILE.
backbone = dict(
    type="ResNet",
    depth=50,
    num_stages=4,
    out_indices=(3,),
    style="pytorch",
    init_cfg=dict(type="Pretrained", checkpoint="torchvision://resnet50"),
)
in_channels = 2048

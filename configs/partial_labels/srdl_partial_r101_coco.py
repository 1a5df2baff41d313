# Paper: none; SRDL (CAR + OE) from a tenth of all labels, in the setting of SST, SARB and HST, which are
# later work of its laboratory, MS-COCO 2014.
# Expected: unknown; not run at full scale by this project.
# Run: python tools/train.py configs/partial_labels/srdl_partial_r101_coco.py --word-vectors glove.6B.300d.txt
#
# Other shares: --cfg-options train_dataloader.dataset.p=0.5
_base_ = ["../relatives/srdl_r101_coco_layer4.py"]

train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type="mmsrdl.ObservedDataset",
        keep="entries",
        p=0.1,
        seed=1200,
        dataset=_base_.train_dataloader.dataset,
    )
)
model = dict(head=dict(loss=dict(_delete_=True, type="mmsrdl.PartialBCELoss")))

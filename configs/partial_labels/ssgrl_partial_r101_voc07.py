# Paper: SSGRL from a tenth of all labels, which SST, SARB and HST compare themselves with, PASCAL VOC 2007.
# Expected: unknown; not run at full scale by this project.
# Run: python tools/train.py configs/partial_labels/ssgrl_partial_r101_voc07.py --word-vectors glove.6B.300d.txt
#
# The labels' co-occurrence is counted on the known labels. Other shares:
# --cfg-options train_dataloader.dataset.p=0.5
_base_ = ["../ssgrl/ssgrl_r101_voc07.py"]

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

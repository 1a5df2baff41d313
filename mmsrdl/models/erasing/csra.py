"""Object erasing for MMPretrain's ``CSRAClsHead``, which has no slot for it."""

from types import MethodType

import torch
from mmpretrain.models.heads import CSRAClsHead
from mmpretrain.structures import DataSample
from torch import Tensor

from mmsrdl.models.losses import check_known, stack_targets


def csra_scores(head: CSRAClsHead, feature: Tensor) -> list[Tensor]:
    """Computes the score maps of every residual attention module, each [B, C, H, W].

    Source: CSRA (Zhu and Wu), whose score is the cosine-normalised classifier.

    Args:
        head: MMPretrain's head.
        feature: F, [B, D, H, W].
    """
    scores = []
    for module in head.csra_heads:
        norm = module.head.weight.norm(dim=1).view(1, -1, 1, 1)
        scores.append(module.head(feature) / norm)
    return scores


def csra_logits(head: CSRAClsHead, scores: list[Tensor], kept: Tensor) -> Tensor:
    """Computes CSRA's logits over the kept positions alone.

    Erased positions leave both the average and the softmax (or maximum).

    Args:
        head: MMPretrain's head.
        scores: Score maps of every module, each [B, K, H, W].
        kept: False where erased, [B, K, H, W]; no map may be erased whole.

    Returns:
        [B, K].
    """
    kept = kept.flatten(2)
    total = torch.zeros(kept.shape[:2], device=kept.device)
    for module, score in zip(head.csra_heads, scores, strict=True):
        score = score.flatten(2)
        left = score.masked_fill(~kept, -torch.inf)
        average = (score * kept).sum(-1) / kept.sum(-1)
        if module.T == 99:
            attended = left.amax(-1)
        else:
            attended = (score * (left * module.T).softmax(-1)).sum(-1)
        total = total + average + module.lam * attended
    return total


def _loss_with_erasing(
    self: CSRAClsHead, feats: tuple[Tensor], data_samples: list[DataSample], **kwargs: object
) -> dict[str, Tensor]:
    """Computes ``loss_ori``, and ``loss_era`` while ``self.erasing`` is set."""
    scores = csra_scores(self, self.pre_logits(feats))
    logits = csra_logits(self, scores, torch.ones_like(scores[0], dtype=torch.bool))
    target = stack_targets(data_samples, logits.shape[1])
    check_known(self.loss_module, target)
    images = logits.shape[0]
    losses = {"loss_ori": self.loss_module(logits, target, avg_factor=images, **kwargs)}
    if self.erasing is not None:
        classes = self.erasing.select(logits)
        rows = torch.arange(images, device=classes.device)[:, None]
        chosen = [score[rows, classes] for score in scores]
        # The marginals are min-max normalised, so the scale of the scores is of no account.
        region = self.erasing(sum(chosen))
        rescored = csra_logits(self, chosen, ~region)
        erased = logits.scatter(1, classes, rescored.to(logits.dtype))
        target = self.erasing.targets(target, classes)
        check_known(self.loss_module, target)
        losses["loss_era"] = self.loss_module(erased, target, avg_factor=images, **kwargs)
    return losses


def bind_csra(head: CSRAClsHead) -> None:
    """Gives a CSRA head an ``erasing`` slot and a ``loss`` that heeds it.

    The loss is bound as a method of this one head, so it survives a deep copy
    (as EMA makes), and the state dict is untouched.
    """
    head.erasing = None
    head.loss = MethodType(_loss_with_erasing, head)


def unbind_csra(head: CSRAClsHead) -> None:
    """Undoes :func:`bind_csra`."""
    del head.loss
    del head.erasing

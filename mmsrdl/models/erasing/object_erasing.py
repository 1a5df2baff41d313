"""Object erasing (OE): which region of which class, Eqs. (7)-(10)."""

import math

import torch
from torch import Tensor, nn

from mmsrdl.arguments import check_integer, check_number
from mmsrdl.registry import MODELS

REGIONS = ("rectangle", "cross")


def marginal_run(marginal: Tensor, alpha: float) -> Tensor:
    """Finds the run of a marginal distribution that holds its global maximum.

    Of the maximal runs of entries >= alpha, the one with the largest entry is
    kept; of several with equally large entries the longest, and of several
    equally long the first.

    Args:
        marginal: Min-max normalised marginals, [..., L].
        alpha: Threshold of Eqs. (9) and (10).

    Returns:
        True inside the run, [..., L]; nowhere True if no entry reaches alpha.
    """
    above = marginal >= alpha  # Eqs. (9), (10)
    starts = above & ~torch.cat([torch.zeros_like(above[..., :1]), above[..., :-1]], -1)
    run = starts.cumsum(-1) * above  # 1, 2, ... inside the runs, 0 outside
    length = torch.zeros(*run.shape[:-1], run.shape[-1] + 1, dtype=torch.long, device=run.device)
    peak = length.clone()
    is_peak = (marginal == marginal.amax(-1, keepdim=True)) & above
    length.scatter_add_(-1, run, above.long())
    peak.scatter_reduce_(-1, run, is_peak.long(), "amax")
    best = (length * peak).argmax(-1, keepdim=True)
    return above & (run == best)


def normalized_runs(marginal: Tensor, alpha: float) -> tuple[Tensor, Tensor]:
    """Finds the run of a marginal distribution after min-max normalising it.

    Args:
        marginal: [..., L].
        alpha: See :func:`marginal_run`.

    Returns:
        True inside the run, [..., L], which is the whole axis where the marginal is flat; and
        whether it is flat (maximum = minimum), [...].
    """
    low, high = marginal.amin(-1, keepdim=True), marginal.amax(-1, keepdim=True)
    flat = high == low
    normalised = torch.where(flat, 1.0, (marginal - low) / torch.where(flat, 1.0, high - low))
    return marginal_run(normalised, alpha), flat[..., 0]


def erased_region(spatial: Tensor, alpha: float = 0.5, region: str = "rectangle") -> Tensor:
    """Localises the most obvious region of a spatial attention map.

    Source: SRDL, Sec. 3.3, Eqs. (7)-(10). The marginals are maxima over the
    other axis, min-max normalised and cut at ``alpha``. What the paper leaves
    open is settled so: a marginal that is flat (maximum = minimum) does not
    localise, so its run is the whole axis; a map with two flat marginals has no
    obvious region and is left as it is; the region is the rectangle of the two
    runs, or as a switch the cross of their full-length bands (a flat axis adds
    no band). As in the paper the axes are treated apart, so with equal maxima
    at several places the rectangle can lie between them. The region carries no
    gradient.

    Args:
        spatial: SA, [..., H, W].
        alpha: Threshold. Above 1 nothing is erased.
        region: ``'rectangle'`` or ``'cross'``.

    Returns:
        True where attention is to be erased, [..., H, W].

    Raises:
        ValueError: If ``region`` is unknown.
    """
    if region not in REGIONS:
        raise ValueError(f"region={region!r} is unknown; use one of {REGIONS}")
    spatial = spatial.detach()
    columns, flat_x = normalized_runs(spatial.amax(-2), alpha)  # Eq. (7), (..., W)
    rows, flat_y = normalized_runs(spatial.amax(-1), alpha)  # Eq. (8), (..., H)
    rows, columns = rows[..., :, None], columns[..., None, :]
    flat_x, flat_y = flat_x[..., None, None], flat_y[..., None, None]
    if region == "rectangle":
        return rows & columns & ~(flat_x & flat_y)
    return (rows & ~flat_y) | (columns & ~flat_x)


@MODELS.register_module()
class ObjectErasing(nn.Module):
    """Chooses the classes to erase and where: a parameter-free module.

    Source: SRDL, Sec. 3.3. The K classes with the highest predicted scores
    (not the labels) are chosen in every image, and the most obvious region of
    each one's spatial attention is erased. Nothing of it exists at inference.

    Args:
        topk: K. More than the number of classes selects all of them.
        alpha: Threshold of Eqs. (9) and (10).
        region: ``'rectangle'`` or ``'cross'``, see :func:`erased_region`.
        erase_channel: Whether the channel branch is zero in the region, too.
            The paper erases the spatial attention map alone.
        era_classes: ``'all'``: the loss of the erased pass sums over all
            classes, as Eq. (12) is written, so those not erased count twice;
            ``'selected'``: over the K erased classes.

    Raises:
        TypeError: If ``topk`` is no integer or ``alpha`` no number.
        ValueError: If ``topk`` < 1, ``alpha`` is not finite, or an option is unknown.
    """

    def __init__(
        self,
        topk: int = 3,
        alpha: float = 0.5,
        region: str = "rectangle",
        erase_channel: bool = False,
        era_classes: str = "all",
    ) -> None:
        super().__init__()
        check_integer("topk", topk, low=1, example=3)
        check_number("alpha", alpha, low=-math.inf)
        if region not in REGIONS:
            raise ValueError(f"region={region!r} is unknown; use one of {REGIONS}")
        if era_classes not in ("all", "selected"):
            raise ValueError(f"era_classes={era_classes!r} is unknown; use 'all' or 'selected'")
        self.topk, self.alpha, self.region = topk, alpha, region
        self.erase_channel, self.era_classes = erase_channel, era_classes

    def select(self, logits: Tensor) -> Tensor:
        """Returns the K classes with the highest scores of each image, [B, K].

        Args:
            logits: [B, C].
        """
        return logits.detach().topk(min(self.topk, logits.shape[1]), dim=1).indices

    def targets(self, target: Tensor, classes: Tensor) -> Tensor:
        """Returns the labels that the erased pass is compared with.

        Args:
            target: 1, 0 or -1, [B, C].
            classes: The erased classes, [B, K].

        Returns:
            ``target``, or with ``era_classes='selected'`` -1 (left out) outside
            ``classes``, [B, C].
        """
        if self.era_classes == "all":
            return target
        left_out = torch.full_like(target, -1)
        return left_out.scatter(1, classes, target.gather(1, classes))

    def forward(self, spatial: Tensor) -> Tensor:
        """Returns the mask of the region to erase.

        Args:
            spatial: SA of the selected classes, [B, K, H, W].

        Returns:
            True where erased, [B, K, H, W].
        """
        return erased_region(spatial, self.alpha, self.region)

    def extra_repr(self) -> str:
        """Shows the settings."""
        return (
            f"topk={self.topk}, alpha={self.alpha}, region={self.region!r}, "
            f"erase_channel={self.erase_channel}, era_classes={self.era_classes!r}"
        )

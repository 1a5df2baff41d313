"""One training of the study: a method, from the prepared encoder on."""

import copy
import os
from dataclasses import dataclass
from functools import cached_property

from mmengine.config import Config

from experiments.open_vocabulary.combinations import SEEN
from experiments.open_vocabulary.prepared import ENCODER_FILE, Prepared, make_config
from experiments.open_vocabulary.rows import ROWS
from experiments.prepared import PreparedTraining, hold_out

__all__ = ["Job"]


@dataclass(frozen=True, kw_only=True)
class Job(PreparedTraining):
    """A training of the study; where a search is evaluated, there is no unseen label.

    Attributes:
        row: Key of :data:`ROWS`.
    """

    row: str

    @property
    def cell(self) -> dict[str, str]:
        """The row."""
        return {"row": self.row}

    @cached_property
    def prepared(self) -> Prepared:
        """What is known of the data; see :meth:`Prepared.load`."""
        return Prepared.load(self.data)

    def resolve(self, data: str) -> Config:
        """Makes the config with the data in a folder, which need not exist."""
        cfg = make_config("demo", data)
        cfg.work_dir, cfg.randomness.seed = str(self.folder), self.seed
        cfg.optim_wrapper.optimizer.lr = self.lr
        cfg.model.head.attention = copy.deepcopy(ROWS[self.row].attention)
        cfg.model.head.classifier.update(ROWS[self.row].classifier)
        encoder = os.path.join(data, ENCODER_FILE)
        for part in ("backbone", "neck"):
            cfg.model[part].init_cfg = dict(
                type="Pretrained", checkpoint=encoder, prefix=f"{part}."
            )
        if self.stage == "search":
            assert tuple(cfg.train_dataloader.dataset.metainfo.classes) == SEEN
            hold_out(cfg)
            cfg.model.head.zsl_vocabulary = None
            cfg.val_evaluator = cfg.val_evaluator[:1]
        return cfg

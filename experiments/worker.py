"""One of several processes of a training: ``torchrun ... -m experiments.worker FOLDER``."""

import os
import sys
import traceback

from experiments.trainings import ERROR, read_training, train_and_evaluate, write_result
from mmsrdl.apis.distributed import finish_distributed


def main(folder: str) -> None:
    """Trains with the other processes; the first one writes the result."""
    training = read_training(folder)
    try:
        result = train_and_evaluate(training)
    except Exception:
        # The first error is the cause; those of the others follow from it.
        if not (training.folder / ERROR).exists():
            (training.folder / ERROR).write_text(traceback.format_exc(), encoding="utf-8")
        raise
    if os.environ["RANK"] == "0":
        write_result(training, result)
    finish_distributed()


if __name__ == "__main__":
    main(*sys.argv[1:])

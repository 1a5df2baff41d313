"""Tells a head of open vocabularies which labels each data set has."""

from collections.abc import Sequence
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import BaseLoop, Runner

from mmsrdl.checkpoint import check_label_vectors, trained_classes
from mmsrdl.engine.hooks.bare_model import bare_model
from mmsrdl.engine.hooks.built_loops import built_loops, classes_of
from mmsrdl.evaluation import OpenVocabularyMetric
from mmsrdl.registry import HOOKS


@HOOKS.register_module()
class VocabularyHook(Hook):
    """Sets the vocabulary of a head such as :class:`SigRLHead` to the classes of the data.

    Training, validation and test may so have different labels, such as 925 seen ones and 81 more.
    After an evaluation the head has the vocabulary that it had before. The labels of the training
    are those of the training set, or else those that the checkpoint names. Other heads are left
    alone. Every run of ``mmsrdl`` has this hook.

    Raises:
        ValueError: In ``before_run``, if a label of a data set has no vector, or the head's
            ``zsl_vocabulary`` is not the unseen classes of an :class:`OpenVocabularyMetric`; in
            ``after_load_checkpoint``, if a checkpoint was trained with other vectors.
    """

    priority = "VERY_HIGH"

    def __init__(self) -> None:
        self._before: tuple[str, ...] | None = None

    def before_run(self, runner: Runner) -> None:
        """Looks up the vectors of all labels, and compares the unseen ones, ahead of all else."""
        if follows_vocabulary(runner):
            head = _head_of(runner)
            for stage, loop in built_loops(runner):
                if classes := classes_of(loop):
                    head.embedder.vectors_of(classes)
                if head.zsl_vocabulary is not None and stage != "train":
                    _check_unseen(loop, head.zsl_vocabulary)
            if head.zsl_vocabulary:
                head.embedder.vectors_of(head.zsl_vocabulary)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Writes down what the label vectors are made from."""
        if follows_vocabulary(runner):
            checkpoint["meta"]["label_vectors"] = _head_of(runner).embedder.source.fingerprint

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Takes the labels of the training from a checkpoint.

        Raises:
            ValueError: If it is resumed or evaluated, and was trained with other label vectors.
        """
        if not follows_vocabulary(runner):
            return
        if runner._resume or not isinstance(runner._train_loop, BaseLoop):
            fingerprint = _head_of(runner).embedder.source.fingerprint
            check_label_vectors(checkpoint, fingerprint, runner._load_from or "")
        if names := trained_classes(checkpoint):
            _head_of(runner).set_trained_classes(names)

    def before_train(self, runner: Runner) -> None:
        """Takes the labels of the training set."""
        classes = classes_of(runner.train_loop)
        if follows_vocabulary(runner) and classes:
            _head_of(runner).set_vocabulary(classes)
            _head_of(runner).set_trained_classes(classes)

    def before_val_epoch(self, runner: Runner) -> None:
        """Takes the labels of the validation set."""
        self._ask_for_those_of(runner, runner.val_loop)

    def before_test_epoch(self, runner: Runner) -> None:
        """Takes the labels of the test set."""
        self._ask_for_those_of(runner, runner.test_loop)

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Gives the head its vocabulary back."""
        self._restore(runner)

    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Gives the head its vocabulary back."""
        self._restore(runner)

    def _ask_for_those_of(self, runner: Runner, loop: Any) -> None:
        classes: Sequence[str] = classes_of(loop)
        if follows_vocabulary(runner) and classes:
            self._before = _head_of(runner).classes
            _head_of(runner).set_vocabulary(classes)

    def _restore(self, runner: Runner) -> None:
        if self._before is not None:
            _head_of(runner).set_vocabulary(self._before)
            self._before = None


def follows_vocabulary(runner: Runner) -> bool:
    """Says whether the run's head takes any vocabulary, and has a hook that tells it."""
    is_open = getattr(_head_of(runner), "open_vocabulary", False)
    return is_open and any(isinstance(hook, VocabularyHook) for hook in runner.hooks)


def _check_unseen(loop: Any, vocabulary: Sequence[str]) -> None:
    """Refuses a vocabulary whose scores the metrics of a loop would take for other classes'."""
    for metric in loop.evaluator.metrics:
        if isinstance(metric, OpenVocabularyMetric):
            metric.check_vocabulary(vocabulary)


def _head_of(runner: Runner) -> Any:
    return getattr(bare_model(runner), "head", None)

"""Multi-label predictions for images, in MMPretrain's conventions of inferencers."""

import os
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from numbers import Real
from threading import RLock
from typing import Any

import numpy as np
import torch
from mmcv.transforms import LoadImageFromFile
from mmengine.config import Config
from mmengine.dataset import Compose, default_collate
from mmengine.device import get_device
from mmengine.registry import DefaultScope
from mmpretrain.apis.base import BaseInferencer
from mmpretrain.registry import TRANSFORMS
from PIL import Image
from torch import Tensor, nn

from mmsrdl.apis.class_maps import MapMethod, feature_class_maps, multi_label_head
from mmsrdl.apis.config import datasets_of, load_config
from mmsrdl.apis.image_inputs import ImageInputs, expand_inputs, to_bgr
from mmsrdl.apis.inference import load_model
from mmsrdl.apis.models import list_models
from mmsrdl.apis.prediction import Label, Prediction
from mmsrdl.arguments import check_integer
from mmsrdl.datasets.transforms.load_whole_image import load_whole_images
from mmsrdl.evaluation.thresholds import Thresholds
from mmsrdl.models.class_evidence import through_neck
from mmsrdl.models.classifiers import MCARClassifier

__all__ = ["MultiLabelInferencer"]


@dataclass(frozen=True, eq=False)
class PreparedImage:
    """An image that went through the test pipeline.

    Attributes:
        path: The file, if it came from one.
        data: What the pipeline returns; None where it failed.
        error: Why it failed.
    """

    path: str | None
    data: dict[str, Any] | None = None
    error: Exception | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Size of the image that the model sees."""
        return () if self.data is None else tuple(self.data["inputs"].shape)

    @property
    def reason(self) -> str:
        """The error in words."""
        return f"{type(self.error).__name__}: {str(self.error).strip()}"


class MultiLabelInferencer(BaseInferencer):
    """Predicts which classes images show.

    The scores are those of ``mmsrdl test``: the config's test pipeline and data preprocessor
    prepare the images. A class is predicted where its score is at or above its threshold, unlike
    in MMPretrain's ``ImageClassificationInferencer``, which takes the one highest score.
    Threads may share an inferencer, also with classes of their own.

    Args:
        model: Config file, name of a model or :class:`Config`, see :func:`load_config`; or a
            model, which is set to evaluation mode.
        checkpoint: Checkpoint of a model that is given by its config, see :func:`load_model`.
        device: Where the model goes. Defaults to the GPU where there is one, else the CPU; a given
            model stays where it is.
        thresholds: One for all classes in [0, 1]; the file that ``mmsrdl thresholds`` writes; or
            :class:`Thresholds`. The latter two also calibrate the scores, where they have a
            temperature: all scores, labels and files then hold calibrated scores. Defaults to
            the ``thr`` of the model's head, or 0.5 where it has none.
        classes: All C class names in the model's order, where neither checkpoint nor model names
            them; of a model of open vocabularies any names, see :func:`load_model`.
        config: Config of a given model, where MMPretrain's or mmsrdl's ``get_model`` has not
            left it there.

    Raises:
        FileNotFoundError: If a file does not exist.
        TypeError: If the model has no multi-label head.
        ValueError: If the checkpoint is of another model, class names or thresholds are missing,
            or the config has no test pipeline.

    Example:
        >>> inferencer = MultiLabelInferencer("my_config.py", "best.pth")  # doctest: +SKIP
        >>> for prediction in inferencer.stream("photos", batch_size=8):  # doctest: +SKIP
        ...     print(prediction.path, *prediction.labels)
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | Config | nn.Module,
        checkpoint: str | os.PathLike[str] | None = None,
        device: str | torch.device | None = None,
        thresholds: float | str | os.PathLike[str] | Thresholds | None = None,
        classes: Sequence[str] | None = None,
        config: str | os.PathLike[str] | Config | None = None,
    ) -> None:
        if isinstance(model, nn.Module):
            if checkpoint is not None:
                raise ValueError(
                    f"checkpoint={str(checkpoint)!r} has no effect on a model that is given as "
                    "such; give its config in place of the model"
                )
            config = getattr(model, "_config", None) if config is None else config
            if config is None:
                raise ValueError("config=None, and the model carries none: give its config")
            self.config = _read(config)
            self.model = (model if device is None else model.to(device)).eval()
            names = _names_of(model, classes)
        else:
            if checkpoint is None:
                raise ValueError(
                    f"checkpoint=None leaves model={str(model)!r} without weights: give a "
                    "checkpoint file"
                )
            self.config = _read(model)
            where = str(device or get_device())
            self.model, names = load_model(self.config, str(checkpoint), where, classes)
            self.model.to(memory_format=torch.channels_last)  # convolutions are faster
        self.classes = tuple(names)
        head = multi_label_head(self.model)
        self.is_open: bool = getattr(head, "open_vocabulary", False)
        self._asking = RLock()
        self.thresholds = _thresholds(thresholds, self.classes, head)
        self._has_one_threshold = thresholds is None or isinstance(thresholds, Real)
        self.pipeline = self._init_pipeline(self.config)
        self.visualizer = None

    def __call__(
        self,
        inputs: ImageInputs,
        *,
        return_datasamples: bool = False,
        batch_size: int = 1,
        **kwargs: Any,
    ) -> list[Any]:
        """Predicts all images.

        Args:
            inputs: Images, see :func:`expand_inputs`.
            return_datasamples: Whether to return MMPretrain's ``DataSample`` in place of
                :class:`Prediction`.
            batch_size: Images in one forward pass.
            **kwargs: Further arguments of :meth:`stream`.

        Returns:
            A prediction an image, in order.
        """
        results = self.stream(inputs, batch_size=batch_size, **kwargs)
        if return_datasamples:
            return [result.to_data_sample() for result in results]
        return list(results)

    def stream(
        self,
        inputs: ImageInputs,
        *,
        batch_size: int = 1,
        classes: Sequence[str] | None = None,
        topk: int | None = None,
        maps: bool | MapMethod = False,
        on_error: str = "raise",
        num_workers: int = 2,
    ) -> Iterator[Prediction]:
        """Predicts images one after the other, so that any number of them can be.

        Args:
            inputs: Images, see :func:`expand_inputs`: files, folders, globs, arrays (uint8
                [H, W, 3], BGR as ``cv2.imread`` returns them) and PIL images.
            batch_size: Images in one forward pass at most. Only images that are of one size after
                the pipeline are put together, so that none is padded.
            classes: Names of the classes wanted, in the order wanted. Defaults to all. A model of
                open vocabularies, such as one with a :class:`SigRLHead`, takes any names, also such
                as it was not trained on: they are the vocabulary that it scores, and with
                published scores each depends on the others.
            topk: How many of the highest scores are named in ``Prediction.topk``.
            maps: Whether maps of the classes wanted are computed: a method of
                :func:`class_maps`, or True for ``'auto'``. ``'gradcam'`` takes a backward pass of
                the head for each of them.
            on_error: ``'raise'`` stops at an image that cannot be read, ``'skip'`` yields a
                prediction with ``error``.
            num_workers: Threads that read images ahead; with 0 none is read ahead.

        Yields:
            A prediction an image, in order.

        Raises:
            TypeError: If an argument is of another type.
            ValueError: If a class is unknown, a number is out of range, or the head does not
                offer the maps.
            FileNotFoundError: If images do not exist, unless they are skipped.
            RuntimeError: If an image cannot be read, unless it is skipped.
        """
        if on_error not in ("raise", "skip"):
            raise ValueError(f"on_error={on_error!r} is unknown; use 'raise' or 'skip'")
        check_integer("batch_size", batch_size, low=1, example=8)
        check_integer("num_workers", num_workers, low=0, example=2)
        names, index = self._asked(classes)
        if topk is not None:
            check_integer("topk", topk, low=1, example=3)
            if topk > len(index):
                raise ValueError(f"topk={topk} exceeds the number of classes, {len(index)}")
        sources = expand_inputs(inputs)
        if on_error == "raise":
            check_files(sources)
        method: MapMethod | None = "auto" if maps is True else maps or None
        if method is not None and self._crops:
            warnings.warn(
                f"the test pipeline has {', '.join(self._crops)}: maps are of what it leaves of an "
                "image, and lie wrong on pictures of the whole one; use a test pipeline of "
                "LoadImageFromFile, Resize and PackInputs for maps",
                stacklevel=2,
            )

        def predictions() -> Iterator[Prediction]:
            for batch in self.preprocess(sources, batch_size, num_workers, on_error):
                scores, found = self.forward(batch, method, index, names)
                yield from self.postprocess(batch, scores, found, index, topk, names)

        return predictions()

    def preprocess(
        self,
        inputs: Sequence[str | np.ndarray | Image.Image],
        batch_size: int = 1,
        num_workers: int = 2,
        on_error: str = "raise",
    ) -> Iterator[list[PreparedImage]]:
        """Yields batches of images that went through the test pipeline.

        Args:
            inputs: Output of :func:`expand_inputs`.
            batch_size: See :meth:`stream`.
            num_workers: See :meth:`stream`.
            on_error: See :meth:`stream`.

        Yields:
            Images in order. Those without error are at most ``batch_size`` and of one shape.
        """
        batch: list[PreparedImage] = []
        shapes: list[tuple[int, ...]] = []
        for image in _ahead(self._prepare, inputs, num_workers, 2 * batch_size):
            if image.error is not None and on_error == "raise":
                raise RuntimeError(
                    f"image {image.path or 'in memory'!r} cannot be prepared: {image.reason}. If "
                    "it is damaged or no image, leave it out, or skip all such images: "
                    "on_error='skip', --skip-broken"
                ) from image.error
            if image.error is None:
                if len(shapes) == batch_size or (shapes and image.shape != shapes[0]):
                    yield batch
                    batch, shapes = [], []
                shapes.append(image.shape)
            elif not shapes:
                yield [image]  # waits for no other, as there may be none
                continue
            batch.append(image)
        if batch:
            yield batch

    @torch.no_grad()
    def forward(
        self,
        inputs: list[PreparedImage],
        maps: MapMethod | None = None,
        classes: Tensor | None = None,
        names: Sequence[str] | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """Runs the model.

        Args:
            inputs: A batch of :meth:`preprocess`.
            maps: Method of :func:`class_maps`, or None for no maps.
            classes: Indices of the classes whose maps are wanted, [K].
            names: C names that are scored. Defaults to those of the model; others only where it is
                one of open vocabularies.

        Returns:
            Calibrated scores [B, C], and maps [B, K, h, w] or None, on the CPU; B is the number of
            images without error.
        """
        names = self.classes if names is None else names
        with self._vocabulary(names):
            return self._forward(inputs, maps, classes, len(names))

    def _forward(
        self,
        inputs: list[PreparedImage],
        maps: MapMethod | None,
        classes: Tensor | None,
        num_classes: int,
    ) -> tuple[Tensor, Tensor | None]:
        data = [image.data for image in inputs if image.data is not None]
        if not data:
            return torch.empty(0, num_classes), None
        model: Any = self.model
        batch = model.data_preprocessor(default_collate(data), False)
        features = model.backbone(batch["inputs"])
        if isinstance(model, MCARClassifier):
            samples = model.predict(batch["inputs"], batch["data_samples"], features)
        else:
            samples = model.head.predict(through_neck(model, features), batch["data_samples"])
        scores = torch.stack([sample.pred_score for sample in samples]).float().cpu()
        if scores.shape[1] != num_classes:
            raise ValueError(
                f"the model scores {scores.shape[1]} classes but has {num_classes} names; "
                "give all its class names as classes=[...]"
            )
        if not scores.isfinite().all():
            raise ValueError("the model's scores are not finite: its weights or inputs are broken")
        found = None if maps is None else feature_class_maps(model, features, classes, maps)
        return self.thresholds.calibrate(scores), None if found is None else found.float().cpu()

    def postprocess(
        self,
        inputs: list[PreparedImage],
        scores: Tensor,
        maps: Tensor | None,
        classes: Tensor,
        topk: int | None = None,
        names: Sequence[str] | None = None,
    ) -> Iterator[Prediction]:
        """Yields the predictions of a batch.

        Args:
            inputs: A batch of :meth:`preprocess`.
            scores: Of :meth:`forward`, [B, C].
            maps: Of :meth:`forward`, [B, K, h, w].
            classes: Indices of the classes wanted, [K].
            topk: See :meth:`stream`.
            names: See :meth:`forward`.
        """
        every = self.classes if names is None else names
        names = tuple(every[index] for index in classes.tolist())
        limits = self.thresholds_of(names)
        row = 0
        for image in inputs:
            if image.error is not None:
                yield Prediction(image.path, names, error=image.reason)
                continue
            score = scores[row, classes]
            order = score.sort(descending=True, stable=True).indices.tolist()
            ranked = [Label(names[i], score[i].item()) for i in order]
            above = (score >= limits)[order].tolist()
            yield Prediction(
                path=image.path,
                classes=names,
                scores=score,
                labels=tuple(label for label, it_is in zip(ranked, above, strict=True) if it_is),
                topk=tuple(ranked[:topk]) if topk else (),
                maps=None if maps is None else maps[row],
            )
            row += 1

    @staticmethod
    def list_models(pattern: str | None = None) -> list[str]:
        """Lists the models of mmsrdl, see :func:`mmsrdl.list_models`."""
        return list_models(pattern)

    def _init_pipeline(self, cfg: Config) -> Callable[[dict], Any]:
        """Builds the test pipeline, and the part of it that takes images already read."""
        loader = cfg.get("test_dataloader")
        steps = None if loader is None else next(datasets_of(loader.dataset)).get("pipeline")
        if not steps:
            raise ValueError("the config has no test_dataloader.dataset.pipeline; give it one")
        with DefaultScope.overwrite_default_scope(cfg.get("default_scope", "mmpretrain")):
            transforms = load_whole_images([TRANSFORMS.build(step) for step in steps])
        readers = [i for i, each in enumerate(transforms) if isinstance(each, LoadImageFromFile)]
        kinds = [type(each).__name__ for each in transforms]
        self._crops = [kind for kind in kinds if "Crop" in kind or "Pad" in kind]
        self._reader = transforms[readers[0]] if readers else None
        self._after_reading = Compose(transforms[readers[0] + 1 :]) if readers else None
        return Compose(transforms)

    def _prepare(self, source: str | np.ndarray | Image.Image) -> PreparedImage:
        """Reads an image and takes it through the pipeline; runs in threads."""
        path = source if isinstance(source, str) else getattr(source, "filename", None) or None
        try:
            if isinstance(source, str):
                check_files([source])
                data = self.pipeline({"img_path": source})
            else:
                data = self._prepare_array(to_bgr(source), path)
            if data is None:
                raise ValueError("the test pipeline returns nothing for it")
        except Exception as error:
            return PreparedImage(path, error=error)
        return PreparedImage(path, data)

    def _prepare_array(self, image: np.ndarray, path: str | None) -> Any:
        if self._reader is None or self._after_reading is None:
            raise ValueError("the config's test pipeline has no LoadImageFromFile: give files")
        if self._reader.to_float32:
            image = image.astype(np.float32)
        size = image.shape[:2]
        given = {"img": image, "img_shape": size, "ori_shape": size, "img_path": path}
        return self._after_reading(given)

    @contextmanager
    def _vocabulary(self, names: Sequence[str]) -> Iterator[None]:
        """Makes a context in which the model scores these names, one thread at a time."""
        if not self.is_open:
            yield
            return
        head: Any = self.model.head
        with self._asking, head.vocabulary(names):
            yield

    def thresholds_of(self, names: Sequence[str]) -> Tensor:
        """Returns the thresholds of names, [K]; one for all is that of new names, too.

        Args:
            names: K names that the model scores.

        Raises:
            ValueError: If thresholds were tuned, and one of the names has none.
        """
        if self.is_open and self._has_one_threshold:
            return torch.full((len(names),), self.thresholds.values[0])
        return self.thresholds.of(names)

    def _asked(self, classes: Sequence[str] | None) -> tuple[tuple[str, ...], Tensor]:
        """Returns the names that the model scores, and the indices of those wanted, [K].

        What is asked of a model of open vocabularies is all that it scores.
        """
        if classes is None:
            return self.classes, torch.arange(len(self.classes))
        if isinstance(classes, str) or not classes:
            raise ValueError(f"classes={classes!r} must be a list of at least one class name")
        if not self.is_open:
            return self.classes, self._index_of(classes)
        names = tuple(classes)
        with self._vocabulary(names):  # refuses names before images are read
            self.thresholds_of(names)
        return names, torch.arange(len(names))

    def _index_of(self, classes: Sequence[str]) -> Tensor:
        """Returns the indices of classes by name, [K]."""
        for name in classes:
            if name not in self.classes:
                near = get_close_matches(str(name), self.classes, n=1)
                raise ValueError(
                    f"classes: the model has no class {name!r}"
                    + (f"; did you mean {near[0]!r}?" if near else f"; it has {self.classes}")
                    + ". Names that it was not trained on are for models of open vocabularies, "
                    "those with a SigRLHead"
                )
        if len(set(classes)) < len(classes):
            raise ValueError(f"classes={list(classes)} names a class twice")
        return torch.tensor([self.classes.index(name) for name in classes])


def check_files(sources: Iterable[Any]) -> None:
    """Raises FileNotFoundError if there are paths at which there is no file."""
    missing = [path for path in sources if isinstance(path, str) and not os.path.isfile(path)]
    if missing:
        raise FileNotFoundError(f"{len(missing)} images do not exist: {', '.join(missing[:10])}")


def _read(config: str | os.PathLike[str] | Config) -> Config:
    return config if isinstance(config, Config) else load_config(os.fspath(config))


def _names_of(model: nn.Module, classes: Sequence[str] | None) -> Sequence[str]:
    """Returns the class names that are given, or that a model carries."""
    embedder: Any = getattr(getattr(model, "head", None), "embedder", None)
    carried = (getattr(model, "_dataset_meta", None) or {}).get("classes")
    names = classes or carried or getattr(embedder, "classes", None)
    if not names:
        raise ValueError("classes=None, and the model carries no class names: give them")
    return names


def _thresholds(given: Any, classes: tuple[str, ...], head: Any) -> Thresholds:
    """Returns thresholds of all classes."""
    if isinstance(given, str | os.PathLike):
        given = Thresholds.load(given)
    if not isinstance(given, Thresholds):
        value = head.thr if given is None else given
        value = 0.5 if value is None else value
        return Thresholds(classes, (value,) * len(classes))
    given.of(classes)
    return given


def _ahead(
    work: Callable[[Any], PreparedImage], sources: Iterable[Any], workers: int, ahead: int
) -> Iterator[PreparedImage]:
    """Yields the results in order, while threads work on the next ones."""
    if not workers:
        yield from map(work, sources)
        return
    sources = iter(sources)
    with ThreadPoolExecutor(workers) as pool:
        pending = deque(pool.submit(work, each) for each in islice(sources, ahead + workers))
        try:
            while pending:
                result = pending.popleft().result()
                pending.extend(pool.submit(work, each) for each in islice(sources, 1))
                yield result
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

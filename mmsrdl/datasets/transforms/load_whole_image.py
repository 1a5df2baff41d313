"""Loading of images that refuses what would be decoded in part."""

import os
from collections.abc import Iterable

import mmcv
import mmengine.fileio as fileio
import numpy as np
from mmcv.transforms import BaseTransform, LoadImageFromFile

from mmsrdl.datasets.jpeg import jpeg_is_cut
from mmsrdl.registry import TRANSFORMS

__all__ = ["LoadWholeImage", "load_whole_images"]


@TRANSFORMS.register_module()
class LoadWholeImage(LoadImageFromFile):
    """``LoadImageFromFile`` that refuses a JPEG that was cut short, whatever the decoder.

    OpenCV up to 4.11 returns such an image with grey, or whatever was in memory before, in place of
    what is missing, and says nothing to Python; later versions refuse it, as all do with other
    formats. See :func:`mmsrdl.datasets.jpeg.jpeg_is_cut`. Sound images are decoded as MMCV's
    transform decodes them, bit for bit.

    :class:`mmsrdl.datasets.MultiLabelDataset` and the inferencer put it in the place of MMCV's own
    ``LoadImageFromFile``, so that configs need not name it.

    **Required Keys:** ``img_path``

    **Modified Keys:** ``img``, uint8 [H, W, 3], BGR; ``img_shape`` and ``ori_shape``, (H, W)

    Args:
        *args: Passed to :class:`mmcv.transforms.LoadImageFromFile`, which names them.
        **kwargs: Likewise. ``ignore_empty`` has no effect: what becomes of images that cannot be
            loaded is for the data set's ``on_bad_image`` to say.

    Raises:
        OSError: When applied, if the file cannot be read, or is a folder, pipe or device.
        ValueError: Likewise, if it is empty, cut short, or none that the decoder knows.
    """

    @classmethod
    def like(cls, loader: LoadImageFromFile) -> "LoadWholeImage":
        """Makes one with the settings of MMCV's transform."""
        made = cls.__new__(cls)
        made.__dict__.update(loader.__dict__)
        return made

    def transform(self, results: dict) -> dict:
        """Loads ``results['img_path']``."""
        content = self._read(results["img_path"])
        if not content:
            raise ValueError("the file is empty (0 bytes)")
        if jpeg_is_cut(content):
            raise ValueError(f"the JPEG is cut short: its {len(content)} bytes hold no end marker")
        img = mmcv.imfrombytes(content, flag=self.color_type, backend=self.imdecode_backend)
        if img is None:
            start = content[:16].decode("ascii", errors="replace")
            raise ValueError(
                f"failed to load image: {self.imdecode_backend} cannot decode its {len(content)} "
                f"bytes, which begin with {start!r}"
            )
        if self.to_float32:
            img = img.astype(np.float32)
        results.update(img=img, img_shape=img.shape[:2], ori_shape=img.shape[:2])
        return results

    def _read(self, path: str) -> bytes:
        # A pipe would be waited for, for ever.
        if not os.path.isfile(path) and os.path.exists(path):
            raise OSError(f"'{path}' is a folder, pipe or device, and no file")
        if self.file_client_args is not None:
            return fileio.FileClient.infer_client(self.file_client_args, path).get(path)
        return fileio.get(path, backend_args=self.backend_args)


def load_whole_images(transforms: Iterable[BaseTransform]) -> list[BaseTransform]:
    """Puts :class:`LoadWholeImage` in the place of MMCV's ``LoadImageFromFile``.

    Args:
        transforms: Of a pipeline. Own loaders, those derived from MMCV's too, stay as they are.
    """
    return [
        LoadWholeImage.like(each) if type(each) is LoadImageFromFile else each
        for each in transforms
    ]

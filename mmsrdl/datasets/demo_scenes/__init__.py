"""Demo scenes: small drawn pictures with several labels each, made without any download.

Every scene holds one to five drawn things on a cluttered background. Only their form
tells them apart: fill, outline, background and clutter are drawn independently of the
class, and all classes share one distribution of object areas. (:func:`draw_scene` can give
objects colours that have names, too, for labels such as "red kite".) Some classes pull others
in (``PARTNERS``), some objects are small, some are partly covered.

The set is written as JPEG files and COCO instances json, so that whatever reads COCO
reads the demo too.
"""

from mmsrdl.datasets.demo_scenes.catalogue import (
    CLASSES,
    COLOURS,
    MAX_OCCLUSION,
    OCCLUDED_FROM,
    PARTNERS,
    SMALL_SHARE,
)
from mmsrdl.datasets.demo_scenes.files import write_demo_scenes
from mmsrdl.datasets.demo_scenes.scene import Scene, SceneObject, draw_scene
from mmsrdl.datasets.demo_scenes.subsets import subset_targets

__all__ = [
    "CLASSES",
    "COLOURS",
    "MAX_OCCLUSION",
    "OCCLUDED_FROM",
    "PARTNERS",
    "SMALL_SHARE",
    "Scene",
    "SceneObject",
    "draw_scene",
    "subset_targets",
    "write_demo_scenes",
]

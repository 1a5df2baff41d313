"""Registries of mmsrdl: children of MMEngine's roots, in the scope ``mmsrdl``.

Because their parent is the root and their ``locations`` are imported on the
first look-up, ``type='mmsrdl.CARHead'`` resolves from the scope of any
OpenMMLab code base without ``custom_imports``.
"""

from mmengine.registry import DATA_SAMPLERS as ROOT_DATA_SAMPLERS
from mmengine.registry import DATASETS as ROOT_DATASETS
from mmengine.registry import HOOKS as ROOT_HOOKS
from mmengine.registry import METRICS as ROOT_METRICS
from mmengine.registry import MODELS as ROOT_MODELS
from mmengine.registry import TRANSFORMS as ROOT_TRANSFORMS
from mmengine.registry import Registry

__all__ = ["DATASETS", "DATA_SAMPLERS", "HOOKS", "METRICS", "MODELS", "TRANSFORMS"]

SCOPE = "mmsrdl"

MODELS = Registry("model", parent=ROOT_MODELS, scope=SCOPE, locations=["mmsrdl.models"])
HOOKS = Registry("hook", parent=ROOT_HOOKS, scope=SCOPE, locations=["mmsrdl.engine"])
DATASETS = Registry("dataset", parent=ROOT_DATASETS, scope=SCOPE, locations=["mmsrdl.datasets"])
DATA_SAMPLERS = Registry(
    "data sampler", parent=ROOT_DATA_SAMPLERS, scope=SCOPE, locations=["mmsrdl.datasets"]
)
TRANSFORMS = Registry(
    "transform", parent=ROOT_TRANSFORMS, scope=SCOPE, locations=["mmsrdl.datasets"]
)
METRICS = Registry("metric", parent=ROOT_METRICS, scope=SCOPE, locations=["mmsrdl.evaluation"])

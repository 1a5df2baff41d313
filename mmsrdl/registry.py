"""Registries of mmsrdl: children of MMEngine's roots, in the scope ``mmsrdl``.

Because their parent is the root and their ``locations`` are imported on the
first look-up, ``type='mmsrdl.CARHead'`` resolves from the scope of any
OpenMMLab code base without ``custom_imports``. Names without a prefix are
MMPretrain's, too, see :class:`ScopeRegistry`.
"""

from mmengine import registry as root
from mmengine.registry import DATA_SAMPLERS as ROOT_DATA_SAMPLERS
from mmengine.registry import DATASETS as ROOT_DATASETS
from mmengine.registry import FUNCTIONS as ROOT_FUNCTIONS
from mmengine.registry import HOOKS as ROOT_HOOKS
from mmengine.registry import LOOPS as ROOT_LOOPS
from mmengine.registry import METRICS as ROOT_METRICS
from mmengine.registry import MODELS as ROOT_MODELS
from mmengine.registry import TRANSFORMS as ROOT_TRANSFORMS

import mmsrdl.checkpoint  # noqa: F401  no run that uses a part of ours reads checkpoints unsafely
from mmsrdl._registry import ScopeRegistry

__all__ = [
    "DATASETS",
    "DATA_SAMPLERS",
    "FUNCTIONS",
    "HOOKS",
    "LOOPS",
    "METRICS",
    "MODELS",
    "TRANSFORMS",
]

SCOPE = "mmsrdl"

MODELS = ScopeRegistry("model", parent=ROOT_MODELS, scope=SCOPE, locations=["mmsrdl.models"])
HOOKS = ScopeRegistry("hook", parent=ROOT_HOOKS, scope=SCOPE, locations=["mmsrdl.engine"])
LOOPS = ScopeRegistry("loop", parent=ROOT_LOOPS, scope=SCOPE, locations=["mmsrdl.engine"])
DATASETS = ScopeRegistry(
    "dataset", parent=ROOT_DATASETS, scope=SCOPE, locations=["mmsrdl.datasets"]
)
DATA_SAMPLERS = ScopeRegistry(
    "data sampler", parent=ROOT_DATA_SAMPLERS, scope=SCOPE, locations=["mmsrdl.datasets"]
)
TRANSFORMS = ScopeRegistry(
    "transform", parent=ROOT_TRANSFORMS, scope=SCOPE, locations=["mmsrdl.datasets"]
)
METRICS = ScopeRegistry("metric", parent=ROOT_METRICS, scope=SCOPE, locations=["mmsrdl.evaluation"])
FUNCTIONS = ScopeRegistry(
    "function", parent=ROOT_FUNCTIONS, scope=SCOPE, locations=["mmsrdl.datasets"]
)

# Nothing of ours is in these, but MMEngine looks into them where a config was inherited through
# `mmsrdl::`, and would warn that they are missing.
for parent in (
    root.EVALUATOR,
    root.LOG_PROCESSORS,
    root.MODEL_WRAPPERS,
    root.OPTIM_WRAPPERS,
    root.OPTIM_WRAPPER_CONSTRUCTORS,
    root.OPTIMIZERS,
    root.PARAM_SCHEDULERS,
    root.RUNNERS,
    root.RUNNER_CONSTRUCTORS,
    root.TASK_UTILS,
    root.VISBACKENDS,
    root.VISUALIZERS,
    root.WEIGHT_INITIALIZERS,
):
    ScopeRegistry(parent.name, parent=parent, scope=SCOPE, locations=["mmsrdl"])

"""Registries of mmlung, children of mmengine's: the scope ``mmlung`` in every config.

Keep this file trivial: mmengine swallows an ImportError raised in it.
"""

from mmengine.config import utils as _config_utils
from mmengine.registry import DATA_SAMPLERS as MMENGINE_DATA_SAMPLERS
from mmengine.registry import DATASETS as MMENGINE_DATASETS
from mmengine.registry import HOOKS as MMENGINE_HOOKS
from mmengine.registry import METRICS as MMENGINE_METRICS
from mmengine.registry import MODELS as MMENGINE_MODELS
from mmengine.registry import (
    OPTIM_WRAPPER_CONSTRUCTORS as MMENGINE_OPTIM_WRAPPER_CONSTRUCTORS,
)
from mmengine.registry import OPTIM_WRAPPERS as MMENGINE_OPTIM_WRAPPERS
from mmengine.registry import TRANSFORMS as MMENGINE_TRANSFORMS
from mmengine.registry import Registry

# mmengine's table of package names is closed: without this line it does not know ours.
_config_utils.MODULE2PACKAGE.setdefault('mmlung', 'mmlung')


def _child(name: str, parent: Registry, *locations: str) -> Registry:
    return Registry(
        name,
        parent=parent,
        scope='mmlung',
        locations=[f'mmlung.{location}' for location in locations],
    )


MODELS = _child('model', MMENGINE_MODELS, 'models')
DATASETS = _child('dataset', MMENGINE_DATASETS, 'datasets')
DATA_SAMPLERS = _child('data sampler', MMENGINE_DATA_SAMPLERS, 'datasets')
TRANSFORMS = _child('transform', MMENGINE_TRANSFORMS, 'datasets')
METRICS = _child('metric', MMENGINE_METRICS, 'evaluation')
HOOKS = _child(
    'hook',
    MMENGINE_HOOKS,
    'checkpoint',
    'training.head_warm_up',
    'training.positive_weight',
    'training.resume',
)
OPTIM_WRAPPERS = _child('optimizer wrapper', MMENGINE_OPTIM_WRAPPERS, 'training.amp')
OPTIM_WRAPPER_CONSTRUCTORS = _child(
    'optimizer wrapper constructor',
    MMENGINE_OPTIM_WRAPPER_CONSTRUCTORS,
    'training.layer_decay',
)

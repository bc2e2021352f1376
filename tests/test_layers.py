"""The architecture as a test: imports only point down, and no module grows without end.

A new module or package needs a line in ``TABLE``: its layer, what it may import of
mmlung, and which third-party packages. Imports inside functions count.
"""

import ast
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parent.parent
ROOTS = ('mmlung', 'data_converters', 'tools', 'benchmarks')
MAX_LINES = 300
LONGER = {}
"""Modules above 300 lines, each with its reason."""

TORCH = {'torch', 'torchvision'}
MM = {'mmengine', 'mmcv', 'mmdet', 'mmpretrain'}
NUMERIC = {'numpy', 'scipy'}

# name: (layer, may import of mmlung, may import of others)
TABLE = {
    '__init__': (0, set(), set()),
    '_optional': (0, set(), set()),
    '_pipe': (0, set(), set()),
    'atomic': (0, set(), set()),
    'boxes': (0, set(), NUMERIC),
    'dicom': (
        0,
        {'_optional'},
        NUMERIC | {'PIL', 'cv2', 'gdcm', 'kornia_rs', 'pydicom'},
    ),
    'findings': (0, set(), NUMERIC),
    'findings_map': (0, set(), set()),
    'official_lists': (0, set(), set()),
    'result': (0, set(), NUMERIC),
    '_mmcv_ext': (1, set(), TORCH | NUMERIC | {'mmcv'}),
    '_quiet': (1, set(), set()),
    'registry': (1, set(), {'mmengine'}),
    'checkpoint': (1, {'registry'}, TORCH | NUMERIC | {'mmengine'}),
    'config': (1, {'checkpoint'}, {'mmengine'}),
    'phantom': (1, {'findings'}, NUMERIC | {'cv2', 'joblib', 'pydicom', 'tqdm'}),
    'steps': (1, set(), set()),
    'training': (1, {'registry'}, TORCH | NUMERIC | {'mmengine', 'mmpretrain'}),
    'datasets': (
        2,
        {'registry', 'dicom', 'findings', 'findings_map', 'official_lists'},
        TORCH | MM | NUMERIC | {'cv2'},
    ),
    'evaluation': (
        2,
        {'registry', 'boxes', 'findings', 'result'},
        NUMERIC | {'mmengine'},
    ),
    'models': (2, {'registry'}, TORCH | MM),
    'comparison': (3, {'evaluation', 'result'}, NUMERIC),
    'curves': (3, {'evaluation', 'result'}, NUMERIC),
    'explain': (
        3,
        {'atomic', 'checkpoint', 'dicom', 'figures', 'provenance', 'result', 'testing'},
        TORCH
        | NUMERIC
        | {'cv2', 'matplotlib', 'mmengine', 'pytorch_grad_cam', 'skimage', 'tqdm'},
    ),
    'figures': (
        3,
        {'dicom', 'evaluation', 'result'},
        {'matplotlib', 'numpy', 'tqdm'},
    ),
    'provenance': (3, {'mmlung', 'checkpoint'}, TORCH | {'mmengine'}),
    'running': (3, {'checkpoint', 'config', 'training'}, TORCH | {'mmengine'}),
    'structured_report': (
        3,
        {'mmlung', '_optional', 'dicom', 'result'},
        {'PIL', 'numpy', 'pydicom'},
    ),
    'testing': (
        3,
        {'checkpoint', 'findings_map', 'provenance', 'running'},
        {'mmengine'},
    ),
    'cam_benchmark': (
        4,
        {'mmlung', 'checkpoint', 'dicom', 'evaluation', 'explain', 'figures'}
        | {'provenance', 'result'},
        TORCH | NUMERIC | {'cv2', 'matplotlib', 'mmengine', 'tqdm'},
    ),
    'calibration': (
        4,
        {'mmlung', 'checkpoint', 'datasets', 'evaluation', 'provenance', 'result'}
        | {'testing'},
        NUMERIC | {'mmengine'},
    ),
    'doctor': (
        4,
        {'mmlung', '_quiet', 'training'},
        TORCH | MM | {'packaging', 'pydicom'},
    ),
    'inferencer': (
        4,
        {'mmlung', '_quiet', 'atomic', 'boxes', 'calibration', 'checkpoint', 'config'}
        | {'dicom', 'evaluation', 'figures', 'provenance', 'result', 'testing'},
        TORCH | NUMERIC | MM | {'cv2', 'matplotlib', 'pydicom', 'tqdm'},
    ),
    'report': (
        4,
        {'atomic', 'boxes', 'curves', 'dicom', 'evaluation', 'result'},
        {'PIL', 'markupsafe', 'numpy'},
    ),
    'scorecard': (
        4,
        {'atomic', 'calibration', 'evaluation', 'findings_map', 'provenance'}
        | {'registry', 'result', 'testing'},
        {'mmengine'},
    ),
    'submission': (
        4,
        {'evaluation', 'findings', 'result', 'testing'},
        NUMERIC | {'mmengine'},
    ),
    'cli': (5, {'_pipe', 'mmlung', 'doctor'}, {'data_converters'}),
}
# Its own package, beside the layers: it must start in a fraction of a second.
CONVERTERS = (
    {'mmlung', 'findings', 'official_lists', 'boxes', 'dicom', '_optional', '_pipe'},
    NUMERIC | {'joblib', 'pandas', 'tqdm', 'yaml'},
)
SIBLINGS = {'datasets', 'models', 'evaluation'}


def imported(path):
    """Absolute dotted names that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text('utf-8'))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            # `from mmlung import config` names a module as well.
            own = node.module == 'mmlung'
            names = [f'mmlung.{alias.name}' for alias in node.names]
            yield from names if own else [node.module]


def sources(component):
    for path in (REPO / component, REPO / f'{component}.py'):
        if path.exists():
            return sorted(path.rglob('*.py')) if path.is_dir() else [path]
    raise FileNotFoundError(component)


def used(component):
    """What a component imports: (parts of mmlung, third-party packages)."""
    names = {name for path in sources(component) for name in imported(path)}
    ours = {name for name in names if name.partition('.')[0] == 'mmlung'}
    # `mmlung` itself stands for its version and its place.
    parts = {name.split('.')[1] if '.' in name else 'mmlung' for name in ours}
    others = {name.partition('.')[0] for name in names - ours}
    return parts, others - sys.stdlib_module_names - {Path(component).name}


def test_the_table_names_every_component():
    found = {
        path.stem
        for path in (REPO / 'mmlung').iterdir()
        if path.suffix == '.py' or (path / '__init__.py').is_file()
    }
    assert found == set(TABLE)


def test_the_table_itself_points_down():
    below = {name: row[1] - {'mmlung'} for name, row in TABLE.items()}
    for name, others in below.items():
        for other in others:
            assert TABLE[other][0] <= TABLE[name][0], f'{name} -> {other}'
    list(TopologicalSorter(below).static_order())  # raises on a circle
    for name in SIBLINGS:
        assert not TABLE[name][1] & SIBLINGS


@pytest.mark.parametrize('name', TABLE)
def test_imports_only_lower_layers(name):
    ours, others = used(f'mmlung/{name}')
    _, below, packages = TABLE[name]
    assert ours - {name} <= below, f'{name} must not import {ours - {name} - below}'
    assert others <= packages, f'{name} must not import {others - packages}'


def test_converters_use_the_lowest_layer_alone():
    ours, others = used('data_converters')
    assert ours <= CONVERTERS[0]
    assert others <= CONVERTERS[1]


@pytest.mark.parametrize('root', ['mmlung', 'data_converters'])
def test_nothing_imports_the_tools(root):
    _, others = used(root)
    assert not others & {'tools', 'benchmarks', 'tests'}


def test_imports_are_found_wherever_they_are(tmp_path):
    path = tmp_path / 'module.py'
    path.write_text(
        'import os.path\nfrom mmlung import config, dicom\nfrom . import sibling\n'
        'def f():\n    from mmlung.models.losses import MaskUnknown\n    import torch\n'
    )
    assert sorted(imported(path)) == [
        'mmlung.config',
        'mmlung.dicom',
        'mmlung.models.losses',
        'os.path',
        'torch',
    ]


def modules():
    return [path for root in ROOTS for path in sorted((REPO / root).rglob('*.py'))]


@pytest.mark.parametrize('path', modules(), ids=lambda p: str(p.relative_to(REPO)))
def test_no_module_grows_without_end(path):
    name = str(path.relative_to(REPO))
    n_lines = len(path.read_text('utf-8').splitlines())
    if name in LONGER:
        assert n_lines > MAX_LINES, f'{name} is short now: take it from LONGER'
    else:
        assert n_lines <= MAX_LINES, f'{name} has {n_lines} lines: split it, or say why'


@pytest.mark.parametrize('path', modules(), ids=lambda p: str(p.relative_to(REPO)))
def test_every_module_says_what_it_is(path):
    docstring = ast.get_docstring(ast.parse(path.read_text('utf-8')))
    assert docstring, 'a module starts with one sentence'
    assert docstring.splitlines()[0].endswith('.')


@pytest.mark.parametrize('banned', ['utils', 'common', 'misc', 'helpers'])
def test_modules_are_named_after_ideas(banned):
    assert banned not in {path.stem for path in modules()}

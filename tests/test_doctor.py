import importlib.metadata
import sys
from email.message import Message

import pytest

from mmlung import doctor
from mmlung.doctor import Line
from mmlung.doctor import examine
from mmlung.doctor import main
from mmlung.doctor import report


def by_name(lines):
    return {line.name: line for line in lines}


@pytest.fixture
def distribution(monkeypatch):
    """Pretend that mmlung is installed with these requirements."""

    def install(*requirements, extras=()):
        metadata = Message()
        for extra in extras:
            metadata['Provides-Extra'] = extra
        monkeypatch.setattr(importlib.metadata, 'requires', lambda name: requirements)
        monkeypatch.setattr(importlib.metadata, 'metadata', lambda name: metadata)

    return install


def test_this_environment_is_ready(capsys):
    code = main([])
    out = capsys.readouterr().out
    assert 'OneDL' not in out
    assert code == 0, out
    for name in ('mmlung', 'python', 'torch', 'onedl-mmdetection', 'onedl-mmpretrain'):
        assert name in out
    assert f'{importlib.metadata.version("torch")} (torch)' in out
    assert 'served by torchvision' in out or 'compiled: ' in out
    assert 'JPEG 2000' in out
    assert out.rstrip().endswith('ready')


def test_a_missing_package_is_a_problem_with_its_remedy(monkeypatch, capsys):
    packages = {**doctor._PACKAGES, 'pydicom': ('no-such-distribution',)}
    monkeypatch.setattr(doctor, '_PACKAGES', packages)
    assert main([]) == 1
    out = capsys.readouterr().out
    assert '! pydicom' in out
    assert 'missing: pip install no-such-distribution' in out
    assert 'to repair, marked with !' in out


@pytest.mark.parametrize(
    ('module', 'line'),
    [('torch', 'torch'), ('mmcv', 'mmcv ops'), ('pydicom', 'pydicom')],
)
def test_what_cannot_be_imported_is_reported_and_the_rest_goes_on(
    monkeypatch, module, line
):
    monkeypatch.setitem(sys.modules, module, None)
    lines = examine()
    failed = by_name(found for found in lines if found.problem)[line]
    assert module in failed.value
    assert {found.section for found in lines} == {
        'versions',
        'ops',
        'hardware',
        'DICOM',
        'extras',
    }


def test_wrong_ops_are_noticed(monkeypatch):
    import mmcv.ops
    import torch

    def keeps_all(boxes, scores, iou_threshold):
        return boxes, torch.arange(len(boxes))

    monkeypatch.setattr(mmcv.ops, 'nms', keeps_all)
    line = by_name(examine())['nms']
    assert line.problem
    assert line.value == 'wrong: kept [0, 1] where [1] is right'


def test_compiled_ops_are_named_by_their_file(monkeypatch, tmp_path):
    spec = importlib.util.spec_from_file_location('mmcv._ext', tmp_path / '_ext.so')
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: spec)
    line = next(doctor._ops())
    assert line.value == f'compiled: {tmp_path / "_ext.so"}'


def test_requirements_out_of_range_are_quoted_in_one_command(distribution):
    distribution('numpy>=1.0', 'torch>=99', 'no-such-package>=2; python_version>"3"')
    line = by_name(examine())['requirements']
    assert line.problem
    assert line.value == 'not met: pip install "torch>=99" "no-such-package>=2"'


def test_requirements_that_are_met(distribution):
    distribution('numpy>=1.0', 'no-such-package; sys_platform == "nowhere"')
    assert by_name(examine())['requirements'] == Line(
        'versions', 'requirements', 'all met'
    )


def test_extras_are_present_or_missing_with_their_command(distribution):
    distribution(
        'numpy>=1.0',
        'pytest>=1; extra == "test"',
        'no-such-package>=2; extra == "sr"',
        'numpy>=99; extra == "sr"',
        extras=('test', 'sr'),
    )
    extras = [line for line in examine() if line.section == 'extras']
    assert extras == [
        Line('extras', 'test', 'present'),
        Line(
            'extras',
            'sr',
            'missing no-such-package>=2, numpy>=99: pip install "mmlung[sr]"',
        ),
    ]


def test_a_folder_that_was_not_installed_says_so(monkeypatch):
    def absent(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, 'requires', absent)
    monkeypatch.setattr(importlib.metadata, 'metadata', absent)
    lines = by_name(examine())
    assert lines['requirements'].value.startswith('not checked: mmlung runs from its')
    assert lines['extras'].value == 'unknown: mmlung runs from its folder'
    assert not lines['requirements'].problem


def test_a_missing_decoder_is_a_problem(monkeypatch):
    class Absent:
        is_available = False

    monkeypatch.setattr('pydicom.pixels.get_decoder', lambda uid: Absent)
    lines = by_name(doctor._decoders())
    assert lines['JPEG 2000'] == Line(
        'DICOM',
        'JPEG 2000',
        'not read: pip install pylibjpeg pylibjpeg-openjpeg',
        problem=True,
    )
    assert lines['JPEG lossless'].value == 'not read: pip install python-gdcm'


def test_a_gpu_is_named(monkeypatch):
    class Gpu:
        name = 'Some GPU'
        total_memory = 8 * 2**30

    monkeypatch.setattr('torch.cuda.device_count', lambda: 1)
    monkeypatch.setattr('torch.cuda.is_available', lambda: True)
    monkeypatch.setattr('torch.cuda.get_device_properties', lambda i: Gpu)
    lines = by_name(doctor._hardware())
    assert lines['GPU 0'].value.startswith('Some GPU, 8 GiB, CUDA')
    assert 'GPU' not in lines


@pytest.mark.parametrize(('fast', 'word'), [(True, 'fast'), (False, 'slow')])
def test_bfloat16_of_the_cpu(monkeypatch, fast, word):
    monkeypatch.setattr('mmlung.training.amp.cpu_has_fast_bfloat16', lambda: fast)
    assert by_name(doctor._hardware())['CPU bfloat16'].value.startswith(word)


def test_the_report_is_aligned_by_section():
    lines = [
        Line('one', 'a', '1'),
        Line('one', 'longer', '2', problem=True),
        Line('two', 'b', '3'),
    ]
    assert report(lines).splitlines()[:-2] == [
        'one',
        '  a       1',
        '! longer  2',
        '',
        'two',
        '  b       3',
    ]

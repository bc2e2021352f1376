import hashlib
import json

import pytest

from mmlung import provenance
from mmlung.evaluation.froc import FP_PER_IMAGE
from mmlung.explain import run
from mmlung.report import read_sources
from mmlung.report.box_charts import RATES
from mmlung.report.sources import MAPS_NAME
from mmlung.report.sources import MAPS_SCHEMA
from mmlung.report.sources import METRICS_SCHEMA


def test_no_metrics(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r'metrics.json does not exist. `mmlung'
    ):
        read_sources(tmp_path)


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('{', 'is damaged'),
        ('[]', "must have the schema 'mmlung.metrics/1', got None"),
        ('{"schema": "mmlung.metrics/1", "data": {}}', 'lacks config, checkpoint'),
    ],
    ids=['json', 'schema', 'keys'],
)
def test_damaged_metrics(tmp_path, text, message):
    (tmp_path / 'metrics.json').write_text(text)
    with pytest.raises(ValueError, match=message):
        read_sources(tmp_path)


@pytest.mark.parametrize('key', ['checkpoint', 'data'])
def test_predictions_of_another_test(classifier, rewrite, key):
    rewrite(classifier / 'predictions.json', lambda c: c[key].update(sha256='c' * 64))
    with pytest.raises(ValueError, match=f'of different tests: the sha256 of {key}'):
        read_sources(classifier)


def test_predictions_elsewhere(classifier):
    moved = classifier / 'moved.json'
    (classifier / 'predictions.json').rename(moved)
    assert read_sources(classifier).predictions is None
    assert len(read_sources(classifier, predictions=moved).predictions.results) == 8


def test_missing_folders(classifier, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'images folder .* does not exist'):
        read_sources(classifier, images_root=tmp_path / 'none')
    with pytest.raises(FileNotFoundError, match=r'gradcam.json does not exist'):
        read_sources(classifier, maps=tmp_path)


def write_maps(folder, sha256, images=()):
    content = {'schema': MAPS_SCHEMA, 'checkpoint': {'sha256': sha256}}
    folder.mkdir(exist_ok=True)
    content['images'] = list(images)
    (folder / 'gradcam.json').write_text(json.dumps(content))


def test_maps_of_another_checkpoint(classifier, tmp_path):
    write_maps(tmp_path, 'd' * 64)
    with pytest.raises(ValueError, match='was made with another checkpoint'):
        read_sources(classifier, maps=tmp_path)


def test_maps_of_the_work_dir(classifier):
    write_maps(classifier / 'maps', 'a' * 64)
    assert read_sources(classifier).maps.folder == classifier / 'maps'
    write_maps(classifier / 'maps', 'd' * 64)
    sources = read_sources(classifier)
    assert sources.maps is None
    assert sources.maps_left_out.startswith('maps/gradcam.json was made with another')


@pytest.mark.parametrize('images', [[{'image': 'a'}], [7]], ids=['keys', 'type'])
def test_damaged_maps(classifier, tmp_path, images):
    write_maps(tmp_path, 'a' * 64, images)
    with pytest.raises(ValueError, match=r'gradcam.json is damaged: an image is not'):
        read_sources(classifier, maps=tmp_path)


@pytest.mark.parametrize(
    'edit',
    [
        lambda c: c.pop('images'),
        lambda c: c['images'][0].pop('findings'),
        lambda c: c.update(images=[3]),
    ],
    ids=['no images', 'no findings', 'type'],
)
def test_damaged_predictions(classifier, rewrite, edit):
    rewrite(classifier / 'predictions.json', edit)
    with pytest.raises(ValueError, match=r'is damaged: an image is not as `mmlung'):
        read_sources(classifier)


@pytest.mark.parametrize(
    ('edit', 'where'),
    [
        (lambda c: c['metrics'].update(mAUC='high'), "metrics must hold .* got 'high'"),
        (lambda c: c['per_finding'].update(Mass='x'), "'Mass' must"),
    ],
    ids=['metric', 'finding'],
)
def test_metrics_that_are_no_numbers(classifier, rewrite, edit, where):
    rewrite(classifier / 'metrics.json', edit)
    with pytest.raises(ValueError, match=where):
        read_sources(classifier)


def test_constants_are_those_of_who_writes_the_files():
    """Repeated where the report may not load a framework to read them."""
    assert METRICS_SCHEMA == provenance.METRICS_SCHEMA
    assert (MAPS_SCHEMA, MAPS_NAME) == (run.SCHEMA, run.FILE_NAME)
    assert RATES == FP_PER_IMAGE


def recorded(folder, rewrite, config):
    """Annotations in a data folder that the dumped config names."""
    data = folder / 'data'
    data.mkdir()
    content = json.dumps({'metainfo': {'images_root': str(folder / 'films')}})
    (data / 'test.json').write_text(content)
    digest = hashlib.sha256(content.encode()).hexdigest()
    for name in ('metrics.json', 'predictions.json'):
        rewrite(folder / name, lambda c: c['data'].update(sha256=digest))
    (folder / 'tiny_demo.py').write_text(config.format(data=data))


def test_images_folder_of_the_tested_annotations(classifier, rewrite):
    recorded(
        classifier, rewrite, 'data_root = {data!r}\nmodel = dict()\n'.replace('!r', '')
    )
    assert read_sources(classifier).images_root is None  # no string: nothing is run
    (classifier / 'tiny_demo.py').write_text(
        f'data_root = {str(classifier / "data")!r}'
    )
    assert read_sources(classifier).images_root == classifier / 'films'
    (classifier / 'data' / 'test.json').write_text('{"metainfo": {}}')
    assert read_sources(classifier).images_root is None  # of another file

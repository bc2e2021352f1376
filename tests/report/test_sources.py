import hashlib
import json

import pytest

from mmlung.report import read_sources


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


def test_maps_of_another_checkpoint(classifier, tmp_path):
    content = {'schema': 'mmlung.maps/1', 'checkpoint': {'sha256': 'd' * 64}}
    (tmp_path / 'gradcam.json').write_text(json.dumps(content))
    with pytest.raises(ValueError, match='was made with another checkpoint'):
        read_sources(classifier, maps=tmp_path)


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

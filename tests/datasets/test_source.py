import json
import logging

import pytest
from mmengine.logging import MMLogger

from mmlung.datasets.source import check_films
from mmlung.datasets.source import check_findings
from mmlung.datasets.source import images_folder
from mmlung.datasets.source import read_annotations
from mmlung.datasets.source import say


def test_reads_what_a_converter_wrote(tmp_path):
    path = tmp_path / 'train.json'
    content = {'info': {'note': 'Zürich'}, 'images': []}
    path.write_text(json.dumps(content, ensure_ascii=False), encoding='utf-8')
    assert read_annotations(path, 'vindr') == content
    assert read_annotations(str(path), None) == content


@pytest.mark.parametrize(
    ('converter', 'command'),
    [('vindr', 'mmlung convert vindr'), (None, 'mmlung convert DATASET')],
)
def test_a_missing_file_names_the_command_that_makes_it(tmp_path, converter, command):
    with pytest.raises(
        FileNotFoundError,
        match=rf'train\.json does not exist.*`{command} --help`.*data_root=DIR',
    ):
        read_annotations(tmp_path / 'train.json', converter)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'[]', r'train\.json must hold a JSON object, got list'),
        (b'{"images": [', r'train\.json is damaged or no JSON file'),
        (b'', r'train\.json is damaged or no JSON file'),
        (b'\x80\x02}q\x00.', r'train\.json is damaged or no JSON file'),
    ],
    ids=['list', 'cut', 'empty', 'pickle'],
)
def test_other_content_is_refused(tmp_path, content, message):
    path = tmp_path / 'train.json'
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_annotations(path, 'vindr')


@pytest.mark.parametrize(
    ('content', 'found'),
    [('{}', 'none'), ('{"metainfo": 1, "images": 2}', 'metainfo, images')],
)
def test_the_file_of_another_task_is_refused(tmp_path, content, found):
    path = tmp_path / 'train.json'
    path.write_text(content, encoding='utf-8')
    with pytest.raises(
        ValueError,
        match=rf'\.json must have the keys images, categories, got {found}\. Is it the',
    ):
        read_annotations(path, 'vindr', ('images', 'categories'))


@pytest.fixture
def tree(tmp_path):
    """out/train.json beside raw/films and other/."""
    for folder in ('out', 'raw/films', 'other'):
        (tmp_path / folder).mkdir(parents=True)
    return tmp_path


def test_a_relative_folder_starts_at_the_file(tree, monkeypatch):
    monkeypatch.chdir(tree / 'other')
    info = {'images_root': '../raw/films'}
    folder = images_folder(info, tree / 'out' / 'train.json', None)
    assert folder.resolve() == tree / 'raw' / 'films'
    absolute = {'images_root': str(tree / 'raw')}
    assert images_folder(absolute, tree / 'out' / 'train.json', None) == tree / 'raw'


def test_the_users_folder_wins_and_starts_where_the_user_is(tree, monkeypatch):
    monkeypatch.chdir(tree)
    info = {'images_root': '../raw/films'}
    folder = images_folder(info, 'out/train.json', 'other')
    assert folder.resolve() == tree / 'other'


@pytest.mark.parametrize('info', [{}, {'images_root': None}, {'images_root': ''}])
def test_a_file_without_a_folder_asks_for_one(tree, info):
    with pytest.raises(ValueError, match=r'records no images_root.*images_root=DIR'):
        images_folder(info, tree / 'out' / 'train.json', None)


@pytest.mark.parametrize('root', ['../absent', None], ids=['recorded', 'given'])
def test_a_folder_that_is_not_there(tree, root):
    given = None if root else str(tree / 'absent')
    with pytest.raises(FileNotFoundError, match=r'images folder \S*absent \(from'):
        images_folder({'images_root': root}, tree / 'out' / 'train.json', given)


def test_missing_films_are_counted_and_one_is_named(tmp_path):
    there, absent = tmp_path / 'a.png', tmp_path / 'b.png'
    there.touch()
    check_films([str(there)], 'train.json')
    with pytest.raises(
        FileNotFoundError, match=r'1 of 2 films of train\.json.*first \S*b\.png\..*=DIR'
    ):
        check_films([str(there), str(absent)], 'train.json')


def test_a_part_without_films_is_refused():
    with pytest.raises(ValueError, match=r'val\.json lists no films.*--val-fraction'):
        check_films([], 'val.json')


def test_a_hundred_films_are_looked_for_always_the_same(tmp_path):
    paths = [str(tmp_path / f'{i}.png') for i in range(1000)]
    messages = set()
    for _ in range(2):
        with pytest.raises(FileNotFoundError, match='100 of 100 films') as caught:
            check_films(paths, 'train.json')
        messages.add(str(caught.value))
    assert len(messages) == 1


def test_findings_are_compared_by_name():
    offered = ('Mass', 'Nodule', 'Edema')
    assert check_findings(['Edema', 'Mass'], offered, 'a.json') == ['Nodule']
    assert check_findings(offered, offered, 'a.json') == []
    with pytest.raises(
        ValueError,
        match=r'a\.json does not label: Hernia\. It labels: Mass, Nodule, Edema\.'
        '.*`findings`',
    ):
        check_findings(['Hernia', 'Mass'], offered, 'a.json')


def test_what_is_said_goes_to_the_log(caplog):
    logger = MMLogger.get_instance('test_source')
    logger.addHandler(caplog.handler)
    caplog.set_level(logging.INFO)
    say('counted')
    assert [record.message for record in caplog.records] == ['counted']

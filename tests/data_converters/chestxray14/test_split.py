import gzip

import pytest

from data_converters.chestxray14.split import OFFICIAL_SHA256

from ..nih_download import CLASSIFICATION
from ..nih_download import DETECTION
from ..nih_download import HEADER
from ..nih_download import N_BOXES
from ..nih_download import convert
from ..nih_download import family
from ..nih_download import patients
from ..nih_download import patients_of
from ..nih_download import row
from ..nih_download import stems_of
from ..nih_download import write


def test_official_lists_are_used_when_every_film_is_there(official, tmp_path):
    parts = convert(official, tmp_path / 'out')
    assert {family(parts[name]) for name in CLASSIFICATION} == {'official'}
    assert len(parts['test']['data_list']) == 10
    assert len(parts['train']['data_list']) + len(parts['val']['data_list']) == 30
    assert not patients_of(parts['train']) & patients_of(parts['val'])
    assert {family(parts[name]) for name in DETECTION if name in parts} == {'subset'}


def test_a_missing_film_makes_it_incomplete(official, tmp_path, monkeypatch):
    monkeypatch.setattr('data_converters.chestxray14.split.ENOUGH', 0.9)
    (official / 'images' / '00000002_001.png').unlink()
    parts = convert(official, tmp_path / 'out')
    assert {family(parts[name]) for name in CLASSIFICATION} == {'official-incomplete'}
    report = parts['conversion_report']
    assert report['counts']['films of the official lists that are not there'] == 1
    assert report['dropped'] == [
        {
            'file': 'official lists',
            'line': None,
            'reason': 'film 00000002_001 is not there',
        }
    ]


def test_an_unreadable_film_makes_it_incomplete(official, tmp_path, refuse):
    (official / 'images' / '00000002_001.png').write_bytes(b'\x89PNG\r\n\x1a\n cut')
    assert '1 of 40 images cannot be read' in refuse('chestxray14', '--root', official)
    parts = convert(official, tmp_path / 'out', '--drop-invalid')
    assert {family(parts[name]) for name in CLASSIFICATION} == {'official-incomplete'}
    assert sum(len(parts[name]['data_list']) for name in CLASSIFICATION) == 39


def test_too_few_films_make_a_subset(official, tmp_path):
    (official / 'images' / '00000002_001.png').unlink()
    parts = convert(official, tmp_path / 'out')
    assert {family(parts[name]) for name in CLASSIFICATION} == {'subset'}
    report = parts['conversion_report']
    assert report['warnings'] == [
        'only 97.5% of the 40 official films are there: they are split by patient '
        '("subset")'
    ]
    name = 'films of the label file without an image, left out'
    assert report['counts'][name] == 1


@pytest.mark.parametrize('change', ['missing', 'edited'])
def test_other_lists_make_a_subset(official, tmp_path, change):
    if change == 'missing':
        (official / 'test_list.txt').unlink()
        reason = 'no test_list.txt'
    else:
        write(official / 'test_list.txt', ['00000020_000.png'])
        reason = 'test_list.txt is not the official list (1 names, another sha256)'
    parts = convert(official, tmp_path / 'out', '--no-images')
    assert {family(parts[name]) for name in CLASSIFICATION} == {'subset'}
    (warning,) = parts['conversion_report']['warnings']
    assert warning.startswith(reason)


def test_line_ends_and_gzip_of_the_lists_do_not_matter(official, tmp_path):
    for role in OFFICIAL_SHA256:
        path = official / f'{role}.txt'
        names = path.read_text().split()
        packed = '\r\n'.join([*names[::-1], '']).encode()
        (official / f'{role}.txt.gz').write_bytes(gzip.compress(packed))
        path.unlink()
    parts = convert(official, tmp_path / 'out')
    assert family(parts['test']) == 'official'


def test_subset_is_by_patient_and_follows_the_seed(nih, tmp_path):
    first = convert(nih, tmp_path / 'a', '--test-fraction', '0.3')
    again = convert(nih, tmp_path / 'b', '--test-fraction', '0.3')
    other = convert(nih, tmp_path / 'c', '--test-fraction', '0.3', '--seed', '1')
    groups = [patients_of(first[name]) for name in CLASSIFICATION]
    assert len(set.union(*groups)) == sum(map(len, groups)) == 20
    assert 8 <= len(first['test']['data_list']) <= 14
    assert stems_of(first['test']) == stems_of(again['test'])
    assert stems_of(first['test']) != stems_of(other['test'])


def test_all_films_may_be_test(nih, tmp_path):
    parts = convert(nih, tmp_path / 'out', '--test-fraction', '1')
    assert {'test', 'boxes_test'} == set(parts) - {'conversion_report'}
    assert len(parts['test']['data_list']) == 40
    assert len(parts['boxes_test']['annotations']) == N_BOXES


@pytest.mark.parametrize('options', [[], ['--no-images']], ids=['films', 'no-images'])
def test_limit_takes_some_of_each_official_part(official, tmp_path, options):
    parts = convert(official, tmp_path / 'out', '--limit', '4', *options)
    assert {family(parts[name]) for name in CLASSIFICATION if name in parts} == {
        'subset'
    }
    assert len(parts['test']['data_list']) == 4
    others = [parts[name]['data_list'] for name in ('train', 'val') if name in parts]
    assert sum(map(len, others)) == 4
    boxed = [parts[name]['images'] for name in DETECTION if name in parts]
    assert sum(map(len, boxed)) == 4


def test_a_few_boxes_are_shared_out(nih, tmp_path):
    """Five films of five patients, two of each finding at most, among forty films."""
    lines = (nih / 'BBox_List_2017.csv').read_text().splitlines()
    first = {line[:8]: line for line in lines[1:]}
    write(nih / 'BBox_List_2017.csv', [lines[0], *list(first.values())[:5]])
    parts = convert(nih, tmp_path / 'out')
    assert [len(parts[name]['images']) for name in DETECTION] == [3, 1, 1]
    assert [len(parts[name]['data_list']) for name in CLASSIFICATION] == [28, 4, 8]
    groups = [
        patients_of(parts[name]) | patients_of(parts[f'boxes_{name}'])
        for name in CLASSIFICATION
    ]
    assert sum(map(len, groups)) == 20
    ids = [film['image_id'] for film in parts['train']['data_list']]
    assert ids == sorted(ids)


def test_limit_of_a_subset(nih, tmp_path):
    parts = convert(nih, tmp_path / 'out', '--limit', '10')
    films = [parts[name]['data_list'] for name in CLASSIFICATION if name in parts]
    assert sum(map(len, films)) == 10


def test_a_patient_in_both_official_lists_stops(official, refuse):
    rows = patients(20)
    rows[-1] = row('00000020_001.png', 'Mass', patient='1')
    write(official / 'Data_Entry_2017_v2020.csv', [HEADER, *rows])
    assert '1 patients are in both official lists (first: 1)' in refuse(
        'chestxray14', '--root', official
    )

import doctest
import gzip
import time

import pytest

from mmlung import official_lists
from mmlung.official_lists import CHESTXRAY14_FILMS
from mmlung.official_lists import CHESTXRAY14_SHA256
from mmlung.official_lists import chestxray14_test_family
from mmlung.official_lists import names_sha256


@pytest.fixture(scope='module')
def lists(shared_data):
    """The real lists, by role."""
    return {
        role: gzip.decompress((shared_data / 'nih' / f'{role}.txt.gz').read_bytes())
        .decode()
        .split()
        for role in CHESTXRAY14_SHA256
    }


def test_examples():
    assert doctest.testmod(official_lists).failed == 0


def test_the_real_lists_have_the_sha256_of_the_table(lists):
    for role, names in lists.items():
        assert len(names) == CHESTXRAY14_FILMS[role]
        assert names_sha256(names) == CHESTXRAY14_SHA256[role]


@pytest.mark.parametrize('claimed', ['official', 'official-incomplete', 'subset'])
def test_the_whole_list_is_official_whatever_is_claimed(lists, claimed):
    mirror = [name.replace('.png', '.jpg') for name in reversed(lists['test_list'])]
    assert chestxray14_test_family(mirror, claimed) == 'official'


def test_a_part_is_not_official(lists):
    names = lists['test_list']
    assert chestxray14_test_family(names[1:], 'official') == 'official-incomplete'
    assert chestxray14_test_family(names[:25_341], 'official') == 'official-incomplete'
    assert chestxray14_test_family(names[:25_340], 'official') == 'subset'
    assert chestxray14_test_family([], 'official') == 'subset'
    assert chestxray14_test_family(names[1:], 'random-patient') == 'random-patient'


def test_other_or_doubled_films_are_not_official(lists):
    names, other = lists['test_list'], lists['train_val_list'][0]
    assert chestxray14_test_family([*names, other], 'official') == 'subset'
    assert chestxray14_test_family([*names[1:], other], 'official') == 'subset'
    assert chestxray14_test_family([*names[2:], names[2]], 'official') == 'subset'


def test_112_thousand_names_cost_a_fraction_of_a_second(lists):
    names = [name for part in lists.values() for name in part]
    start = time.process_time()
    names_sha256(names)
    assert time.process_time() - start < 1  # 0.1 s on an idle core

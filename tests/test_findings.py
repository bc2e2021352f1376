import doctest

import pytest

from mmlung import findings
from mmlung.findings import CHESTXRAY14
from mmlung.findings import CHESTXRAY14_BOXES
from mmlung.findings import NO_FINDING
from mmlung.findings import VINDR_GLOBAL
from mmlung.findings import VINDR_KAGGLE
from mmlung.findings import VINDR_LOCAL
from mmlung.findings import canonical_finding


def test_examples():
    assert doctest.testmod(findings).failed == 0


def test_vindr_has_22_local_and_6_global_labels():
    assert (len(VINDR_LOCAL), len(VINDR_GLOBAL)) == (22, 6)
    assert len(set(VINDR_LOCAL + VINDR_GLOBAL)) == 28
    assert VINDR_GLOBAL[-1] == NO_FINDING
    assert NO_FINDING not in VINDR_LOCAL + VINDR_KAGGLE


def test_kaggle_keeps_14_of_the_22():
    assert len(VINDR_KAGGLE) == 14
    assert set(VINDR_LOCAL) - set(VINDR_KAGGLE) == {
        'Clavicle fracture',
        'Edema',
        'Emphysema',
        'Enlarged PA',
        'Lung cavity',
        'Lung cyst',
        'Mediastinal shift',
        'Rib fracture',
    }


def test_kaggle_order_is_its_class_id(xrv_data):
    pandas = pytest.importorskip('pandas')
    table = pandas.read_csv(xrv_data / 'vinbigdata-train.csv.gz')
    found = table.groupby('class_id')['class_name'].unique()
    assert [names.tolist() for names in found] == [
        [name] for name in (*VINDR_KAGGLE, NO_FINDING)
    ]


def test_chestxray14_names_are_those_of_its_file(xrv_data):
    pandas = pytest.importorskip('pandas')
    labels = pandas.read_csv(xrv_data / 'Data_Entry_2017_v2020.csv.gz')[
        'Finding Labels'
    ]
    found = {name for label in labels.unique() for name in label.split('|')}
    assert found == {*CHESTXRAY14, findings.CHESTXRAY14_NO_FINDING}
    boxes = pandas.read_csv(xrv_data / 'BBox_List_2017.csv.gz')[
        'Finding Label'
    ].unique()
    known = {canonical_finding(name, CHESTXRAY14_BOXES, 'boxes') for name in boxes}
    assert known == set(CHESTXRAY14_BOXES)


@pytest.mark.parametrize(
    ('name', 'canonical'),
    [
        ('ILD', 'ILD'),
        (' Pleural effusion ', 'Pleural effusion'),
        ('Other disease', 'Other diseases'),
    ],
    ids=['as-is', 'blanks', 'alias'],
)
def test_canonical_finding(name, canonical):
    assert canonical_finding(name, VINDR_LOCAL + VINDR_GLOBAL, 'VinDr') == canonical


def test_an_unknown_name_offers_the_nearest():
    with pytest.raises(
        ValueError,
        match=r"unknown finding 'Pleural Effusion' in VinDr\. "
        r"Did you mean 'Pleural effusion'\? Known: Aortic enlargement, ",
    ):
        canonical_finding('Pleural Effusion', VINDR_LOCAL, 'VinDr')
    with pytest.raises(ValueError, match=r"unknown finding 'xyz' in VinDr\. Known: "):
        canonical_finding('xyz', VINDR_LOCAL, 'VinDr')


def test_an_alias_outside_the_vocabulary_is_unknown():
    with pytest.raises(ValueError, match='unknown finding'):
        canonical_finding('Infiltrate', VINDR_GLOBAL, 'VinDr')

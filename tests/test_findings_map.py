import doctest

import pytest

from mmlung import findings_map
from mmlung.findings import CHESTXRAY14
from mmlung.findings import CHEXPERT
from mmlung.findings import VINDR_GLOBAL
from mmlung.findings import VINDR_LOCAL
from mmlung.findings_map import APPROXIMATE
from mmlung.findings_map import ONE_SET_ONLY
from mmlung.findings_map import SAME
from mmlung.findings_map import map_findings
from mmlung.findings_map import mapping_lines
from mmlung.findings_map import parse_pairs


def test_examples():
    assert doctest.testmod(findings_map).failed == 0


def test_chestxray14_on_chexpert_and_mimic():
    """The seven of the literature's cross-dataset tests (Cohen et al. 2020)."""
    mapped = map_findings(CHESTXRAY14, CHEXPERT, 'auto')
    assert {name: others[0] for name, others in mapped.sources.items()} == {
        'Atelectasis': 'Atelectasis',
        'Cardiomegaly': 'Cardiomegaly',
        'Effusion': 'Pleural Effusion',
        'Pneumonia': 'Pneumonia',
        'Pneumothorax': 'Pneumothorax',
        'Consolidation': 'Consolidation',
        'Edema': 'Edema',
    }
    assert mapped.unlabelled == (
        'Infiltration',
        'Mass',
        'Nodule',
        'Emphysema',
        'Fibrosis',
        'Pleural_Thickening',
        'Hernia',
    )
    assert 'No Finding' in mapped.unused
    assert mapped.near == {'Mass': ('Lung Lesion',), 'Nodule': ('Lung Lesion',)}


def test_chestxray14_on_vindr():
    mapped = map_findings(CHESTXRAY14, VINDR_LOCAL + VINDR_GLOBAL, 'auto')
    assert mapped.sources['Effusion'] == ('Pleural effusion',)
    assert mapped.sources['Pleural_Thickening'] == ('Pleural thickening',)
    assert mapped.sources['Infiltration'] == ('Infiltration',)
    assert {'Fibrosis', 'Nodule', 'Mass', 'Hernia'} == set(mapped.unlabelled)
    assert mapped.near['Fibrosis'] == ('Pulmonary fibrosis',)


def test_what_is_one_sets_own_is_never_matched_between_sets():
    mapped = map_findings(CHEXPERT, VINDR_LOCAL + VINDR_GLOBAL, 'auto')
    assert not mapped.sources.keys() & {'Lung Opacity', 'No Finding', 'Fracture'}
    with_itself = map_findings(CHEXPERT, CHEXPERT, 'auto', same_vocabulary=True)
    assert with_itself.sources.keys() == set(CHEXPERT)


def test_the_tables_do_not_contradict_one_another():
    names = [name for group in SAME for name in group]
    assert len(names) == len(set(names))
    assert not set(names) & {name for group in APPROXIMATE for name in group}
    assert not set(names) & set(ONE_SET_ONLY)


def test_explicit_pairs_are_taken_alone():
    pairs = parse_pairs(['Fibrosis=Pulmonary fibrosis', 'Mass=Nodule/Mass'])
    mapped = map_findings(CHESTXRAY14, VINDR_LOCAL, pairs)
    assert list(mapped.sources) == ['Mass', 'Fibrosis']  # the model's order
    assert 'Cardiomegaly' in mapped.unlabelled
    assert mapped.to_json()['shared'] == {
        'Mass': ['Nodule/Mass'],
        'Fibrosis': ['Pulmonary fibrosis'],
    }


@pytest.mark.parametrize(
    ('words', 'expected'),
    [
        ([], None),
        (['none'], None),
        (['auto'], 'auto'),
        (['A=B', 'C=D+E'], {'A': ('B',), 'C': ('D', 'E')}),
        ([' A = B '], {'A': ('B',)}),
    ],
)
def test_words_of_the_command_line(words, expected):
    assert parse_pairs(words) == expected


@pytest.mark.parametrize('words', [['A'], ['auto', 'A=B'], ['=B'], ['A='], ['A=B+']])
def test_words_that_are_no_pairs(words):
    with pytest.raises(ValueError, match='takes none, auto, or pairs MODEL=FILE'):
        parse_pairs(words)


def test_messages():
    with pytest.raises(ValueError, match=r"names 'A' twice; a union is A=A\+B"):
        parse_pairs(['A=B', 'A=C'])
    with pytest.raises(ValueError, match=r'share no finding\. The model has: Hernia'):
        map_findings(['Hernia'], CHEXPERT, 'auto')
    with pytest.raises(ValueError, match=r"the file has no .*Did you mean 'Edema'\?"):
        map_findings(['Edema'], CHEXPERT, {'Edema': 'Edma'})
    with pytest.raises(ValueError, match="the model has no finding 'Mass'"):
        map_findings(['Edema'], CHEXPERT, {'Mass': 'Edema'})
    with pytest.raises(ValueError, match="must be 'auto' or"):
        map_findings(['Edema'], CHEXPERT, 'all')


def test_lines_of_the_table():
    mapped = map_findings(['Effusion', 'Hernia'], CHEXPERT[9:11], 'auto')
    assert mapping_lines(mapped.to_json()) == [
        'findings mapped, 1 shared: Effusion = Pleural Effusion',
        'not labelled by the data, so not measured: Hernia',
        'labelled, but no finding of the model: Pneumothorax',
    ]
    assert mapping_lines(None) == []

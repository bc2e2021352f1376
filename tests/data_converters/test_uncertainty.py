import argparse

import numpy as np
import pytest

from data_converters.arguments import OneLineParser
from data_converters.uncertainty import NO_FINDING
from data_converters.uncertainty import PRESETS
from data_converters.uncertainty import LabelPolicy
from data_converters.uncertainty import add_label_arguments
from data_converters.uncertainty import apply_policy
from data_converters.uncertainty import policy_of
from mmlung.findings import CHEXPERT

NAN = float('nan')


def policy(*words):
    parser = OneLineParser(prog='x')
    add_label_arguments(parser)
    return policy_of(parser.parse_args(words))


def one_by_one(cells, findings, policy):
    """The definition, cell by cell."""
    labels = np.full(cells.shape, NAN)
    for row, own in enumerate(cells):
        if np.isnan(own).all():
            continue
        for place, cell in enumerate(own):
            name = findings[place]
            word = {1: 'present', 0: 'absent'}.get(cell)
            if cell == -1:
                word = policy.uncertain[name]
            elif np.isnan(cell):
                word = 'absent' if name == 'No Finding' else policy.blank
            labels[row, place] = {'present': 1, 'absent': 0, 'unknown': NAN}[word]
    return labels


@pytest.mark.parametrize(
    'words',
    [
        [],
        ['--uncertain', 'present', '--blank', 'unknown'],
        ['--uncertain', 'u-mixed'],
        ['--uncertain', 'absent', 'Edema=present', 'Pleural Other=unknown'],
    ],
    ids=['default', 'present', 'u-mixed', 'table'],
)
@pytest.mark.parametrize('order', [1, -1], ids=['in-order', 'backwards'])
def test_matches_the_definition(words, order):
    rng = np.random.default_rng(0)
    cells = rng.choice([1, 0, -1, NAN, NAN], (300, 14))
    cells[::50] = NAN
    findings = CHEXPERT[::order]
    made = policy(*words)
    result = apply_policy(cells, findings, made)
    np.testing.assert_array_equal(
        result.labels, one_by_one(cells, findings, made), strict=True
    )
    assert result.unlabelled.tolist() == [i % 50 == 0 for i in range(300)]


def test_by_hand():
    findings = (NO_FINDING, 'Edema', 'Fracture')
    cells = np.array([[NAN, -1, NAN], [1, NAN, 0], [NAN, NAN, NAN]])
    made = policy('--uncertain', 'Edema=present', '--blank', 'unknown')
    result = apply_policy(cells, findings, made)
    expected = [[0, 1, NAN], [1, NAN, 0], [NAN, NAN, NAN]]
    np.testing.assert_array_equal(result.labels, expected)
    assert result.as_json() == {
        'rows': 3,
        'unlabelled_rows': 1,
        'findings': {
            name: {
                'present': present,
                'absent': absent,
                'uncertain': unsure,
                'uncertain_becomes': 'present' if name == 'Edema' else 'unknown',
                'blank': blank,
                'blank_becomes': 'absent' if name == NO_FINDING else 'unknown',
            }
            for name, present, absent, unsure, blank in (
                (NO_FINDING, 1, 0, 0, 1),
                ('Edema', 0, 0, 1, 1),
                ('Fracture', 0, 1, 0, 1),
            )
        },
    }


def test_cells_are_left_as_they_are():
    cells = np.array([[-1.0, NAN]])
    apply_policy(cells, ('Edema', 'Fracture'), policy('--uncertain', 'present'))
    np.testing.assert_array_equal(cells, [[-1, NAN]])


def test_no_rows():
    result = apply_policy(np.zeros((0, 14)), CHEXPERT, policy())
    assert result.labels.shape == (0, 14)
    assert result.counts['Edema']['present'] == 0


@pytest.mark.parametrize(
    ('words', 'edema', 'fracture'),
    [
        ([], 'unknown', 'unknown'),
        (['u-ignore'], 'unknown', 'unknown'),
        (['u-ones'], 'present', 'present'),
        (['u-zeros'], 'absent', 'absent'),
        (['u-mixed'], 'present', 'unknown'),
        (['Edema=absent', 'u-mixed'], 'absent', 'unknown'),
        (['Edema=absent', '--uncertain', 'present'], 'absent', 'present'),
    ],
    ids=' '.join,
)
def test_words_of_the_command_line(words, edema, fracture):
    made = policy(*(['--uncertain', *words] if words else []))
    assert (made.uncertain['Edema'], made.uncertain['Fracture']) == (edema, fracture)
    assert made.blank == 'absent'


def test_mixed_is_what_the_paper_chose_and_labels_can_say():
    present = {name for name, word in PRESETS['u-mixed'].items() if word == 'present'}
    assert present == {'Atelectasis', 'Edema'}
    assert {*PRESETS['u-mixed'].values()} == {'present', 'unknown'}


def test_json_is_one_word_where_all_agree():
    assert policy().as_json() == {'uncertain': 'unknown', 'blank': 'absent'}
    mixed = policy('--uncertain', 'u-mixed', '--blank', 'unknown').as_json()
    assert mixed == {'uncertain': PRESETS['u-mixed'], 'blank': 'unknown'}


@pytest.mark.parametrize(
    ('word', 'message'),
    [
        ('maybe', 'must be one of unknown, present, absent, u-ignore, .*Edema=present'),
        ('Edema=1', "'Edema=1': a finding must become one of unknown, present, absent"),
        ('Effusion=present', "unknown finding 'Effusion' in CheXpert"),
        ('edema=present', "Did you mean 'Edema'"),
    ],
    ids=['word', 'value', 'finding', 'case'],
)
def test_wrong_words(word, message, capsys):
    with pytest.raises(SystemExit, match='2'):
        policy('--uncertain', word)
    printed = capsys.readouterr().err
    assert printed.count('\n') == 1
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(printed)


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['present', 'u-zeros'], 'one word for all findings, got present and u-zeros'),
        (['Edema=present', 'Edema=absent'], 'Edema is both present and absent'),
    ],
    ids=['two-words', 'one-finding-twice'],
)
def test_contradictions(words, message):
    with pytest.raises(argparse.ArgumentError, match=message):
        policy('--uncertain', *words)


def test_other_numbers_are_no_labels():
    cells = np.zeros((5, 14))
    cells[3, 5] = 2
    with pytest.raises(ValueError, match=r'got 2 for Edema \(row 3 of the cells\)'):
        apply_policy(cells, CHEXPERT, policy())


def test_wrong_shape():
    with pytest.raises(ValueError, match=r'shape \(N, 14\), got \(3, 2\)'):
        apply_policy(np.zeros((3, 2)), CHEXPERT, policy())


@pytest.mark.parametrize(
    'arguments',
    [
        ({},),
        ({**PRESETS['u-ones'], 'Edema': 'maybe'},),
        (PRESETS['u-ones'], 'present'),
    ],
    ids=['missing', 'unheard-of', 'blank-present'],
)
def test_policy_checks_itself(arguments):
    with pytest.raises(ValueError, match='a label policy must say unknown, present'):
        LabelPolicy(*arguments)

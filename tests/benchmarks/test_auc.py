import gzip

import numpy as np
import pandas as pd
import pytest

from benchmarks import auc
from benchmarks.between_marks import marks_of
from mmlung.findings import CHESTXRAY14

SMALL = ['--images', '900', '--patients', '150', '--bootstrap', '6', '--repeat', '1']


def test_generated_data_have_the_shape_of_the_official_test():
    data = auc.generate(auc.IMAGES, auc.PATIENTS, seed=1)
    assert len(set(data.patients)) == auc.PATIENTS
    assert data.score.shape == (auc.IMAGES, 14)
    assert list(auc.POSITIVES) == list(CHESTXRAY14)
    np.testing.assert_array_equal(
        data.target.sum(axis=0), [auc.POSITIVES[name] for name in CHESTXRAY14]
    )


def test_the_counts_are_those_of_the_real_list(shared_data, xrv_data):
    table = pd.read_csv(xrv_data / 'Data_Entry_2017_v2020.csv.gz')
    with gzip.open(shared_data / 'nih' / 'test_list.txt.gz', 'rt') as file:
        test = table[table['Image Index'].isin(file.read().split())]
    assert (len(test), test['Patient ID'].nunique()) == (auc.IMAGES, auc.PATIENTS)
    counts = test['Finding Labels'].str.get_dummies('|').sum()
    assert {name: counts[name] for name in CHESTXRAY14} == auc.POSITIVES


def test_both_agree_and_the_table_is_written(tmp_path, capsys):
    docs = tmp_path / 'docs.md'
    begin, end = marks_of(auc.TABLE)
    docs.write_text(f'before\n{begin}\n{end}\nafter\n')
    assert auc.main([*SMALL, '--loop', '3', '--docs', str(docs)]) == 0
    printed = capsys.readouterr().out
    assert "the loop's extrapolated" in printed
    rows = [line.split('|') for line in printed.splitlines() if line.startswith('|')]
    assert [row[2].strip() for row in rows[2:]] == ['6', '3', '3']
    assert all(float(row[5]) < auc.TOLERANCE for row in rows[3:])
    assert printed.strip() in docs.read_text()


def test_in_full(capsys):
    assert auc.main([*SMALL, '--full']) == 0
    assert 'extrapolated' not in capsys.readouterr().out


def test_a_difference_is_an_error(monkeypatch, capsys):
    monkeypatch.setattr(auc, 'roc_auc_score', lambda *args, **kwargs: 0.5)
    assert auc.main([*SMALL, '--loop', '2']) == 2
    assert 'AUC: the intervals of the two differ by' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--patients', '0'], '--patients must lie between 1 and --images'),
        (['--loop', '0'], '--loop and --repeat must be at least 1'),
    ],
    ids=['no-patient', 'no-loop'],
)
def test_wrong_sizes_are_refused(options, message, capsys):
    with pytest.raises(SystemExit, match='2'):
        auc.main(options)
    assert message in capsys.readouterr().err

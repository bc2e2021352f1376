import numpy as np
import pytest

from data_converters.label_cells import policy_lines
from data_converters.label_cells import read_cells
from data_converters.label_cells import report_labels
from data_converters.records import AnnotationError
from data_converters.report import Report
from data_converters.tables import read_table
from data_converters.uncertainty import PRESETS
from data_converters.uncertainty import LabelPolicy
from data_converters.uncertainty import apply_policy

COLUMNS = {'Lung Opacity': 'Airspace Opacity', 'Edema': 'Edema'}


def write(folder, *rows):
    path = folder / 'labels.csv'
    path.write_text('\n'.join(('id,Edema,Airspace Opacity', *rows)) + '\n')
    return read_table(path)


@pytest.fixture
def table(tmp_path):
    return write(tmp_path, 'a,1.0,-1', 'b,,0', 'c,2,x', 'd,0,nan')


def test_columns_by_name_in_the_asked_order(tmp_path):
    table = write(tmp_path, 'a,1.0,-1', 'b,,0', 'd,0,nan')
    cells, keep = read_cells(table, COLUMNS, Report())
    np.testing.assert_array_equal(cells, [[-1, 1], [0, np.nan], [np.nan, 0]])
    assert keep.all()


def test_a_cell_that_is_no_label_stops(table):
    with pytest.raises(
        AnnotationError,
        match=r"labels.csv row 4: Airspace Opacity must be 1, 0, -1 or blank, got 'x'",
    ):
        read_cells(table, COLUMNS, Report())


def test_a_row_that_is_left_out_counts_once(table):
    report = Report()
    _, keep = read_cells(table, COLUMNS, report, drop_invalid=True)
    assert keep.tolist() == [True, True, False, True]
    (dropped,) = report.dropped
    assert (dropped['file'], dropped['line']) == ('labels.csv', 4)
    assert 'Airspace Opacity must be' in dropped['reason']


def test_report_says_what_became_of_each_file():
    report = Report()
    policy = LabelPolicy(PRESETS['u-ones'])
    for file, cells in (('a.csv', [[-1.0], [np.nan]]), ('b.csv', [[1.0]])):
        result = apply_policy(np.array(cells), ['Edema'], policy)
        report_labels(report, policy, file, result)
    assert report.label_policy['uncertain'] == 'present'
    assert report.label_policy['files'].keys() == {'a.csv', 'b.csv'}
    assert report.counts == {'films of a.csv with nothing but blanks, unlabelled': 1}
    lines = policy_lines(report.label_policy)
    assert lines[0] == 'labels of 2 films of a.csv'  # b.csv: nothing to say
    assert lines[2].split() == ['Edema', '0', '0', '1', 'present', '0', 'absent']
    assert len(lines) == 3

import numpy as np
import pytest

from data_converters.records import AnnotationError
from data_converters.report import Report
from data_converters.tables import read_table
from data_converters.vindr.rows import Sieve
from data_converters.vindr.rows import repeats


@pytest.fixture
def table(tmp_path):
    path = tmp_path / 't.csv'
    path.write_text('a,b\n1,x\n2,y\n1,z\n1,x\n')
    return read_table(path)


def test_repeats_say_which_row_is_repeated(table):
    mask, reason = repeats(table, ['a', 'b'])
    assert mask.tolist() == [False, False, False, True]
    assert reason(3) == 'repeats row 2'


def test_rows_are_left_out_one_reason_after_the_other(table):
    sieve = Sieve(table, Report(), drop_invalid=True)
    sieve.leave_out(np.array([True, False, False, False]), 'first', 'is the first')
    sieve.leave_out(np.array([False, True, False]), 'z', lambda i: f'place {i}')
    assert sieve.table.frame['b'].tolist() == ['y', 'x']
    assert sieve.kept.tolist() == [1, 3]
    assert [(e['line'], e['reason']) for e in sieve.report.dropped] == [
        (2, 'is the first'),
        (4, 'place 1'),
    ]
    assert sieve.report.counts == {'rows dropped, first': 1, 'rows dropped, z': 1}


def test_stops_with_the_line_and_the_number(table):
    sieve = Sieve(table, Report(), drop_invalid=False)
    with pytest.raises(
        AnnotationError, match=r't\.csv row 3: odd \(2 such rows\)\. Me'
    ):
        sieve.leave_out(np.array([False, True, True, False]), 'odd', 'odd')

import numpy as np
import pytest

from data_converters.chexpert.rows import read_films
from data_converters.records import AnnotationError
from data_converters.report import Report
from mmlung.findings import CHEXPERT

from ..chexpert_download import HEADER
from ..chexpert_download import film
from ..chexpert_download import row
from ..chexpert_download import write


@pytest.fixture
def read(tmp_path):
    def run(*lines, header=HEADER, drop_invalid=False):
        path = write(tmp_path / 'train.csv', [header, *lines])
        run.report = Report()
        return read_films(path, 'train', run.report, drop_invalid)

    return run


@pytest.mark.parametrize(
    ('path', 'folder'),
    [
        (film(7), 'CheXpert-v1.0/train/'),
        (film(7, prefix='CheXpert-v1.0-small'), 'CheXpert-v1.0-small/train/'),
        ('test/patient00007/study1/view1_frontal.jpg', 'test/'),
        ('patient00007/study1/view1_frontal.png', ''),
        ('C:/data/a/patient00007/study1/view1_frontal.jpg', 'C:/data/a/'),
    ],
    ids=['full', 'small', 'test', 'bare', 'elsewhere'],
)
def test_patient_by_structure(read, path, folder):
    films = read(row(path))
    assert (films.patient[0], films.study[0]) == ('patient00007', 'study1')
    assert (films.stem[0], films.folder) == ('view1_frontal', folder)
    assert films.path[0] == path.removeprefix(folder)
    assert films.line.tolist() == [2]


def test_labels_by_name_not_by_place(read):
    header = ','.join(('Path', *sorted(CHEXPERT)))
    cells = [''] * 14
    cells[sorted(CHEXPERT).index('Fracture')] = '-1.0'
    films = read(','.join((film(1), *cells)), header=header)
    assert films.cells[0, CHEXPERT.index('Fracture')] == -1
    assert np.isnan(films.cells).sum() == 13
    assert (films.view[0], films.sex[0], films.age[0]) == (None, None, None)


@pytest.mark.parametrize(
    ('view', 'ap_pa', 'expected'),
    [
        ('view1_frontal', 'AP', 'AP'),
        ('view1_frontal', 'PA', 'PA'),
        ('view1_frontal', 'LL', 'LL'),
        ('view1_frontal', '', None),
        ('view2_lateral', '', 'LATERAL'),
    ],
)
def test_view(read, view, ap_pa, expected):
    films = read(row(film(1, view=view), ap_pa=ap_pa))
    assert films.view[0] == expected
    assert films.frontal[0] == ('frontal' in view)


def test_view_of_the_name_counts(read):
    read(row(film(1)).replace('Frontal', 'Lateral'))
    assert 'Frontal/Lateral differs from the name of 1 films' in read.report.warnings[0]


@pytest.mark.parametrize(
    ('sex', 'age', 'expected'),
    [
        ('Male', '90', ('M', 90)),
        ('Female', '18.0', ('F', 18)),
        ('Unknown', '0', (None, None)),
        ('', '', (None, None)),
        ('Other', 'old', (None, None)),
    ],
)
def test_sex_and_age(read, sex, age, expected):
    films = read(row(film(1), sex=sex, age=age))
    assert (films.sex[0], films.age[0]) == expected
    odd = 'ages of train.csv that are 0 or no age, left out' in read.report.counts
    assert odd == (age in ('0', 'old'))
    assert bool(read.report.warnings) == (sex == 'Other')


BROKEN = {
    'path': (
        row('CheXpert-v1.0/train/patient/view1.jpg'),
        r"row 3: Path must end like patient00001/study1/.*got 'CheXpert-v1.0/train/",
    ),
    'label': (
        row(film(2), {'Edema': '3.0'}),
        r"row 3: Edema must be 1, 0, -1 or blank, got '3.0'. Mend it or pass --drop",
    ),
    'twice': (row(film(1)), 'row 3: film .*view1_frontal.jpg has a second row'),
}


@pytest.mark.parametrize('case', BROKEN)
def test_broken_rows(read, case):
    line, message = BROKEN[case]
    with pytest.raises(AnnotationError, match=message):
        read(row(film(1)), line)
    films = read(row(film(1)), line, row(film(9)), drop_invalid=True)
    assert films.patient.tolist() == ['patient00001', 'patient00009']
    assert films.line.tolist() == [2, 4]
    assert [entry['line'] for entry in read.report.dropped] == [3]


def test_missing_column(read):
    with pytest.raises(AnnotationError, match=r"columns \['Edema'\] are missing"):
        read(row(film(1)), header=HEADER.replace('Edema', 'Oedema'))

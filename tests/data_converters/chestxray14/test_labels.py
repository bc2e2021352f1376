import pytest

from data_converters.chestxray14.labels import read_labels
from data_converters.records import AnnotationError
from data_converters.report import Report
from mmlung.findings import CHESTXRAY14

from ..nih_download import HEADER
from ..nih_download import row
from ..nih_download import write


def read(tmp_path, rows, header=HEADER, **options):
    report = Report()
    path = write(tmp_path / 'Data_Entry.csv', [header, *rows])
    return read_labels(path, report, **options), report


def test_older_label_file_ends_with_a_comma(tmp_path):
    rows = [row('00000001_000.png', 'Mass|Nodule', age='058Y') + ',']
    labels, _ = read(tmp_path, rows, header=HEADER + ',')
    assert labels.version == '2017'
    film = labels.rows['00000001_000']
    assert [n for n, v in zip(CHESTXRAY14, film.labels, strict=True) if v] == [
        'Mass',
        'Nodule',
    ]
    assert film.age == 58
    assert film.extent_mm == pytest.approx((2749 * 0.143, 2682 * 0.143))
    assert film.row == 2


def test_columns_are_found_by_name(tmp_path):
    header = 'Patient Sex,Patient ID,Finding Labels,\ufeffImage Index'.replace(
        '\ufeff', ''
    )
    labels, report = read(
        tmp_path, ['F,0000012, Hernia , 00000012_003.png'], header=header
    )
    film = labels.rows['00000012_003']
    assert (film.sex, film.view, film.age) == ('F', None, None)
    assert film.patient_id == '0000012'
    assert film.labels[-1] == 1
    assert not report.warnings


def test_order_of_labels_does_not_matter_and_aliases_are_known(tmp_path):
    rows = [
        row('00000001_000.png', 'Nodule|Infiltrate'),
        row('00000002_000.png', 'Infiltration|Nodule'),
        row('00000003_000.png', 'No Finding'),
    ]
    labels, _ = read(tmp_path, rows)
    first, second, healthy = labels.rows.values()
    assert first.labels == second.labels
    assert sum(first.labels) == 2
    assert healthy.healthy
    assert not first.healthy


def test_patient_that_contradicts_the_name_is_told(tmp_path):
    rows = [
        row('00000001_000.png', 'Mass', patient='2'),
        row('00000002_000.png', 'Mass'),
    ]
    _, report = read(tmp_path, rows)
    assert report.warnings == [
        'Patient ID differs from the name of 1 films (first: 00000001_000, patient 2); '
        'the split goes by Patient ID'
    ]


@pytest.mark.parametrize(
    ('labels', 'message'),
    [
        ('Masse', r"row 3: unknown finding 'Masse' .* Did you mean 'Mass'\?"),
        ('Mass|', r"row 3: unknown finding ''"),
        ('', r"row 3: unknown finding ''"),
        ('Mass|No Finding', r"row 3: 'Mass\|No Finding' is both a finding and none"),
    ],
    ids=['unknown', 'blank-part', 'blank', 'contradiction'],
)
def test_labels_that_cannot_be_read_stop_or_are_dropped(tmp_path, labels, message):
    rows = [row('00000001_000.png', 'Mass'), row('00000002_000.png', labels)]
    with pytest.raises(AnnotationError, match=message):
        read(tmp_path, rows)
    file, report = read(tmp_path, rows, drop_invalid=True)
    assert list(file.rows) == ['00000001_000']
    assert [drop['line'] for drop in report.dropped] == [3]


def test_a_film_with_two_rows_stops(tmp_path):
    rows = [row('00000001_000.png', 'Mass'), row('00000001_000.png', 'Nodule')]
    with pytest.raises(AnnotationError, match=r'row 3: film 00000001_000 has a second'):
        read(tmp_path, rows)


def test_a_row_without_name_stops(tmp_path):
    with pytest.raises(AnnotationError, match=r'row 3: Image Index is empty'):
        read(tmp_path, [row('00000001_000.png', 'Mass'), ',Mass,0,1,1,M,PA,1,1,1,1'])


def test_a_missing_column_stops(tmp_path):
    header = HEADER.replace('Finding Labels', 'Labels')
    with pytest.raises(AnnotationError, match=r"\['Finding Labels'\] are missing"):
        read(tmp_path, [row('00000001_000.png', 'Mass')], header=header)

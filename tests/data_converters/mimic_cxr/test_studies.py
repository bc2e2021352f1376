import numpy as np
import pytest

from data_converters.mimic_cxr.rows import read_films
from data_converters.mimic_cxr.studies import COLUMNS
from data_converters.mimic_cxr.studies import TEST_COLUMNS
from data_converters.mimic_cxr.studies import label_films
from data_converters.mimic_cxr.studies import read_studies
from data_converters.report import Report
from data_converters.uncertainty import PRESETS
from data_converters.uncertainty import LabelPolicy
from mmlung.findings import CHEXPERT

from . import download
from .download import table


@pytest.fixture
def films(mimic):
    return read_films(table(mimic, 'metadata'), table(mimic, 'split'), Report())


def test_columns_are_matched_by_name(mimic):
    studies = read_studies(table(mimic, 'chexpert'), 'chexpert', COLUMNS, Report())
    rows = dict(zip(studies.study_id, studies.cells, strict=True))
    own = dict(zip(download.LABELS, download.cells_of(50000003), strict=True))
    wanted = [float(own[name] or 'nan') for name in CHEXPERT]
    np.testing.assert_array_equal(rows['50000003'], wanted)


def test_airspace_opacity_is_lung_opacity(mimic):
    path = download.add_test_labels(mimic)
    studies = read_studies(path, 'test_labels', TEST_COLUMNS, Report())
    place = download.TEST_LABELS.index('Airspace Opacity')
    wanted = float(download.cells_of(2)[place] or 'nan')
    found = studies.cells[:, CHEXPERT.index('Lung Opacity')]
    np.testing.assert_array_equal(found, [wanted, wanted])
    assert studies.subject_id is None


@pytest.mark.parametrize('word', ['u-ignore', 'u-ones', 'u-zeros'])
def test_labels_of_films(mimic, films, word):
    report = Report()
    studies = read_studies(table(mimic, 'chexpert'), 'chexpert', COLUMNS, report)
    made = label_films(films, studies, LabelPolicy(PRESETS[word]), report)
    becomes = {'u-ignore': np.nan, 'u-ones': 1, 'u-zeros': 0}[word]
    lines = dict(zip(studies.study_id, studies.line, strict=True))
    for study, labels, line in zip(films.study_id, made.labels, made.line, strict=True):
        assert line == lines.get(study)
        if study in ('50000009', '50000010'):  # no row, and nothing but blanks
            assert np.isnan(labels).all()
            continue
        cells = dict(zip(download.LABELS, download.cells_of(int(study)), strict=True))
        became = {'1.0': 1, '0.0': 0, '-1.0': becomes, '': 0}
        np.testing.assert_array_equal(labels, [became[cells[n]] for n in CHEXPERT])
    assert len({id(labels) for labels in made.labels}) <= 5  # equal ones are shared

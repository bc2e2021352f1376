import io
import os
import shutil
import subprocess

import numpy as np
import pydicom
import pytest
from pydicom.data import get_charset_files
from pydicom.data import get_testdata_file
from pydicom.sr._concepts_dict import concepts
from pydicom.sr.coding import Code

from mmlung.phantom.dicom_film import encode_dicom
from mmlung.result import Finding
from mmlung.result import ImageResult
from mmlung.result import MadeBy
from mmlung.result import ModelFiles
from mmlung.structured_report import document
from mmlung.structured_report import secondary_capture
from mmlung.structured_report import structured_report
from mmlung.structured_report import write_structured_report
from mmlung.structured_report.document import corners_xy
from mmlung.structured_report.document import without_area
from mmlung.structured_report.finding_codes import FINDING_CODES
from mmlung.structured_report.finding_codes import finding_code

hd = pytest.importorskip('highdicom', reason='needs pip install .[sr]')

SIZE_HW = (64, 48)
MADE_BY = MadeBy(
    (ModelFiles('swin.py', 'a' * 64, 'best.pth', 'b' * 64),),
    False,
    ('c' * 64,),
    (('torch', '2.14.1'), ('absent', None)),
)
BOXES = (
    Finding('Pneumothorax', 0.8, (1.5, 2, 20.25, 30), threshold=0.5),
    Finding('Nodule/Mass', 0.6, (4, 3, 40, 60)),
    Finding('Nodule/Mass', 0.5, (0, 0, 48, 64)),
    Finding('Nodule/Mass', 0.1, (4, 3, 9, 9)),
)
WHOLE = (
    Finding('Cardiomegaly', 0.8, None, 0.75, 0.5),
    Finding('Edema', 0.2, None, 0.1, 0.5),
    Finding('Hernia', 0.4, threshold=0.4),
    Finding('Support Devices', None),
    Finding('Mass', 0.3),
)
CASES = {'classifier': WHOLE, 'detector': BOXES, 'no findings': ()}


def film(**tags):
    rng = np.random.default_rng(0)
    data = encode_dicom(rng.random(SIZE_HW), rng, 'film')
    dataset = pydicom.dcmread(io.BytesIO(data))
    dataset.PatientID = 'p-1'
    for keyword, value in tags.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    return dataset


def result_of(findings, size_hw=SIZE_HW, **known):
    return ImageResult('film.dcm', size_hw, tuple(findings), **known)


def written(dataset):
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue().decode('latin-1')


def read_back(dataset):
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    stream.seek(0)
    return hd.sr.srread(stream)


def groups(report):
    content = report.content
    return [
        *content.get_image_measurement_groups(),
        *content.get_planar_roi_measurement_groups(),
    ]


def meanings(measured):
    return {item.name.meaning: item.value for item in measured}


@pytest.mark.parametrize('name', FINDING_CODES)
def test_every_code_is_in_pydicoms_dictionary_under_its_meaning(name):
    code = FINDING_CODES[name]
    of_scheme = concepts[code.scheme_designator].values()
    meanings = {entry[code.value][0] for entry in of_scheme if code.value in entry}
    assert meanings == {code.meaning}


@pytest.mark.parametrize(
    'code',
    [value for name, value in vars(document).items() if isinstance(value, Code)],
    ids=lambda code: code.meaning,
)
def test_every_code_of_the_report_is_in_the_dictionary_or_private(code):
    if code.scheme_designator in concepts:
        of_scheme = concepts[code.scheme_designator].values()
        assert code.meaning in {e[code.value][0] for e in of_scheme if code.value in e}
    else:
        assert code.scheme_designator in ('99MMLUNG', 'RFC5646')


def test_a_name_without_a_code_is_its_own():
    code = finding_code('Nodule/Mass')
    assert (code.scheme_designator, code.value) == ('99MMLUNG', 'Nodule/Mass')
    long = finding_code('a\\b ' * 40)
    assert len(long.meaning) <= 64
    assert '\\' not in long.meaning


def test_regions_are_the_boxes_and_refer_to_the_film():
    source = film()
    report = read_back(structured_report(result_of(BOXES), source))
    regions = report.content.get_planar_roi_measurement_groups()
    assert len(regions) == 3  # the fourth is below its threshold
    for region, finding in zip(regions, BOXES, strict=False):
        xy = region.roi.value
        assert (xy[0] == xy[-1]).all()
        assert (*xy.min(0), *xy.max(0)) == finding.box_xyxy
        assert region.finding_type == finding_code(finding.name)
        reference = region.roi.ContentSequence[0].ReferencedSOPSequence[0]
        assert reference.ReferencedSOPInstanceUID == source.SOPInstanceUID
    assert len({region.tracking_uid for region in regions}) == 3
    assert [region.tracking_identifier for region in regions[1:]] == [
        'Nodule/Mass 1',
        'Nodule/Mass 2',
    ]


def test_study_series_and_instance_are_those_of_the_film():
    source = film(PatientName='Doe^Jane')
    report = read_back(structured_report(result_of(WHOLE), source))
    assert report.StudyInstanceUID == source.StudyInstanceUID
    assert report.SeriesInstanceUID != source.SeriesInstanceUID
    assert report.get_evidence() == [
        (
            source.StudyInstanceUID,
            source.SeriesInstanceUID,
            source.SOPInstanceUID,
            source.SOPClassUID,
        )
    ]
    assert (report.PatientID, report.PatientName) == ('p-1', 'Doe^Jane')
    assert (report.VerificationFlag, report.PreliminaryFlag) == (
        'UNVERIFIED',
        'PRELIMINARY',
    )
    assert 'not a medical device' in report.SeriesDescription


def test_probability_score_threshold_and_presence():
    report = read_back(structured_report(result_of(WHOLE), film()))
    found = {g.finding_type.meaning: g for g in groups(report)}
    heart = meanings(found['Cardiomegaly'].get_measurements())
    assert heart == {
        'Certainty of Finding': 75,
        'Model score, not calibrated': 0.8,
        'Certainty that counts as present': 50,
    }
    hernia = meanings(found['Hernia'].get_measurements())
    assert hernia == {
        'Model score, not calibrated': 0.4,
        'Model score that counts as present': 0.4,
    }
    presence = {
        name: [e.value.meaning for e in group.get_qualitative_evaluations()]
        for name, group in found.items()
    }
    assert presence == {
        'Cardiomegaly': ['Present'],
        'Pulmonary edema': ['Absent'],
        'Hernia': ['Present'],
        'Support Devices': ['Presence Undetermined'],
        'Mass': [],  # no threshold is known
    }
    assert found['Support Devices'].get_measurements() == []


def test_no_finding_is_not_called_normal():
    (group,) = groups(read_back(structured_report(result_of(()), film())))
    assert group.finding_type.meaning == 'No finding reported by the algorithm'


def test_the_algorithm_is_named_with_its_files():
    text = written(structured_report(result_of(BOXES, made_by=MADE_BY), film()))
    for part in ('a' * 64, 'b' * 64, 'c' * 64, 'torch 2.14.1', 'left out: 1'):
        assert part in text
    assert 'absent' not in text
    plain = written(structured_report(result_of(()), film()))
    assert 'model: not recorded' in plain


def test_the_film_stays_as_it_is():
    source = film()
    before = source.to_json()
    structured_report(result_of(BOXES), source)
    secondary_capture(result_of(BOXES), source)
    assert source.to_json() == before


def test_names_of_every_script_survive():
    source = pydicom.dcmread(get_charset_files('chrJapMulti.dcm')[0])
    findings = [Finding('Größe', 0.9, (1, 2, 9, 8))]
    result = result_of(findings, (source.Rows, source.Columns))
    report = read_back(structured_report(result, source))
    assert str(report.PatientName) == str(source.PatientName)
    assert groups(report)[0].finding_type.meaning == 'Größe'


@pytest.mark.parametrize('findings', CASES.values(), ids=CASES)
def test_secondary_capture_keeps_the_film_and_says_what_it_is(findings):
    source = film(PatientOrientation=['L', 'F'])
    capture = secondary_capture(result_of(findings), source)
    height, width = SIZE_HW
    assert capture.pixel_array.shape[0] > height
    assert capture.pixel_array.shape[1:] == (width, 3)
    assert capture.StudyInstanceUID == source.StudyInstanceUID
    assert capture.ImageType[0] == 'DERIVED'
    assert capture.BurnedInAnnotation == 'YES'
    assert 'not a medical device' in capture.DerivationDescription
    (item,) = capture.SourceImageSequence
    assert item.ReferencedSOPInstanceUID == source.SOPInstanceUID
    assert list(capture.PatientOrientation) == ['L', 'F']
    assert 'PixelSpacing' not in capture


def test_files_are_read_and_written(tmp_path):
    path = tmp_path / 'film.dcm'
    film().save_as(path)
    written = write_structured_report(
        result_of(BOXES),
        path,
        tmp_path / 'out' / 'film.sr.dcm',
        capture=tmp_path / 'out' / 'film.sc.dcm',
    )
    assert [p.name for p in written] == ['film.sr.dcm', 'film.sc.dcm']
    assert sorted(p.name for p in (tmp_path / 'out').iterdir()) == [
        'film.sc.dcm',
        'film.sr.dcm',
    ]


def errors_of(program, path):
    if shutil.which(program) is None:
        package = {'dciodvfy': 'dicom3tools', 'dsrdump': 'dcmtk'}[program]
        pytest.skip(f'needs {program}: apt-get install {package}')
    done = subprocess.run([program, path], capture_output=True, text=True)
    lines = (done.stdout + done.stderr).splitlines()
    bad = [line for line in lines if line.startswith(('Error', 'E:', 'F:', 'Abort'))]
    return bad if done.returncode == 0 else [f'exit code {done.returncode}', *bad]


SOURCES = {
    'phantom': film,
    'secondary capture': lambda: pydicom.dcmread(get_testdata_file('image_dfl.dcm')),
    'computed radiograph': lambda: pydicom.dcmread(
        get_charset_files('chrJapMulti.dcm')[0]
    ),
}


@pytest.mark.parametrize('source', SOURCES.values(), ids=SOURCES)
@pytest.mark.parametrize('findings', CASES.values(), ids=CASES)
def test_independent_checkers_find_no_error(findings, source, tmp_path):
    source = source()
    small = (source.Rows, source.Columns)
    findings = [f for f in findings if f.box_xyxy is None or f.box_xyxy[2] < small[1]]
    path = tmp_path / 'report.dcm'
    write_structured_report(result_of(findings, small, made_by=MADE_BY), source, path)
    assert errors_of('dciodvfy', path) == []
    assert errors_of('dsrdump', path) == []


@pytest.mark.parametrize('findings', CASES.values(), ids=CASES)
def test_an_independent_checker_finds_no_error_in_the_capture(findings, tmp_path):
    path = tmp_path / 'capture.dcm'
    secondary_capture(result_of(findings), film()).save_as(path)
    assert errors_of('dciodvfy', path) == []


@pytest.mark.slow
@pytest.mark.parametrize('findings', CASES.values(), ids=CASES)
def test_an_independent_checker_finds_no_error_in_the_template(findings, tmp_path):
    if shutil.which('DicomSRValidator') is None:
        pytest.skip('needs DicomSRValidator: apt-get install pixelmed-apps')
    path = tmp_path / 'report.dcm'
    write_structured_report(result_of(findings, made_by=MADE_BY), film(), path)
    # Newer Java stops at the size of the validator's rules without these.
    limits = ('xpathTotalOpLimit', 'xpathExprOpLimit', 'xpathExprGrpLimit')
    options = ' '.join(f'-Djdk.xml.{limit}=0' for limit in limits)
    done = subprocess.run(
        ['DicomSRValidator', path],
        capture_output=True,
        text=True,
        env={**os.environ, 'JAVA_TOOL_OPTIONS': options},
    )
    text = done.stdout + done.stderr
    assert 'Root Template Validation Complete' in text
    assert [line for line in text.splitlines() if line.startswith('Error')] == []


def test_corners_are_cut_at_the_film():
    assert corners_xy((-1, -2, 9, 99), SIZE_HW).tolist() == [
        [0, 0],
        [9, 0],
        [9, 64],
        [0, 64],
        [0, 0],
    ]
    with pytest.raises(ValueError, match='within 48 x 64 pixels'):
        corners_xy((50, 0, 60, 9), SIZE_HW)


@pytest.mark.parametrize(
    ('tags', 'message'),
    [
        ({'StudyInstanceUID': None}, r'\(0020,000D\) StudyInstanceUID is missing'),
        ({'SOPClassUID': None}, r'\(0008,0016\) SOPClassUID is missing'),
        ({'SeriesInstanceUID': '1..2'}, r'\(0020,000E\) SeriesInstanceUID is no valid'),
        ({'NumberOfFrames': 3}, r'\(0028,0008\) NumberOfFrames must be 1'),
        ({'Rows': 65}, '65 rows and 48 columns, but the prediction of film.dcm'),
        ({'Rows': None}, r'\(0028,0010\) Rows is missing'),
        ({'Modality': None}, r'\(0008,0060\) Modality is missing'),
        (
            {'Modality': ['CR', 'DX']},
            r'\(0008,0060\) Modality must be one value, got 2',
        ),
        ({'PatientName': ['A^B', 'C^D']}, r'\(0010,0010\) PatientName must be one val'),
        ({'StudyID': ['1', '2']}, r'\(0020,0010\) StudyID must be one value, got 2'),
        ({'SOPClassUID': '1.2.3'}, r'\(0008,0016\) SOPClassUID is no SOP class'),
        ({'PatientSex': 'X'}, r'\(0010,0040\) PatientSex must be M, F, O or empty'),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else '',
)
def test_unfit_tags_are_named(tags, message):
    with pytest.raises(ValueError, match=message):
        structured_report(result_of(BOXES), film(**tags))


def test_input_that_is_no_dicom_is_refused(tmp_path):
    path = tmp_path / 'film.dcm'
    for content in (b'\x89PNG\r\n\x1a\n' + bytes(300), b'some text', b''):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r'not a DICOM file.*JSON output'):
            structured_report(result_of(BOXES), path)
    with pytest.raises(FileNotFoundError):
        structured_report(result_of(BOXES), tmp_path / 'absent.dcm')


def test_another_file_than_the_predicted_one_is_refused(tmp_path):
    path = tmp_path / 'film.dcm'
    film().save_as(path)
    with pytest.raises(ValueError, match='not the one that was predicted'):
        structured_report(result_of((), file_sha256='0' * 64), path)


def test_without_highdicom_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__('sys').modules, 'highdicom', None)
    with pytest.raises(ImportError, match=r'mmlung\[sr\]'):
        structured_report(result_of(()), film())


ODD = {
    'PatientName': 'SECRETNAME',
    'ReferringPhysicianName': 'SECRETDOCTOR',
    'PatientID': 'SECRETID' * 10,
    'AccessionNumber': 'SECRETNUMBER' * 3,
    'StudyID': 'SECRETSTUDY' * 3,
    'PatientAge': 'SECRETAGE',
    'OtherPatientIDs': 'SECRETOTHER' * 9,
    'Manufacturer': 'SECRETMAKER' * 9,
}


def test_no_value_of_the_header_is_warned_of(tmp_path, recwarn, capfd, caplog):
    caplog.set_level('DEBUG')
    source = film(**ODD)
    path = tmp_path / 'film.dcm'
    source.save_as(path)
    recwarn.clear()
    caplog.clear()
    for given in (source, path):
        write_structured_report(
            result_of(BOXES),
            given,
            tmp_path / 'report.dcm',
            capture=tmp_path / 'capture.dcm',
        )
    assert [str(w.message) for w in recwarn if 'SECRET' in str(w.message)] == []
    said = capfd.readouterr()
    assert 'SECRET' not in said.out + said.err + caplog.text
    assert str(source.SOPInstanceUID) not in caplog.text
    assert pydicom.dcmread(tmp_path / 'report.dcm').PatientName == 'SECRETNAME'


@pytest.mark.parametrize('make', [structured_report, secondary_capture])
def test_an_error_quotes_no_value(make):
    with pytest.raises(ValueError, match='PatientName') as caught:
        make(result_of(BOXES), film(PatientName=['SECRET^A', 'SECRET^B']))
    assert 'SECRET' not in str(caught.value)


@pytest.mark.parametrize(
    'box',
    [(5, 6, 5, 9), (5, 6, 9, 6), (50, 0, 60, 9), (9, 9, 5, 20)],
    ids=['no-width', 'no-height', 'outside', 'reversed'],
)
def test_a_box_without_area_costs_no_report(box):
    result = result_of([*BOXES, Finding('Effusion', 0.9, box)])
    assert [f.name for f in without_area(result)] == ['Effusion']
    report = structured_report(result, film())
    assert len(groups(read_back(report))) == 3
    text = written(report)
    assert 'boxes without an area in the film, left out: 1' in text
    assert 'boxes below their threshold, left out: 1' in text
    drawn = secondary_capture(result, film()).pixel_array
    assert (drawn == secondary_capture(result_of(BOXES), film()).pixel_array).all()


def test_the_marked_copy_alone(tmp_path):
    path = tmp_path / 'capture.dcm'
    assert write_structured_report(result_of(()), film(), None, capture=path) == [path]
    assert list(tmp_path.iterdir()) == [path]

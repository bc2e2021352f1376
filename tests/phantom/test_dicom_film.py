import io

import numpy as np
import pydicom

from mmlung.dicom import read_image
from mmlung.phantom.dicom_film import encode_dicom

FILM = np.linspace(0, 1, 101 * 77, dtype=np.float32).reshape(101, 77)


def encoded(seed):
    return encode_dicom(FILM, np.random.default_rng(seed), f'{seed:032x}')


def test_every_kind_of_file_reads_back_as_the_film():
    kinds = set()
    for seed in range(60):
        data = encoded(seed)
        ds = pydicom.dcmread(io.BytesIO(data))
        kinds.add((ds.BitsAllocated, ds.BitsStored, ds.PhotometricInterpretation))
        got = read_image(data)
        assert np.abs(got.pixels - FILM * 255).max() < 20  # the window is a little off
        assert np.corrcoef(got.pixels.ravel(), FILM.ravel())[0, 1] > 0.995
        assert got.pixel_spacing_mm is not None
    depths = {(bits, stored) for bits, stored, _ in kinds}
    assert depths == {(8, 8), (16, 10), (16, 12), (16, 14), (16, 16)}
    assert {polarity for *_, polarity in kinds} == {'MONOCHROME1', 'MONOCHROME2'}


def test_header_says_synthetic_and_names_nobody():
    ds = pydicom.dcmread(io.BytesIO(encoded(1)))
    assert ds.ImageComments == 'SYNTHETIC PHANTOM'
    assert ds.Manufacturer == 'mmlung phantom'
    for keyword in ('PatientName', 'PatientID', 'PatientBirthDate', 'StudyDate'):
        assert keyword not in ds


def test_same_state_same_bytes():
    assert encoded(3) == encoded(3)
    assert encoded(3) != encoded(4)


def test_uids_follow_from_the_names():
    def uids(image_id, study=None):
        data = encode_dicom(FILM, np.random.default_rng(0), image_id, study)
        ds = pydicom.dcmread(io.BytesIO(data))
        found = (ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.SOPInstanceUID)
        assert all(uid.is_valid for uid in found)
        assert len(set(found)) == 3
        return found

    a, b, c = uids('a'), uids('b', 's'), uids('c', 's')
    assert uids('a') == a
    assert len({*a, *b, *c}) == 8  # b and c are of one study
    assert b[0] == c[0]

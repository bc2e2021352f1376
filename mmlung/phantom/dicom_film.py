"""A drawn film as a DICOM file, with the variety of headers that real films have."""

from __future__ import annotations

import io

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation
from pydicom.uid import ExplicitVRLittleEndian
from pydicom.uid import generate_uid

_BITS = ((8, 8), (16, 10), (16, 12), (16, 14), (16, 16))  # allocated, stored


def encode_dicom(
    film: np.ndarray,
    rng: np.random.Generator,
    image_id: str,
    study: str | None = None,
) -> bytes:
    """A film in [0, 1] as a DICOM file; bits, polarity and window are drawn by lot.

    Args:
        film: (H, W).
        rng: draws the lots.
        image_id: its UIDs are made from it: the same name, the same UIDs.
        study: films of one name are of one study; by default each is of its own. Every
            film is a series of its own, as each exposure is.
    """
    allocated, stored_bits = _BITS[rng.integers(len(_BITS))]
    inverted = bool(rng.random() < 0.3)
    top = 2**stored_bits - 1
    low, high = rng.uniform(0, 0.15) * top, rng.uniform(0.7, 1) * top
    stored = np.rint(low + film * (high - low))
    center = (low + high) / 2
    if inverted:
        stored, center = top - stored, top - center
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[image_id])
    dataset.SOPClassUID = DigitalXRayImageStorageForPresentation
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID
    dataset.StudyInstanceUID = generate_uid(
        entropy_srcs=['study', image_id if study is None else study]
    )
    dataset.SeriesInstanceUID = generate_uid(entropy_srcs=['series', image_id])
    dataset.Modality = 'DX'
    dataset.Manufacturer = 'mmlung phantom'
    dataset.ImageComments = 'SYNTHETIC PHANTOM'
    dataset.PatientSex = 'O'
    dataset.ViewPosition = 'PA'
    dataset.PresentationIntentType = 'FOR PRESENTATION'
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = 'MONOCHROME1' if inverted else 'MONOCHROME2'
    dataset.PresentationLUTShape = 'INVERSE' if inverted else 'IDENTITY'
    dataset.Rows, dataset.Columns = film.shape
    spacing = f'{350 * rng.uniform(0.95, 1.1) / max(film.shape):.6f}'
    dataset.PixelSpacing = [spacing, spacing]
    dataset.BitsAllocated = allocated
    dataset.BitsStored, dataset.HighBit = stored_bits, stored_bits - 1
    dataset.PixelRepresentation = 0
    dataset.WindowCenter = f'{center:.1f}'
    dataset.WindowWidth = f'{(high - low) * rng.uniform(0.95, 1.1):.1f}'
    if rng.random() < 0.5:
        dataset.RescaleIntercept, dataset.RescaleSlope = '0', '1'
    data = stored.astype(f'<u{allocated // 8}').tobytes()
    dataset.PixelData = data + b'\0' * (len(data) % 2)
    dataset['PixelData'].VR = 'OW' if allocated == 16 else 'OB'
    stream = io.BytesIO()
    pydicom.dcmwrite(stream, dataset, enforce_file_format=True)
    return stream.getvalue()

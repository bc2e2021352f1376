"""A small download of MIMIC-CXR-JPG."""

import pytest

from . import download


@pytest.fixture
def mimic(tmp_path):
    return download.release(tmp_path / 'physionet.org' / 'mimic-cxr-jpg' / '2.0.0')

import os
from pathlib import Path

import pytest

from data_converters.arguments import check_out
from data_converters.records import AnnotationError

from . import vindr_download


def test_out_must_be_a_folder(tmp_path):
    file = tmp_path / 'file'
    file.write_text('')
    with pytest.raises(AnnotationError, match=r'file: is a file; --out must be a fold'):
        check_out(file, [])
    with pytest.raises(
        AnnotationError, match=r'file/a/b: cannot be made, .* is a file'
    ):
        check_out(file / 'a' / 'b', [])


def test_out_must_be_writable(tmp_path, monkeypatch):
    monkeypatch.setattr(os, 'access', lambda path, mode: Path(path) != tmp_path)
    with pytest.raises(AnnotationError, match=r'cannot be written: no permission for'):
        check_out(tmp_path / 'a' / 'b', [])


@pytest.mark.parametrize(
    ('out', 'read', 'message'),
    [
        ('train', '.', 'among the images of {}/train'),
        ('train/coco', '.', 'among the images of {}/train'),
        ('train/a/b', 'train', 'among the images of {}/train'),
        ('coco', '.', None),
        ('.', '.', None),
        ('train/coco', 'elsewhere', None),
    ],
    ids=['images', 'inside', 'deep', 'release', 'root', 'other'],
)
def test_out_must_not_lie_among_the_images(tmp_path, out, read, message):
    vindr_download.write_png(tmp_path / 'train' / 'a.png')
    inputs = [tmp_path / 'train.csv', tmp_path / read]
    if message is None:
        return check_out(tmp_path / out, inputs)
    with pytest.raises(AnnotationError, match=message.format(tmp_path)):
        check_out(tmp_path / out, inputs)

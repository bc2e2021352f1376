import json

import pytest

from data_converters.conversion import REPORT_NAME
from data_converters.records import AnnotationError
from data_converters.release_files import documents_below
from data_converters.release_files import the_only


def test_what_a_conversion_wrote_is_no_input(tmp_path):
    out = tmp_path / 'release' / 'converted'
    out.mkdir(parents=True)
    (out / REPORT_NAME).write_text(
        json.dumps({'files': ['test_list.txt', REPORT_NAME]})
    )
    for path in (
        out / 'test_list.txt',
        out / 'notes.txt',
        out.parent / 'test_list.txt',
    ):
        path.write_text('')
    found = [
        path.relative_to(tmp_path).as_posix() for path in documents_below(tmp_path)
    ]
    assert found == ['release/test_list.txt', 'release/converted/notes.txt']


def test_the_only_file_of_a_role(tmp_path):
    paths = [tmp_path / name for name in 'abc']
    for path in paths:
        path.write_text('same')
    assert the_only('image_labels', paths) == paths[0]
    paths[2].write_text('other')
    with pytest.raises(AnnotationError, match=r'/a, .*/b, .*/c all fit --image-labels'):
        the_only('image_labels', paths)

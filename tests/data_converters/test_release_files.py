import json

import pytest

from data_converters.conversion import REPORT_NAME
from data_converters.records import AnnotationError
from data_converters.release_files import documents_below
from data_converters.release_files import the_only


def test_what_a_conversion_wrote_is_no_input(tmp_path):
    out = tmp_path / 'converted'
    out.mkdir()
    written = {'files': ['test_list.txt', REPORT_NAME]}
    (out / REPORT_NAME).write_text(json.dumps(written))
    for path in ('converted/test_list.txt', 'converted/notes.txt', 'test_list.txt'):
        (tmp_path / path).write_text('')
    found = [path.relative_to(tmp_path) for path in documents_below(tmp_path)]
    assert [path.as_posix() for path in found] == [
        'test_list.txt',
        'converted/notes.txt',
    ]


def test_the_only_file_of_a_role(tmp_path):
    paths = [tmp_path / name for name in 'abc']
    for path in paths:
        path.write_text('same')
    assert the_only('image_labels', paths) == paths[0]
    paths[2].write_text('other')
    with pytest.raises(AnnotationError, match=r'/a, .*/b, .*/c all fit --image-labels'):
        the_only('image_labels', paths)

import json
import math

import pytest

from mmlung.atomic import write_json
from mmlung.atomic import write_text


def test_json_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / 'new' / 'metrics.json'
    write_json(path, {'name': 'Zürich', 'value': None})
    assert json.loads(path.read_text('utf-8')) == {'name': 'Zürich', 'value': None}
    with pytest.raises(ValueError, match='not JSON compliant'):
        write_json(path, {'value': math.nan})
    assert json.loads(path.read_text('utf-8'))['name'] == 'Zürich'
    write_json(path, {'value': 2})
    assert json.loads(path.read_text('utf-8')) == {'value': 2}
    assert [p.name for p in path.parent.iterdir()] == ['metrics.json']


def test_lines_end_the_same_everywhere(tmp_path):
    write_text(tmp_path / 'a.csv', 'a\nb\n')
    assert (tmp_path / 'a.csv').read_bytes() == b'a\nb\n'

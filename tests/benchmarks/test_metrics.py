import importlib.util

import pytest

from benchmarks import metrics


def installed():
    faster = importlib.util.find_spec('faster_coco_eval')  # of the extra `test`
    return metrics.OTHERS if faster else metrics.OTHERS[:1]


def test_ours_and_coco_agree_on_ap(capsys):
    names = [*metrics.OURS, *installed()]
    size = ['--images', '20', '--boxes', '8', '--bootstrap', '3']
    assert metrics.main([*size, '--only', ','.join(names)]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = [line.strip('| ').split(' | ') for line in lines if line.startswith('|')][2:]
    by_name = {row[0]: row for row in rows}
    assert list(by_name) == names
    for name in installed():
        assert by_name['mean_ap'][-3:] == by_name[name][-3:]
    assert by_name['froc'][1] == '3'
    assert by_name['pycocotools'][1] == '0'


def test_all_figures_add_a_row_and_keep_ap(capsys):
    images = ['--images', '5', '--boxes', '4', '--all-figures']
    assert metrics.main([*images, '--only', 'pycocotools']) == 0
    rows = [x for x in capsys.readouterr().out.splitlines() if 'pycoco' in x]
    assert len(rows) == 2
    assert rows[0].split('|')[-4:] == rows[1].split('|')[-4:]


def test_unknown_names_are_refused(capsys):
    with pytest.raises(SystemExit, match='2'):
        metrics.main(['--only', 'froc,mmap'])
    assert 'got mmap' in capsys.readouterr().err

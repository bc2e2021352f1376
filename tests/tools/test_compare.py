import json

import pytest

from mmlung.cli import main
from mmlung.result import SCHEMA


def write(folder, scores, truth=(1, 0, 1, 0)):
    folder.mkdir(exist_ok=True)
    images = [
        {
            'image': f'{i}.png',
            'size_hw': [9, 9],
            'findings': [{'name': 'Mass', 'score': score, 'box_xyxy': None}],
            'truth': [{'name': 'Mass', 'score': label, 'box_xyxy': None}],
            'patient_id': f'p{i}',
        }
        for i, (score, label) in enumerate(zip(scores, truth, strict=True))
    ]
    content = {'schema': SCHEMA, 'findings': ['Mass'], 'images': images}
    (folder / 'predictions.json').write_text(json.dumps(content))
    return str(folder)


def test_two_work_dirs(tmp_path, capsys):
    a = write(tmp_path / 'a', (0.1, 0.2, 0.3, 0.4))
    b = write(tmp_path / 'b', (0.4, 0.2, 0.3, 0.1))
    out = tmp_path / 'new' / 'c.json'
    assert main(['compare', a, b, '--out', str(out), '--bootstrap', '50']) == 0
    report = json.loads(out.read_text())
    assert report['schema'] == 'mmlung.comparison/1'
    assert report['overall']['mAUC']['difference'] == 0.75
    assert report['bootstrap'] == 50
    printed = capsys.readouterr().out
    assert '4 films of 4 patients' in printed
    assert f'comparison: {out}' in printed
    assert 'only 4 patients: intervals and p are a hint at best' in printed


def test_other_truth_is_one_line(tmp_path, capsys):
    a = write(tmp_path / 'a', (0.1, 0.2, 0.3, 0.4))
    b = write(tmp_path / 'b', (0.1, 0.2, 0.3, 0.4), truth=(1, 0, 0, 0))
    assert main(['compare', a, b]) == 2
    assert capsys.readouterr().err.startswith('error: the truth differs between')


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--bootstrap', '0'], '--bootstrap must be at least 1, got 0'),
        (['--out', 'a.txt'], r'--out must end in .json, got a.txt'),
    ],
    ids=['bootstrap', 'out'],
)
def test_bad_options(options, message, capsys):
    with pytest.raises(SystemExit, match='2'):
        main(['compare', 'a', 'b', *options])
    assert message in capsys.readouterr().err

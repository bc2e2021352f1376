import shutil
from pathlib import Path

import pytest

from data_converters.__main__ import main
from mmlung.findings import CHEXPERT

from ..chexpert_download import add_test
from ..chexpert_download import film


def films(data):
    return {entry['image_id']: entry for entry in data['data_list']}


def test_train_val_and_test(chexpert, convert):
    made = convert('chexpert', '--root', chexpert, '--val-fraction', '0.2')
    assert made.files() == {
        'train.json',
        'val.json',
        'test.json',
        'conversion_report.json',
    }
    parts = {name: films(made[name]) for name in ('train', 'val', 'test')}
    assert [len(part) for part in parts.values()] == [16, 4, 4]
    for name, truth in (
        ('train', 'text-mined (CheXpert labeler)'),
        ('val', 'text-mined (CheXpert labeler)'),
        ('test', "radiologists' consensus (3, majority)"),
    ):
        info = made[name]['metainfo']
        assert info['classes'] == info['image_classes'] == list(CHEXPERT)
        assert (info['ground_truth'], info['split']) == (truth, name)
        assert (info['split_family'], info['views']) == ('subset', 'frontal')
        assert info['label_policy'] == {'uncertain': 'unknown', 'blank': 'absent'}
        assert info['label_file'] == f'{"valid" if name == "test" else "train"}.csv'
        root = made.out / info['images_root']
        assert all((root / e['img_path']).is_file() for e in parts[name].values())


def test_an_entry(chexpert, convert):
    made = convert('chexpert', '--root', chexpert)
    entry = {**films(made['train']), **films(made['val'])}[
        'patient00001_study1_view1_frontal'
    ]
    # 1, 0, -1 and blank in turn, from Enlarged Cardiomediastinum: 0, -1, blank, 1 ...
    score = [0, *[0, None, 0, 1] * 3, 0]
    assert entry == {
        'img_path': 'train/patient00001/study1/view1_frontal.jpg',
        'image_id': 'patient00001_study1_view1_frontal',
        'patient_id': 'patient00001',
        'study_id': 'patient00001_study1',
        'view': 'AP',
        'sex': 'F',
        'age': 68,
        'row': 2,
        'gt_score': score,
        'height': 32,
        'width': 40,
    }


def test_report(chexpert, convert):
    made = convert('chexpert', '--root', chexpert, '--uncertain', 'u-ones')
    policy = made.report['label_policy']
    assert (policy['uncertain'], policy['blank']) == ('present', 'absent')
    edema = policy['files']['train.csv']['findings']['Edema']
    assert edema == {
        'present': 5,
        'absent': 5,
        'uncertain': 5,
        'uncertain_becomes': 'present',
        'blank': 5,
        'blank_becomes': 'absent',
    }
    assert policy['files']['valid.csv']['rows'] == 4
    assert made.report['release'] == 'CheXpert-v1.0'
    left_out = 'films of train.csv left out by --views frontal: lateral'
    assert made.report['counts'][left_out] == 10
    assert 'labels of 20 films of train.csv' in made.printed
    assert made.report['parts'][0]['per_finding']['No Finding'] == 0


def test_test_csv_is_the_test_part(chexpert, convert):
    add_test(chexpert)
    made = convert('chexpert', '--root', chexpert)
    assert len(films(made['valid'])) == 4
    test = films(made['test'])
    assert len(test) == 3
    entry = test['patient64741_study1_view1_frontal']
    assert entry['gt_score'] == [0] * 13 + [1]
    assert 'view' not in entry
    assert made['test']['metainfo']['label_file'] == 'test.csv'
    kept = 'frontal films of test.csv whose AP/PA is blank, kept'
    assert made.report['counts'][kept] == 3


@pytest.mark.parametrize('below', [True, False], ids=['root', 'parent'])
def test_no_images_gives_the_same(chexpert, convert, tmp_path, below):
    root = chexpert if below else chexpert.parent
    with_images = convert('chexpert', '--root', root, out=tmp_path / 'a')
    without = convert('chexpert', '--root', root, '--no-images', out=tmp_path / 'b')
    for name in ('train', 'val', 'test'):
        entries = with_images[name]['data_list']
        for entry in entries:
            del entry['height'], entry['width']
        assert without[name]['data_list'] == entries
        assert (
            (without[name]['metainfo']['images_root'])
            == (with_images[name]['metainfo']['images_root'])
        )


def test_all_views_stay_with_their_patient(chexpert, convert):
    made = convert('chexpert', '--root', chexpert, '--views', 'all')
    patients = [
        {entry['patient_id'] for entry in made[name]['data_list']}
        for name in ('train', 'val')
    ]
    assert not patients[0] & patients[1]
    assert sum(len(made[name]['data_list']) for name in ('train', 'val')) == 30


def test_limit(chexpert, convert):
    made = convert('chexpert', '--root', chexpert, '--limit', '3')
    sizes = {part['file']: part['images'] for part in made.report['parts']}
    assert sizes['train.json'] + sizes['val.json'] == 3
    assert sizes['test.json'] == 3


def test_small_table_with_the_full_films(chexpert, convert):
    table = chexpert / 'train.csv'
    table.write_text(
        table.read_text().replace('CheXpert-v1.0/', 'CheXpert-v1.0-small/')
    )
    made = convert('chexpert', '--root', chexpert)
    assert made.report['release'] == 'CheXpert-v1.0'
    assert any(
        'is of CheXpert-v1.0-small, the films' in w for w in made.report['warnings']
    )


def test_half_a_download(chexpert, convert):
    for patient in range(11, 21):
        shutil.rmtree(chexpert / Path(film(patient)).parts[1] / f'patient{patient:05d}')
    made = convert('chexpert', '--root', chexpert)
    counts = made.report['counts']
    assert counts['films of train.csv without an image, left out'] == 10
    assert any('only 10 of the 20 films' in w for w in made.report['warnings'])
    assert made['train']['metainfo']['split_family'] == 'subset'


def test_other_labeler(chexpert, convert):
    other = (chexpert / 'train.csv').rename(chexpert / 'train_cheXbert.csv')
    made = convert('chexpert', '--root', chexpert, '--train', other)
    assert made['train']['metainfo']['ground_truth'] == 'text-mined (CheXbert)'


def test_nothing_but_blanks_is_unlabelled(chexpert, convert):
    table = chexpert / 'train.csv'
    lines = table.read_text().splitlines()
    lines[1] = lines[1].partition(',AP,')[0] + ',AP,' + ',' * 13
    table.write_text('\n'.join(lines) + '\n')
    made = convert('chexpert', '--root', chexpert, '--uncertain', 'absent')
    every = {**films(made['train']), **films(made['val'])}
    assert every['patient00001_study1_view1_frontal']['gt_score'] == [None] * 14
    counts = made.report['counts']
    assert counts['films of train.csv with nothing but blanks, unlabelled'] == 1


def _wrong_root(root):
    return root / 'train'


def _no_films(root):
    for part in ('train', 'valid'):
        shutil.rmtree(root / part)
    return root


def _missing_column(root):
    table = root / 'train.csv'
    table.write_text(table.read_text().replace('Pleural Other', 'Other'))
    return root


def _bad_label(root):
    table = root / 'train.csv'
    table.write_text(table.read_text().replace('-1.0', 'u', 1))
    return root


def _broken_film(root):
    (root / film(3).partition('/')[2]).write_bytes(b'\xff\xd8\xff')
    return root


def _empty(root):
    table = root / 'train.csv'
    table.write_text(table.read_text().partition('\n')[0] + '\n')
    (root / 'valid.csv').unlink()
    return root


def _cut_off(root):
    table = root / 'train.csv'
    table.write_text(table.read_text()[:-20])
    return root


@pytest.mark.parametrize(
    ('mend', 'message'),
    [
        (_wrong_root, 'no train.csv lies there'),
        (_no_films, 'none of its 20 films (first: CheXpert-v1.0/train/patient00001'),
        (_missing_column, "columns ['Pleural Other'] are missing"),
        (_bad_label, "must be 1, 0, -1 or blank, got 'u'"),
        (_broken_film, 'cannot be read'),
        (_cut_off, 'an incomplete download?'),
        (_empty, 'train.csv: has no film of the wanted views'),
        (lambda root: root / 'nowhere', 'nowhere: no such file or folder'),
    ],
    ids=['root', 'films', 'column', 'label', 'film', 'cut-off', 'empty', 'nowhere'],
)
def test_errors_are_one_line(chexpert, tmp_path, capsys, mend, message):
    root = mend(chexpert)
    code = main(['chexpert', '--root', str(root), '--out', str(tmp_path / 'out')])
    printed = capsys.readouterr()
    assert code == 2
    assert message in printed.err
    assert printed.err.splitlines()[-1].startswith('error: ')
    assert not (tmp_path / 'out').exists()


def test_a_film_that_cannot_be_read_may_be_left_out(chexpert, convert):
    made = convert('chexpert', '--root', _broken_film(chexpert), '--drop-invalid')
    assert made.report['n_dropped'] == 1
    assert sum(len(made[name]['data_list']) for name in ('train', 'val')) == 19


def test_train_alone(chexpert, convert):
    (chexpert / 'valid.csv').unlink()
    made = convert('chexpert', '--root', chexpert)
    assert 'test.json' not in made.files()
    assert (
        'no film of valid.csv or test.csv: test.json is not written'
        in (made.report['warnings'])
    )


def test_two_words(chexpert, tmp_path, capsys):
    arguments = ['--root', str(chexpert), '--out', str(tmp_path / 'out')]
    assert main(['chexpert', *arguments, '--uncertain', 'present', 'absent']) == 2
    assert 'one word for all findings' in capsys.readouterr().err

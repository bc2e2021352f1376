import pytest

from tools.make_phantom import main


def test_vindr(tmp_path, capsys):
    out = tmp_path / 'v'
    arguments = ['--train', '3', '--test', '2', '--size', '96', '110']
    assert (
        main(['vindr', '--out', str(out), *arguments, '--findings', 'Cardiomegaly'])
        == 0
    )
    assert len(list((out / 'train').glob('*.dicom'))) == 3
    assert 'synthetic' in capsys.readouterr().out
    assert main(['vindr', '--out', str(out), *arguments, '--seed', '9']) == 2
    error = capsys.readouterr().err
    assert error.startswith('error: ')
    assert error.count('\n') == 1


def test_kaggle(tmp_path):
    arguments = ['--train', '2', '--test', '1', '--size', '96', '96']
    out = str(tmp_path / 'k')
    assert main(['vindr', '--out', out, '--release', 'kaggle', *arguments]) == 0
    assert (tmp_path / 'k' / 'train.csv').is_file()


def test_chestxray14(tmp_path):
    out = str(tmp_path / 'n')
    assert main(['chestxray14', '--out', out, '--images', '12', '--size', '96']) == 0
    assert (tmp_path / 'n' / 'BBox_List_2017.csv').is_file()


def test_chexpert(tmp_path):
    out = str(tmp_path / 'c')
    arguments = ['--train', '3', '--valid', '2', '--size', '96']
    assert main(['chexpert', '--out', out, *arguments]) == 0
    assert (tmp_path / 'c' / 'valid.csv').is_file()


def test_mimic_cxr(tmp_path):
    out = str(tmp_path / 'm')
    numbers = ['--train', '2', '--validate', '1', '--test', '1', '--size', '96']
    assert main(['mimic-cxr', '--out', out, *numbers, '--form', 'dicom']) == 0
    assert (tmp_path / 'm' / 'mimic-cxr-2.0.0-split.csv.gz').is_file()
    assert list((tmp_path / 'm' / 'files').rglob('*.dcm'))


@pytest.mark.parametrize(
    'arguments',
    [[], ['vindr'], ['chestxray14'], ['chexpert'], ['mimic-cxr']],
    ids='-'.join,
)
def test_help_has_examples(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main([*arguments, '--help'])
    assert caught.value.code == 0
    assert '--help' in capsys.readouterr().out


def test_too_small_a_film_is_one_line(tmp_path, capsys):
    assert main(['chestxray14', '--out', str(tmp_path / 'n'), '--size', '20']) == 2
    assert 'at least 96 px' in capsys.readouterr().err

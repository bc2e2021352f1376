from ..nih_download import BOX_HEADER
from ..nih_download import convert
from ..nih_download import family
from ..nih_download import write


def test_of_two_label_files_the_newer_is_used(nih, tmp_path):
    lines = (nih / 'Data_Entry_2017_v2020.csv').read_text().splitlines()
    write(nih / 'Data_Entry_2017.csv', [f'{line},' for line in lines])
    parts = convert(nih, tmp_path / 'out')
    assert parts['test']['metainfo']['label_file'] == 'Data_Entry_2017_v2020.csv'
    warnings = parts['conversion_report']['warnings']
    assert (
        'Data_Entry_2017_v2020.csv is used, Data_Entry_2017.csv is not' in warnings[0]
    )


def test_no_label_file_stops(nih, tmp_path, refuse):
    (nih / 'Data_Entry_2017_v2020.csv').rename(nih / 'labels.csv')
    assert 'no label file Data_Entry_2017*.csv was found' in refuse(
        'chestxray14', '--root', nih
    )
    parts = convert(nih, tmp_path / 'out', '--labels', str(nih / 'labels.csv'))
    assert len(parts['train']['data_list'])


def test_no_root_stops(tmp_path, refuse):
    error = refuse('chestxray14', '--root', tmp_path / 'none')
    assert 'none: no such file or folder' in error


def test_two_box_files_stop(nih, refuse):
    write(nih / 'BBox_List_other.csv', [BOX_HEADER, '00000001_000.png,Mass,1,1,9,9'])
    assert 'all fit --boxes. Name the one to use' in refuse(
        'chestxray14', '--root', nih
    )


def test_an_earlier_conversion_inside_the_root_is_no_input(official):
    first = convert(official, official / 'converted', '--val-fraction', '0.3')
    again = convert(official, official / 'converted', '--val-fraction', '0.3')
    assert family(again['test']) == 'official'
    assert first['train']['data_list'] == again['train']['data_list']

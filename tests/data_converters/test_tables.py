import gzip
import hashlib

import numpy as np
import pytest

from data_converters.records import AnnotationError
from data_converters.tables import read_header
from data_converters.tables import read_names
from data_converters.tables import read_table

TEXT = 'image_id,x\n001,1.5\n1e10,\n'


@pytest.mark.parametrize(
    'raw',
    [
        TEXT.encode(),
        TEXT.replace('\n', '\r\n').encode(),
        b'\xef\xbb\xbf' + TEXT.encode(),
        b' image_id , x \n 001 , 1.5 \n1e10, \n',
        TEXT.rstrip('\n').encode(),
        gzip.compress(TEXT.encode()),
        b'"image_id","x"\n"001","1.5"\n"1e10",""\n',
    ],
    ids=['plain', 'crlf', 'bom', 'blanks', 'no-final-newline', 'gzip', 'quoted'],
)
def test_reads_the_same_table(tmp_path, raw):
    path = tmp_path / 'a table.csv'  # gzip is known by its bytes
    path.write_bytes(raw)
    table = read_table(path, wanted=['x', 'image_id'])
    assert table.frame.columns.tolist() == ['image_id', 'x'] == read_header(path)
    assert table.frame['image_id'].tolist() == ['001', '1e10']
    np.testing.assert_array_equal(table.numbers('x'), [1.5, np.nan])
    assert table.frame.index.tolist() == [2, 3]
    assert table.source.n_rows == 2
    assert table.source.sha256 == hashlib.sha256(raw).hexdigest()


def test_hash_of_the_content_does_not_depend_on_gzip(tmp_path):
    plain, packed = tmp_path / 'a.csv', tmp_path / 'a.csv.gz'
    plain.write_text(TEXT)
    packed.write_bytes(gzip.compress(TEXT.encode()))
    a, b = read_table(plain).source, read_table(packed).source
    assert a.content_sha256 == b.content_sha256 == a.sha256 != b.sha256


def test_blank_lines_do_not_shift_the_line_numbers(tmp_path):
    path = tmp_path / 'a.csv'
    path.write_text('image_id,x\na,1\n\n,\nb,oops\n')
    table = read_table(path)
    assert table.frame.index.tolist() == [2, 5]
    with pytest.raises(AnnotationError, match=r'a\.csv row 5: x must be .* \'oops\''):
        table.numbers('x')


@pytest.mark.parametrize('cell', ['inf', '-inf', '1,5', '12px'])
def test_a_number_is_finite(tmp_path, cell):
    path = tmp_path / 'a.csv'
    path.write_text(f'image_id,x\na,1\nb,"{cell}"\n')
    with pytest.raises(AnnotationError, match='row 3: x must be a number'):
        read_table(path).numbers('x')


def test_more_names_than_fields(tmp_path):
    """So does ChestX-ray14 in both its tables."""
    path = tmp_path / 'a.csv'
    path.write_text('Image Index,Bbox [x,y,w,h],,,\na.png,1,2,3,4\n')
    frame = read_table(path).frame
    assert frame.iloc[0].tolist()[:5] == ['a.png', '1', '2', '3', '4']
    path.write_text('Image Index,x,\na.png,1,\nb.png,2,\n')
    assert read_table(path).frame['Image Index'].tolist() == ['a.png', 'b.png']


def test_a_missing_column_names_both_lists(tmp_path):
    path = tmp_path / 'a.csv'
    path.write_text(TEXT)
    with pytest.raises(
        AnnotationError,
        match=r"columns \['rad_id'\] are missing. Wanted: \['x', 'rad_id'\]; "
        r"found: \['image_id', 'x'\]",
    ):
        read_table(path, wanted=['x', 'rad_id'])


def test_fields_are_separated_by_commas(tmp_path):
    path = tmp_path / 'a.csv'
    path.write_text(TEXT.replace(',', ';'))
    with pytest.raises(AnnotationError, match='row must be separated by commas'):
        read_table(path, wanted=['image_id'])


def test_an_error_shows_few_of_many_columns(tmp_path):
    path = tmp_path / 'a.csv'
    path.write_text(','.join(f'c{i}' for i in range(30)))
    with pytest.raises(AnnotationError, match=r"'c11'\] and 18 more\. Is it a table"):
        read_table(path, wanted=['image_id'])


@pytest.mark.parametrize('end', ['b,1', 'b,1,', 'b,1,2'])
@pytest.mark.parametrize('blank', ['', '\n', '\n\n'])
def test_a_file_that_broke_off(tmp_path, end, blank):
    """The last row alone is short; where all are, the header has names too many."""
    path = tmp_path / 'a.csv'
    path.write_text(f'image_id,x,y\na,1,2\n{end}{blank}')
    if end != 'b,1':
        assert len(read_table(path).frame) == 2
        path.write_text(f'image_id,x,y,,\na,1\nb,1{blank}')
        assert len(read_table(path).frame) == 2
        return
    with pytest.raises(AnnotationError, match='last row has fewer fields than those'):
        read_table(path)


@pytest.mark.parametrize(
    ('raw', 'message'),
    [
        (b'', 'not a readable CSV'),
        (b'a,b\n1,2\n1,2,3,4\n', 'not a readable CSV'),
        (b'a,b\n1,2,3\n1,2,3\n', 'rows have more fields than the header'),
        (b'a,b\n\xff\xfe,2\n', 'not a readable CSV'),
        (gzip.compress(b'a,b\n1,2\n' * 99)[:-12], 'not a complete gzip file'),
        (b'PK\x03\x04....', 'is a ZIP archive'),
    ],
    ids=['empty', 'ragged', 'long-rows', 'not-utf8', 'truncated-gzip', 'zip'],
)
def test_what_is_no_table(tmp_path, raw, message):
    path = tmp_path / 'a.csv'
    path.write_bytes(raw)
    with pytest.raises(AnnotationError, match=message):
        read_table(path)


def test_what_is_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match='no such file'):
        read_table(tmp_path / 'a.csv')
    with pytest.raises(AnnotationError, match='is a folder'):
        read_table(tmp_path)


@pytest.mark.parametrize('pack', [bytes, gzip.compress], ids=['plain', 'gzip'])
def test_names(tmp_path, pack):
    path = tmp_path / 'list.txt'
    path.write_bytes(pack(b'a b.png\r\n\nc.png'))
    names, source = read_names(path)
    assert names == ['a b.png', 'c.png']
    assert source.n_rows == 2


def test_names_are_text(tmp_path):
    path = tmp_path / 'list.txt'
    path.write_bytes(b'\xff\xfe')
    with pytest.raises(AnnotationError, match='not a list of names'):
        read_names(path)


@pytest.mark.parametrize(
    'blank', [' ', '\t', '\v', '\x1c', '\u00a0', '\u3000'], ids=repr
)
@pytest.mark.parametrize(
    'text',
    ['a,b\n{}x,y z\n', 'a,b\nx{},y z\n', 'a,b\nx,{}y z\n', 'a,b\nx,y z{}\n',
     'a,b\nx,"y z{}"\n', 'a,b\nx,"{}y z"\n', 'a,b\r\nx,y z{}\r\n', 'a{},b\nx,y z\n',
     '{}a,b\nx,y z\n', 'a,b\nx,y z{}'],
    ids=repr,
)  # fmt: skip
def test_blanks_around_a_cell_are_never_kept(tmp_path, text, blank):
    path = tmp_path / 't.csv'
    path.write_bytes(text.format(blank).encode())
    frame = read_table(path).frame
    assert frame.columns.tolist() == ['a', 'b']
    assert frame.iloc[0].tolist() == ['x', 'y z']


def test_the_header_of_a_gzip_needs_its_beginning_alone(tmp_path):
    path = tmp_path / 't.csv.gz'
    raw = gzip.compress(b'a, b\n' + b'1,2\n' * 100_000)
    path.write_bytes(raw[: len(raw) // 2])  # an incomplete download, still named so
    assert read_header(path) == ['a', 'b']

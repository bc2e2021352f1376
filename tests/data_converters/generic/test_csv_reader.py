import re

import pytest
from PIL import Image


@pytest.fixture
def films(tmp_path):
    """Films of 60 x 50 in two folders, a stem in both."""
    folder = tmp_path / 'given' / 'png'
    for name in ('a/1.png', 'b/1.png', 'b/2.png'):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new('L', (60, 50)).save(folder / name)
    return folder


@pytest.fixture
def table(films):
    def run(*lines):
        path = films.parent / 'boxes.csv'
        path.write_text('\n'.join(lines) + '\n', encoding='utf-8')
        return path

    return run


@pytest.mark.parametrize(
    ('header', 'box', 'options'),
    [
        ('xmin,ymin,xmax,ymax', '6,10,18,35', []),
        ('left,top,right,bottom', '6,10,18,35',
         ['xmin=left', 'ymin=top', 'xmax=right', 'ymax=bottom']),
        ('x,y,w,h', '6,10,12,25', []),
        ('x1,y1,width,height', '6,10,12,25',
         ['x=x1', 'y=y1', 'w=width', 'h=height']),
        ('cx,cy,w,h', '12,22.5,12,25', []),
        ('cx,cy,w,h', '0.2,0.45,0.2,0.5', ['--units', 'fractions']),
        ('xmin,ymin,xmax,ymax', '0.1,0.2,0.3,0.7', ['--units', 'fractions']),
        ('x,y,w,h,cx,cy', '6,10,12,25,9,9', ['--box', 'xywh']),
        ('x,y,w,h,mx,my', '9,9,12,25,12,22.5', ['cx=mx', 'cy=my']),
    ],
    ids=['xyxy', 'renamed', 'xywh', 'renamed-xywh', 'centre', 'centre-fractions',
         'fractions', 'form', 'renamed-centre'],
)  # fmt: skip
def test_forms_units_and_names(table, films, convert, header, box, options):
    path = table(
        f'label,file,{header}',
        f'Mass,a/1.png,{box}',
        f',b/1.png,{"," * header.count(",")}',
    )
    names = [text for text in options if '=' in text]
    other = [text for text in options if '=' not in text]
    got = convert(
        'csv', '--annotations', path, '--images', films, '--val-fraction', 0,
        '--columns', 'image=file', 'finding=label', *names, *other,
    )  # fmt: skip
    assert list(got.images('train')) == ['a/1.png', 'b/1.png']
    [annotation] = got['train']['annotations']
    assert annotation['bbox'] == pytest.approx([6, 10, 12, 25])
    assert got.report['options']['columns'][:2] == ['image=file', 'finding=label']
    counts = got.report['counts']
    assert counts['rows without a box'] == counts['films without a box'] == 1
    assert counts['images that no annotation speaks of, left out'] == 1


def test_facts_splits_sizes_and_stems(table, films, convert):
    path = table(
        'image,finding,x,y,w,h,image_width,image_height,split,patient_id,sex,age,'
        'readers,iscrowd',
        '2,Mass,12,20,24,50,120,100,valid,007,F,61,R8;R10,',
        '2,Nodule,0,0,120,100,120,100,valid,007,F,61,,1',
        'x/a/1,No finding,,,,,,,train,1e3,,,,',
    )
    got = convert('csv', '--annotations', path, '--images', films)
    film = got['val']['images'][0]
    assert (film['file_name'], film['image_id']) == ('b/2.png', '2')
    assert (film['patient_id'], film['sex'], film['age']) == ('007', 'F', 61)
    assert film['original_size_hw'] == [100, 120]
    mass, nodule = got['val']['annotations']
    assert mass['bbox'] == [6, 10, 12, 25]
    assert (mass['readers'], mass['votes']) == (['R8', 'R10'], 2)
    assert nodule['iscrowd'] == 1
    train = got['train']['images'][0]
    assert (train['file_name'], train['patient_id']) == ('a/1.png', '1e3')


def test_words_for_no_finding(table, films, convert, refuse):
    path = table(
        'image,finding,xmin,ymin,xmax,ymax',
        'a/1.png,Target 0,,,,',
        'b/1.png,NORMAL,,,,',
        'b/2.png,Mass,1,1,5,5',
        'b/2.png,,,,,',
    )
    base = ('csv', '--annotations', path, '--images', films)
    error = refuse(*base)
    assert re.search(
        r"boxes\.csv row 2: 'Target 0' without a box. If it means no finding, pass "
        r"--rename 'Target 0='; to leave such rows out, --drop-invalid",
        error,
    )
    got = convert(*base, '--rename', 'Target 0=', '--val-fraction', 0)
    assert len(got['train']['images']) == 3
    assert [c['name'] for c in got['train']['categories']] == ['Mass']
    assert any('1 images have boxes and a row' in w for w in got.report['warnings'])
    got = convert(*base, '--drop-invalid', '--val-fraction', 0)
    assert list(got.images('train')) == ['b/1.png', 'b/2.png']
    assert got.report['dropped'] == [
        {'file': 'boxes.csv', 'line': 2, 'reason': "'Target 0' without a box"}
    ]


HEAD = 'image,finding,xmin,ymin,xmax,ymax'


@pytest.mark.parametrize(
    ('lines', 'options', 'message'),
    [
        (['image,finding,a,b,c,d', 'a/1,M,1,1,2,2'], [],
         'columns of a box are missing: xmin ymin xmax ymax, or x y w h, or cx cy w h; '
         r'found: .*--columns xmin='),
        (['file,finding,x,y,w,h', 'a/1,M,1,1,2,2'], [],
         r"columns \['image'\] are missing.*--columns image=\.\.\."),
        ([HEAD, 'a/1,M,1,1,2,2'], ['--columns', 'image=File'],
         "there is no column 'File'"),
        (['image,finding,x,y,w,h,cx,cy', 'a/1,M,1,1,2,2,2,2'], [],
         'columns of xywh and cxcywh. Say which to take with --box'),
        ([HEAD, 'a/1,M,1,1,2,x'], [], r"row 2: ymax must be a number, got 'x'"),
        ([HEAD, 'a/1,M,1,1,2,'], [], r'row 2: .*lacks a coordinate'),
        ([HEAD, 'a/1,M,5,1,2,3'], [], r'row 2: .*x_max < x_min'),
        ([HEAD, 'a/1,,1,1,2,2'], [], 'row 2: a box without a finding'),
        ([HEAD, ',M,1,1,2,2'], [], 'row 2: the image is not named'),
        ([HEAD, 'a/1,M,.1,.1,.2,.2'], [], 'fractions of the image.*--units fractions'),
        ([HEAD, 'a/1,M,1,1,20,2'], ['--units', 'fractions'],
         'row 2: a coordinate of 20 is no fraction.*--units pixels'),
        ([HEAD, 'z/9.png,M,1,1,2,2'], [], 'none of its 1 images .*is among the 3 in'),
        ([HEAD, 'a/1,M,1,1,2,2', 'z/9.png,M,1,1,2,2'], [],
         r'1 of its 2 films are missing: z/9\.png.*--drop-invalid'),
        ([HEAD, '1.png,M,1,1,2,2'], [], "'1.png' may be 'a/1.png' or 'b/1.png'"),
        ([HEAD, 'a/1,M,1,1,2,2', 'q/a/1.png,M,1,1,2,2'], [],
         "'a/1' and 'q/a/1.png' are both the image"),
        ([HEAD + ',split', 'a/1,M,1,1,2,2,dev'], [], "split must be .* got 'dev'"),
        ([HEAD + ',split', 'a/1,M,1,1,2,2,val', 'a/1,M,3,3,4,4,train'], [],
         "row 3: split of image a/1 is 'train', and 'val' in an earlier row"),
        ([HEAD + ',image_width,image_height', 'a/1,M,1,1,2,2,60,'], [],
         'must be whole pixels, both or neither'),
        ([HEAD, 'a/1,M,50,1,200,20'], [], r'row 2: box .* leaves its image of 60 x 50'),
    ],
    ids=['no-box', 'no-image', 'no-column', 'forms', 'text', 'blank', 'exchanged',
         'no-finding', 'no-name', 'fractions', 'pixels', 'no-film', 'one-missing',
         'ambiguous', 'same-film', 'split', 'two-splits', 'size', 'outside'],
)  # fmt: skip
def test_what_is_wrong_is_said(table, films, refuse, lines, options, message):
    path = table(*lines)
    error = refuse('csv', '--annotations', path, '--images', films, *options)
    assert re.search(message, error), error


def test_a_column_of_another_role_is_one_line(capsys):
    from data_converters.__main__ import main

    argv = ['csv', '--annotations', 'x', '--out', 'y', '--columns', 'picture=file']
    with pytest.raises(SystemExit):
        main(argv)
    error = capsys.readouterr().err
    assert 'must be NAME=COLUMN with NAME one of image, finding' in error
    assert error.count('\n') == 1


def test_sizes_from_columns_alone(table, films, convert, refuse):
    lines = [HEAD + ',image_width,image_height', 'new/9.png,M,1,1,2,2,60,50']
    base = ('csv', '--annotations', table(*lines), '--no-images', '--val-fraction', 0)
    film = convert(*base)['train']['images'][0]
    assert (film['file_name'], film['width'], film['height']) == ('new/9.png', 60, 50)
    table(HEAD, 'new/9.png,M,1,1,2,2')
    assert 'does not give the size of 1 of 1 images' in refuse(*base)

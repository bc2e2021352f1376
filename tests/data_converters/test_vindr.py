import pytest

TRUE_BOXES = [
    ('0000000000', 'Cardiomegaly', (10, 20, 110, 120), ('R8', 'R9', 'R10')),
    ('0000000000', 'Nodule/Mass', (150.5, 200.25, 160, 210), ('R9',)),
    ('0000000001', 'Pleural effusion', (0, 202.5, 50, 300), ('R9', 'R10')),
    ('0000000001', 'Pleural effusion', (150, 200, 200, 300), ('R10',)),
    ('0000000002', 'Aortic enlargement', (80, 60, 120, 100), ('R8',)),
    ('0000000002', 'Calcification', (80, 60, 120, 100), ('R8',)),
]


@pytest.fixture
def kaggle(tmp_path, release_files):
    return release_files.kaggle_release(tmp_path / 'a release')


@pytest.fixture
def physionet(tmp_path, release_files):
    return release_files.physionet_release(tmp_path / '1.0.0')


def rewrite(kaggle, release_files, *extra, boxes=None):
    """The same release with further rows (image_id, rad_id, class_name, corners)."""
    boxes = release_files.BOXES if boxes is None else boxes
    rows = [*release_files.box_rows(boxes), *extra]
    release_files.kaggle_release(kaggle, rows, films=False)
    return 1 + len(rows)  # line of the last row


def test_kaggle_release(kaggle, convert, release_files):
    files = convert('vindr', '--root', kaggle)
    assert files.files() == {
        'train.json',
        'val.json',
        'test_unlabelled.json',
        'train_list.txt',
        'val_list.txt',
        'test_list.txt',
        'conversion_report.json',
    }
    assert files.all_boxes('train', 'val') == TRUE_BOXES
    info = files['train']['info']
    assert (info['release'], info['ground_truth']) == ('kaggle', 'fused(wbf>0.5)')
    assert (info['split'], info['split_family']) == ('train', 'random-image')
    assert info['images_root'] == '../a release'
    assert len(info['image_classes']) == 15
    assert len(files['train']['categories']) == 14
    images = files.images('train', 'val')
    assert sorted(images) == release_files.TRAIN_IDS
    assert images['0000000005']['file_name'] == 'train/0000000005.dicom'
    assert (images['0000000005']['height'], images['0000000005']['width']) == (300, 200)
    report = files.report
    assert (report['images'], report['healthy_images']) == (24, 17)
    assert (report['boxes_in'], report['boxes_out']) == (9, 6)
    assert not report['dropped'] + report['clipped']


def test_unlabelled_test_images_have_no_labels(kaggle, convert, release_files):
    test = convert('vindr', '--root', kaggle)['test_unlabelled']
    assert [i['image_id'] for i in test['images']] == release_files.TEST_IDS
    assert test['annotations'] == []
    assert 'gt_score' not in test['images'][0]
    assert (test['info']['ground_truth'], test['info']['split']) == (None, 'test')


def test_files_named_singly_give_the_same(kaggle, convert, tmp_path):
    by_root = convert('vindr', '--root', kaggle)
    singly = convert(
        *('vindr', '--annotations', kaggle / 'train.csv', '--images', kaggle / 'train'),
        *('--test-images', kaggle / 'test'),
        out=tmp_path / 'other',
    )
    for name in ('train', 'val', 'test_unlabelled'):
        assert singly[name]['images'] == by_root[name]['images']
        assert singly[name]['annotations'] == by_root[name]['annotations']


def test_votes_are_distinct_readers(kaggle, convert):
    files = convert('vindr', '--root', kaggle)
    assert all(
        a['votes'] == len(a['readers'])
        for name in ('train', 'val')
        for a in files[name]['annotations']
    )
    assert [a['id'] for a in files['train']['annotations']][:1] == [1]


def test_image_labels_are_votes_of_the_readers(kaggle, convert):
    files = convert('vindr', '--root', kaggle)
    classes = files['train']['info']['image_classes']
    images = files.images('train', 'val')

    def label(image, name):
        at = classes.index(name)
        return images[image]['gt_score'][at], images[image]['label_votes'][at]

    assert label('0000000000', 'Cardiomegaly') == (1, 3)
    assert label('0000000000', 'Nodule/Mass') == (0, 1)
    assert label('0000000001', 'Pleural effusion') == (1, 2)
    assert label('0000000001', 'No finding') == (0, 1)
    assert label('0000000002', 'No finding') == (1, 2)
    assert label('0000000009', 'No finding') == (1, 3)
    assert {i['n_readers'] for i in images.values()} == {3}


def test_label_rule_any(kaggle, convert):
    files = convert('vindr', '--root', kaggle, '--label-rule', 'any')
    at = files['train']['info']['image_classes'].index('Nodule/Mass')
    assert files.images('train', 'val')['0000000000']['gt_score'][at] == 1


def test_union_keeps_every_box_unchanged(kaggle, convert, release_files):
    files = convert('vindr', '--root', kaggle, '--readers', 'union')
    assert files.all_boxes('train', 'val') == sorted(
        (release_files.TRAIN_IDS[i], name, box, (reader,))
        for i, name, reader, box in release_files.BOXES
    )
    assert len(files.images('train', 'val')) == 20
    assert files['val']['info']['ground_truth'] == 'reader(union)'


def test_separate_gives_every_reader_files(physionet, convert, release_files):
    files = convert('vindr', '--root', physionet, '--readers', 'separate')
    jsons = {name for name in files.files() if name.endswith('.json')}
    assert jsons == {
        f'{part}_{reader}.json'
        for part in ('train', 'val')
        for reader in ('R8', 'R9', 'R10')
    } | {'test.json', 'conversion_report.json'}
    assert files['train_R8']['info']['ground_truth'] == 'reader(R8)'
    names = [f'{part}_{r}' for r in ('R8', 'R9', 'R10') for part in ('train', 'val')]
    boxes = files.all_boxes(*names)
    assert sorted(boxes) == sorted(
        (release_files.TRAIN_IDS[i], name, box, (reader,))
        for i, name, reader, box in release_files.BOXES
    )
    val = set(files.images('val_R8'))
    assert val == set(files.images('val_R9'))  # nobody trains on another's val
    classes = files['train_R9']['info']['image_classes']
    image = files.images('train_R9', 'val_R9')['0000000000']
    assert image['gt_score'][classes.index('Nodule/Mass')] == 1
    assert image['n_readers'] == 1


@pytest.mark.parametrize('flat', [False, True], ids=['annotations/', 'flattened'])
def test_physionet_release(tmp_path, convert, release_files, flat):
    root = release_files.physionet_release(tmp_path / '1.0.0', flat)
    files = convert('vindr', '--root', root)
    assert files.all_boxes('train', 'val') == TRUE_BOXES
    assert files.all_boxes('test') == [
        ('1e10000000', 'Rib fracture', (20, 20, 60, 60.5), ())
    ]
    info = files['test']['info']
    assert (info['release'], info['ground_truth']) == ('physionet', 'consensus')
    assert (info['split_family'], info['label_file']) == (
        'official',
        'annotations_test.csv',
    )
    assert info['image_classes'] == list(release_files.LABELS)
    assert [c['name'] for c in files['test']['categories']] == list(
        release_files.LABELS[:22]
    )
    pneumonia = info['image_classes'].index('Pneumonia')
    image = files.images('train', 'val')['0000000001']
    assert image['label_votes'][pneumonia] == 1
    test = files.images('test')['1e10000000']
    assert test['gt_score'][info['image_classes'].index('Rib fracture')] == 1
    assert 'label_votes' not in test
    assert files.report['rows_read'] == (9 + 54) + 20 * 3 + 4 + 4


def test_without_label_files_global_labels_are_unknown(physionet, convert):
    for path in physionet.rglob('image_labels_*.csv'):
        path.unlink()
    files = convert('vindr', '--root', physionet)
    classes = files['train']['info']['image_classes']
    image = files.images('train', 'val')['0000000000']
    assert image['gt_score'][classes.index('Tuberculosis')] is None
    assert image['label_votes'][classes.index('Tuberculosis')] is None
    assert image['gt_score'][classes.index('Cardiomegaly')] == 1
    assert files.images('test')['1e10000001']['gt_score'][-1] == 1


def test_gzipped_tables(kaggle, convert, release_files):
    import gzip

    plain = convert('vindr', '--root', kaggle)
    expected = plain.all_boxes('train', 'val')
    table = kaggle / 'train.csv'
    (kaggle / 'train.csv.gz').write_bytes(gzip.compress(table.read_bytes()))
    table.unlink()
    packed = convert('vindr', '--root', kaggle)
    assert packed.all_boxes('train', 'val') == expected
    assert (
        packed['train']['info']['label_sha256']
        == (packed.report['inputs'][0]['content_sha256'])
    )


def test_sizes_from_a_table_without_images(tmp_path, convert, release_files):
    root = release_files.kaggle_release(tmp_path / 'tables', films=False)
    sizes = [(i, 300, 200) for i in release_files.TRAIN_IDS]
    table = tmp_path / 'train_meta.csv.gz'
    release_files.write_csv(table, ('image_id', 'dim0', 'dim1'), sizes)
    files = convert(
        *('vindr', '--annotations', root / 'train.csv', '--image-sizes', table)
    )
    image = files.images('train', 'val')['0000000000']
    assert (image['height'], image['width']) == (300, 200)
    assert image['file_name'] == 'train/0000000000.dicom'
    assert files['train']['info']['images_root'] == '../tables'
    assert files.all_boxes('train', 'val') == TRUE_BOXES


def test_a_resized_mirror(tmp_path, convert, release_files):
    """Boxes are scaled to the file, each axis on its own, in floats."""
    root = release_files.kaggle_release(tmp_path / 'mirror', films=False)
    for image_id in release_files.TRAIN_IDS:
        release_files.write_png(root / 'train' / f'{image_id}.png', (64, 64))
    sizes = [(i, 300, 200) for i in release_files.TRAIN_IDS]
    release_files.write_csv(
        root / 'train_meta.csv', ('image_id', 'dim0', 'dim1'), sizes
    )
    files = convert('vindr', '--root', root)
    boxes = files.all_boxes('train', 'val')
    for (*_, found, _), (*_, true, _) in zip(boxes, TRUE_BOXES, strict=True):
        scale = (64 / 200, 64 / 300) * 2
        assert found == pytest.approx([v * s for v, s in zip(true, scale, strict=True)])
    image = files.images('train', 'val')['0000000000']
    assert (image['height'], image['width']) == (64, 64)
    assert image['original_size_hw'] == [300, 200]
    assert image['file_name'] == '0000000000.png'


@pytest.mark.parametrize('prefix', ['', 'raw_'], ids=['height-width', 'raw'])
def test_a_mirror_with_sizes_beside_the_boxes(tmp_path, convert, release_files, prefix):
    """Such as awsaf49's and sunghyunjun's; the second one scaled its boxes."""
    root = tmp_path / 'mirror'
    corners = release_files.CORNERS
    header = ['', 'image_id', 'class_name', 'class_id', 'rad_id', *corners]
    originals = (*corners, 'width', 'height') if prefix else ('width', 'height')
    header += [prefix + name for name in originals]
    rows = []
    for i, (image_id, reader, name, *box) in enumerate(release_files.box_rows()):
        ours = [b if b == '' else round(b / 4) for b in box]
        boxes = [*ours, *box] if prefix else box
        rows.append([i, image_id, name, 0, reader, *boxes, 200, 300])
    release_files.write_csv(root / 'train.csv', header, rows)
    for image_id in release_files.TRAIN_IDS:
        release_files.write_png(root / 'train' / f'{image_id}.png', (75, 50))
    files = convert('vindr', '--root', root)
    for found, true in zip(files.all_boxes('train', 'val'), TRUE_BOXES, strict=True):
        assert found[2] == pytest.approx([v / 4 for v in true[2]])


def test_a_resized_mirror_without_a_table_stops(tmp_path, refuse, release_files):
    root = release_files.kaggle_release(tmp_path / 'mirror', films=False)
    for image_id in release_files.TRAIN_IDS:
        release_files.write_png(root / 'train' / f'{image_id}.png', (64, 64))
    assert 'wrong image sizes' in refuse('vindr', '--root', root)


def test_a_table_of_sizes_must_be_complete(kaggle, refuse, tmp_path, release_files):
    table = tmp_path / 'sizes.csv'
    sizes = [(i, 300, 200) for i in release_files.TRAIN_IDS[1:]]
    release_files.write_csv(table, ('image_id', 'dim0', 'dim1'), sizes)
    args = ('vindr', '--annotations', kaggle / 'train.csv', '--image-sizes', table)
    error = refuse(*args)
    assert 'the size of 1 of 20 films is unknown (first: 0000000000)' in error
    png = tmp_path / 'png'
    for image_id in release_files.TRAIN_IDS:
        release_files.write_png(png / f'{image_id}.png')
    error = refuse(*args, '--images', png)
    assert 'lacks film 0000000000, and 0000000000.png is no DICOM' in error


def test_height_and_width_exchanged_stops(tmp_path, refuse, release_files):
    root = release_files.kaggle_release(tmp_path / 'tables', films=False)
    sizes = [(i, 200, 300) for i in release_files.TRAIN_IDS]
    table = root / 'sizes.csv'
    release_files.write_csv(table, ('image_id', 'dim0', 'dim1'), sizes)
    assert 'height and width exchanged' in refuse('vindr', '--root', root)


def test_limit_takes_the_films_that_are_there(kaggle, convert, release_files):
    for image_id in release_files.TRAIN_IDS[::2]:
        (kaggle / 'train' / f'{image_id}.dicom').unlink()
    files = convert('vindr', '--root', kaggle, '--limit', 5, '--val-fraction', 0.4)
    assert sorted(files.images('train', 'val')) == release_files.TRAIN_IDS[1:10:2]
    assert len(files['val']['images']) == 2
    assert len(files['test_unlabelled']['images']) == 4
    assert files['train']['info']['split_family'] == 'subset'
    assert files.report['counts'] == {'films without a file, passed over': 10}
    assert files.report['boxes_in'] == 3


def test_missing_films_are_listed_and_stop(kaggle, refuse, convert, release_files):
    gone = release_files.TRAIN_IDS[3:5]
    for image_id in gone:
        (kaggle / 'train' / f'{image_id}.dicom').unlink()
    error = refuse('vindr', '--root', kaggle)
    assert f'2 of its 20 films are missing: {gone[0]}, {gone[1]}.' in error
    assert refuse.printed == ''.join(f'missing: {i}\n' for i in gone)
    files = convert('vindr', '--root', kaggle, '--drop-invalid')
    assert len(files.images('train', 'val')) == 18
    assert files.report['n_dropped'] == 2


def test_a_truncated_dicom_is_named(kaggle, refuse):
    path = kaggle / 'train' / '0000000004.dicom'
    path.write_bytes(path.read_bytes()[:150])
    error = refuse('vindr', '--root', kaggle)
    assert '0000000004.dicom' in error
    assert 'incomplete or corrupt download' in error


def test_incomplete_test_part_says_so(physionet, convert):
    (physionet / 'test' / '1e10000001.dicom').unlink()
    files = convert('vindr', '--root', physionet, '--drop-invalid')
    assert files['test']['info']['split_family'] == 'official-incomplete'


def test_no_test_films_at_all(physionet, refuse, convert):
    for path in (physionet / 'test').iterdir():
        path.unlink()
    error = refuse('vindr', '--root', physionet)
    assert 'none of the 4 films of the test part (first: 1e10000000)' in error
    assert 'instead of --root' in error
    files = convert('vindr', '--root', physionet, '--limit', 10)
    assert 'the part was left out' in files.report['warnings'][0]
    assert 'test.json' not in files.files()


def test_boxes_across_the_border(kaggle, convert, release_files):
    line = rewrite(
        kaggle,
        release_files,
        ('0000000003', 'R8', 'ILD', 100, 100, 200.5, 150),
        ('0000000003', 'R8', 'ILD', 10, 10, 10, 150),
    )
    files = convert('vindr', '--root', kaggle)
    assert ('0000000003', 'ILD', (100, 100, 200, 150), ('R8',)) in files.all_boxes(
        'train', 'val'
    )
    assert [e['line'] for e in files.report['clipped']] == [line - 1]
    assert [e['line'] for e in files.report['dropped']] == [line]
    assert files.report['clipped'][0]['file'] == 'train.csv'
    assert files.report['boxes_in'] == 11
    assert files.report['boxes_out'] == 7


@pytest.mark.parametrize(
    ('row', 'message'),
    [
        (('0000000003', 'R8', 'ILD', '', 1, 2, 3), 'lacks a coordinate'),
        (('0000000003', 'R8', 'ILD', 5, 1, 2, 3), 'has x_max < x_min'),
        (('0000000003', 'R8', 'ILD', 'x', 1, 2, 3), 'x_min must be a number'),
        (('0000000003', 'R8', 'Ild', 1, 1, 2, 3), "unknown finding 'Ild'"),
        (('0000000003', 'R8', 'Rib fracture', 1, 1, 2, 3), 'unknown finding'),
        (('0000000003', 'R8', 'Lung tumor', 1, 1, 2, 3), 'label of the whole image'),
        (('0000000003', 'R8', 'Other disease', 1, 1, 2, 3), 'of the whole image'),
        (('', 'R8', 'ILD', 1, 1, 2, 3), 'image_id must not be blank'),
        (('0000000003', '', 'ILD', 1, 1, 2, 3), 'rad_id must not be blank'),
    ],
    ids=[
        'no-corner',
        'reversed',
        'text',
        'case',
        'not-in-kaggle',
        'global',
        'alias-of-global',
        'no-image',
        'no-reader',
    ],
)
def test_a_wrong_row_is_named(kaggle, refuse, release_files, row, message):
    line = rewrite(kaggle, release_files, row)
    error = refuse('vindr', '--root', kaggle)
    assert message in error
    assert f'train.csv row {line}:' in error


def test_invalid_rows_are_dropped_on_request(kaggle, convert, release_files):
    row = ('0000000003', 'R8', 'ILD', '', '', '', '')
    line = rewrite(kaggle, release_files, row)
    files = convert('vindr', '--root', kaggle, '--drop-invalid')
    assert files.all_boxes('train', 'val') == TRUE_BOXES
    assert [e['line'] for e in files.report['dropped']] == [line]


def test_a_repeated_row_is_dropped(kaggle, convert, release_files):
    first = release_files.box_rows()[0]
    line = rewrite(kaggle, release_files, first)
    files = convert('vindr', '--root', kaggle, '--readers', 'union')
    assert len(files.all_boxes('train', 'val')) == 9
    assert files.report['dropped'] == [
        {'file': 'train.csv', 'line': line, 'reason': 'repeats an earlier row'}
    ]


def test_no_finding_never_becomes_a_box(kaggle, convert, release_files):
    """Some copies give 'No finding' the one-pixel box of the Kaggle metric."""
    rewrite(kaggle, release_files, ('0000000000', 'R8', 'No finding', 0, 0, 1, 1))
    files = convert('vindr', '--root', kaggle)
    assert files.all_boxes('train', 'val') == TRUE_BOXES
    first, second = files.report['warnings']
    assert "1 rows of 'No finding' have coordinates" in first
    assert "1 times a reader says 'No finding' and draws a finding" in second


def test_blank_label_cells_are_absent_and_counted(physionet, convert):
    path = physionet / 'annotations' / 'image_labels_train.csv'
    lines = path.read_text().splitlines()
    lines[-1] = lines[-1].replace('0,0,0', '0,,', 1)
    path.write_text('\n'.join(lines))
    files = convert('vindr', '--root', physionet)
    assert files.report['warnings'] == [
        'image_labels_train.csv: 2 blank label cells were read as 0 (first: row 61)'
    ]


@pytest.mark.parametrize(
    ('old', 'new', 'message'),
    [
        ('Lung tumor', 'Lung tumour', r"label columns ['Lung tumor'] are missing"),
        ('0000000000,R8,0,', '0000000000,R8,2,', 'row 2: Aortic enlargement must be 0'),
        ('0000000000,R8,0,', '0000000000,R9,0,', 'row 3: 0000000000 R9 stands there'),
        ('00000000', 'f0000000', 'has no film in common with annotations_train.csv'),
    ],
    ids=['column', 'value', 'twice', 'other-films'],
)
def test_wrong_label_files(physionet, refuse, old, new, message):
    path = physionet / 'annotations' / 'image_labels_train.csv'
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    assert message in refuse('vindr', '--root', physionet)


def test_a_film_without_label_row_is_unknown(physionet, convert):
    path = physionet / 'annotations' / 'image_labels_train.csv'
    lines = path.read_text().splitlines()
    path.write_text('\n'.join(s for s in lines if not s.startswith('0000000000')))
    files = convert('vindr', '--root', physionet)
    assert files.images('train', 'val')['0000000000']['gt_score'] == [None] * 28
    assert 'has no row for 1 films' in files.report['warnings'][0]


def test_reader_columns_must_fit_the_part(kaggle, physionet, refuse, tmp_path):
    train = physionet / 'annotations' / 'annotations_train.csv'
    test = physionet / 'annotations' / 'annotations_test.csv'
    error = refuse('vindr', '--annotations', test, '--images', physionet / 'test')
    assert 'the column rad_id (reader) is missing' in error
    error = refuse('vindr', '--root', kaggle, '--test-annotations', train)
    assert 'boxes of single readers are no consensus' in error


def test_paediatric_films_are_refused(kaggle, refuse):
    path = kaggle / 'train.csv'
    path.write_text(path.read_text().replace('rad_id', 'rad_ID', 1))
    assert 'this is VinDr-PCXR' in refuse('vindr', '--root', kaggle)


def test_a_table_without_rows(kaggle, refuse, release_files):
    release_files.kaggle_release(kaggle, rows=[], films=False)
    assert 'has a header and no rows' in refuse('vindr', '--root', kaggle)


def test_train_and_test_films_in_one_folder(physionet, convert, tmp_path):
    films = tmp_path / 'films'
    films.mkdir()
    for path in physionet.rglob('*.dicom'):
        path.rename(films / path.name)
    tables = physionet / 'annotations'
    files = convert(
        *('vindr', '--annotations', tables / 'annotations_train.csv'),
        *('--test-annotations', tables / 'annotations_test.csv', '--images', films),
    )
    assert len(files['test']['images']) == 4
    assert 'counts' in files.report
    assert not files.report['counts']
    films.rename(tables.parent / 'films')
    again = convert('vindr', '--root', physionet, out=tmp_path / 'again')
    assert list(again.images('test')) == list(files.images('test'))


def test_out_may_lie_inside_the_release(kaggle, convert):
    for _ in range(2):
        files = convert('vindr', '--root', kaggle, out=kaggle / 'coco')
    assert files['train']['info']['images_root'] == '..'


def test_a_film_is_never_in_train_and_test(kaggle, refuse):
    error = refuse(
        *('vindr', '--annotations', kaggle / 'train.csv', '--images', kaggle / 'train'),
        *('--test-images', kaggle / 'train'),
    )
    assert '20 films are in both the training and the test part' in error


def test_two_tables_for_one_role(kaggle, refuse, convert):
    other = kaggle / 'fold0.csv'
    other.write_bytes((kaggle / 'train.csv').read_bytes())
    convert('vindr', '--root', kaggle)  # a copy is no rival
    other.write_text(other.read_text() + 'x,ILD,5,R8,1,1,2,2\n')
    error = refuse('vindr', '--root', kaggle)
    assert 'fold0.csv' in error
    assert 'all fit --annotations. Name the one to use.' in error


def test_images_without_annotation_are_counted(kaggle, convert, release_files):
    release_files.write_dicom(kaggle / 'train' / 'stranger.dicom')
    files = convert('vindr', '--root', kaggle)
    assert files.report['counts'] == {'images without annotation, left out': 1}


def test_nested_folders_of_mirrors(tmp_path, convert, release_files):
    """MLE-bench unpacks to test/test/."""
    root = release_files.kaggle_release(tmp_path / 'r')
    (root / 'test').rename(root / 'moved')
    (root / 'test').mkdir()
    (root / 'moved').rename(root / 'test' / 'test')
    files = convert('vindr', '--root', root)
    names = [i['file_name'] for i in files['test_unlabelled']['images']]
    assert names[0] == 'test/test/1e10000000.dicom'


def test_images_root_is_a_knob(kaggle, convert, tmp_path):
    files = convert(
        *('vindr', '--annotations', kaggle / 'train.csv', '--images', kaggle / 'train'),
        *('--images-root', kaggle.parent),
    )
    assert files['train']['info']['images_root'] == '..'
    name = files.images('train', 'val')['0000000000']['file_name']
    assert name == 'a release/train/0000000000.dicom'
    files = convert('vindr', '--root', kaggle, '--images-root', '/server/films')
    assert files['train']['info']['images_root'] == '/server/films'
    name = files.images('train', 'val')['0000000000']['file_name']
    assert name == 'train/0000000000.dicom'


@pytest.mark.parametrize(
    ('args', 'message'),
    [
        ((), 'give --annotations FILE or --root DIR'),
        (('--root', 'nowhere'), 'nowhere: no such folder'),
        (('--annotations', 'nowhere.csv'), 'nowhere.csv: no such file'),
    ],
    ids=['nothing', 'root', 'file'],
)
def test_what_is_not_there(refuse, args, message):
    assert message in refuse('vindr', *args)


def test_an_empty_root(tmp_path, refuse):
    (tmp_path / 'empty').mkdir()
    assert 'no table of boxes was found' in refuse(
        'vindr', '--root', tmp_path / 'empty'
    )


def test_no_images_and_no_sizes(tmp_path, refuse, release_files):
    root = release_files.kaggle_release(tmp_path / 'tables', films=False)
    error = refuse('vindr', '--annotations', root / 'train.csv')
    assert 'Give the images' in error


@pytest.mark.parametrize('cell', ['0', '10.5', ''])
def test_a_table_of_sizes_holds_whole_numbers(tmp_path, refuse, release_files, cell):
    root = release_files.kaggle_release(tmp_path / 'tables', films=False)
    sizes = [(i, 300, cell) for i in release_files.TRAIN_IDS]
    release_files.write_csv(root / 's.csv', ('image_id', 'dim0', 'dim1'), sizes)
    assert 's.csv row 2: dim0 (height) and dim1' in refuse('vindr', '--root', root)


def test_the_same_command_gives_the_same_files(kaggle, convert, tmp_path):
    first = convert('vindr', '--root', kaggle)
    second = convert('vindr', '--root', kaggle, out=tmp_path / 'again')
    for name in first.files() - {'conversion_report.json'}:
        assert (first.out / name).read_bytes() == (second.out / name).read_bytes()


def test_a_failed_conversion_keeps_the_earlier_one(kaggle, convert, refuse):
    convert('vindr', '--root', kaggle)
    (kaggle / 'train' / '0000000004.dicom').unlink()
    refuse('vindr', '--root', kaggle)  # compares the whole folder before and after


def test_no_validation_part(kaggle, convert):
    files = convert('vindr', '--root', kaggle, '--val-fraction', 0)
    assert not files.files() & {'val.json', 'val_list.txt'}
    assert files['train']['info']['split_family'] == 'official'

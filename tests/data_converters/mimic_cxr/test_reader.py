import shutil

import pytest

from data_converters.mimic_cxr import split
from mmlung.findings import CHEXPERT

from . import download


def films(data):
    return {entry['image_id']: entry for entry in data['data_list']}


def score_of(cells, columns=download.LABELS, unsure=None):
    """What cells become by default, in the order of CheXpert; written out once more."""
    became = {'1.0': 1, '0.0': 0, '-1.0': unsure, '': 0}
    own = dict(zip(columns, cells, strict=True))
    return [became[own[name]] for name in CHEXPERT]


def test_official_parts(mimic, convert):
    made = convert('mimic-cxr', '--root', mimic)
    assert made.files() == {
        'train.json',
        'val.json',
        'test.json',
        'conversion_report.json',
    }
    # of four studies one is a PA, one an AP, one a PA and one without a view
    assert [len(films(made[n])) for n in ('train', 'val', 'test')] == [9, 3, 3]
    for part in ('train', 'val', 'test'):
        info = made[part]['metainfo']
        assert info['classes'] == list(CHEXPERT)
        assert (info['dataset'], info['release']) == (
            'mimic-cxr',
            'MIMIC-CXR-JPG 2.0.0',
        )
        assert (info['split'], info['split_family']) == (part, 'subset')
        assert info['ground_truth'] == 'text-mined (CheXpert labeler)'
        assert info['label_policy'] == {'uncertain': 'unknown', 'blank': 'absent'}
        assert info['views'] == ['PA', 'AP']
        assert info['pixels'].startswith('histogram equalised')
        root = made.out / info['images_root']
        assert root.samefile(mimic / 'files')
        assert all((root / e['img_path']).is_file() for e in made[part]['data_list'])
    counts = made.report['counts']
    assert counts['films of view LATERAL, left out'] == 5
    assert counts['films of view LL, left out'] == 5
    assert counts['films without a ViewPosition, never taken'] == 5


def test_an_entry(mimic, convert):
    made = convert('mimic-cxr', '--root', mimic)
    entry = made['train']['data_list'][0]
    dicom = download.dicom_id(1)
    assert entry == {
        'img_path': f'p10/p10000000/s50000000/{dicom}.jpg',
        'image_id': dicom,
        'patient_id': '10000000',
        'study_id': '50000000',
        'view': 'PA',
        'row': 2,
        'gt_score': score_of(download.cells_of(50000000)),
        'height': 40,
        'width': 32,
    }


def test_labels_of_a_study_are_those_of_all_its_films(mimic, convert):
    made = convert('mimic-cxr', '--root', mimic, '--views', 'all')
    by_study = {}
    for part in ('train', 'val', 'test'):
        for entry in made[part]['data_list']:
            by_study.setdefault(entry['study_id'], []).append(entry['gt_score'])
    assert len(by_study) == 15
    assert all(all(score == own[0] for score in own) for own in by_study.values())
    assert sum(len(own) == 2 for own in by_study.values()) == 10
    for study, own in by_study.items():
        if study not in ('50000009', '50000010'):
            assert own[0] == score_of(download.cells_of(int(study)))


def test_unlabelled_studies_are_counted_and_null(mimic, convert):
    made = convert('mimic-cxr', '--root', mimic, '--uncertain', 'absent')
    entries = {entry['study_id']: entry for entry in made['train']['data_list']}
    for study in ('50000009', '50000010'):
        assert entries[study]['gt_score'] == [None] * 14
    assert 'row' not in entries['50000009']
    counts, file = made.report['counts'], 'mimic-cxr-2.0.0-chexpert.csv.gz'
    assert counts[f'films whose study {file} lacks, unlabelled'] == 1
    assert counts[f'their studies, which {file} lacks'] == 1
    assert counts[f'films of {file} with nothing but blanks, unlabelled'] == 1
    assert made.report['label_policy']['files'][file]['rows'] == 14


@pytest.mark.parametrize(
    ('options', 'unsure'),
    [
        ([], None),
        (['--uncertain', 'u-ones'], 1),
        (['--uncertain', 'absent'], 0),
        (['--labels', 'negbio'], 0),
    ],
    ids=['unknown', 'ones', 'zeros', 'negbio'],
)
def test_uncertain_cells(mimic, convert, options, unsure):
    made = convert('mimic-cxr', '--root', mimic, *options)
    entry = made['train']['data_list'][0]
    cells = download.cells_of(50000000)
    assert entry['gt_score'] == score_of(cells, unsure=unsure)
    labeler = 'NegBio' if 'negbio' in options else 'CheXpert'
    info = made['train']['metainfo']
    assert info['ground_truth'] == f'text-mined ({labeler} labeler)'


def test_the_radiologist_s_part(mimic, convert):
    download.add_test_labels(mimic, (50000016, 50000017, 50000019))
    made = convert('mimic-cxr', '--root', mimic)
    seen, mined = films(made['test_radiologists']), films(made['test'])
    assert {entry['study_id'] for entry in seen.values()} == {'50000016', '50000017'}
    info = made['test_radiologists']['metainfo']
    assert (info['ground_truth'], info['split']) == ('radiologist', 'test')
    assert info['label_file'] == 'mimic-cxr-2.1.0-test-set-labeled.csv'
    assert info['label_sha256'] != made['test']['metainfo']['label_sha256']
    wanted = score_of(download.cells_of(2))  # Airspace Opacity stands for Lung Opacity
    for image_id, entry in seen.items():
        assert entry['gt_score'] == wanted != mined[image_id]['gt_score']
        differ = {key for key in entry if entry[key] != mined[image_id][key]}
        assert differ <= {'gt_score', 'row'}
    left = [n for n in made.report['counts'] if 'without a film of these views' in n]
    assert made.report['counts'][left[0]] == 1  # the film without a view
    assert len(films(made['test'])) == 3


@pytest.mark.parametrize('deeper', ['.', '..', '../..'])
def test_no_images_gives_the_same(mimic, convert, tmp_path, deeper):
    root = mimic / deeper
    shown = convert('mimic-cxr', '--root', root, out=tmp_path / 'a')
    shutil.rmtree(mimic / 'files')
    alone = convert('mimic-cxr', '--root', root, '--no-images', out=tmp_path / 'b')
    for part in ('train', 'val', 'test'):
        assert alone[part]['data_list'] == shown[part]['data_list']
        info = alone[part]['metainfo']
        assert info['pixels'] == 'not looked at'
        assert info['images_root'] == shown[part]['metainfo']['images_root']


def test_dicom_tree_with_the_tables_of_jpg(mimic, convert, tmp_path):
    (tmp_path / 'mimic-cxr').mkdir()
    moved = (mimic / 'files').rename(tmp_path / 'mimic-cxr' / 'files')
    for path in list(moved.rglob('*.jpg')):
        path.rename(path.with_suffix('.dcm'))
    args = ('--root', mimic, '--images', moved, '--sizes', 'metadata')
    made = convert('mimic-cxr', *args)
    info = made['train']['metainfo']
    assert info['pixels'] == 'DICOM'
    assert info['release'].startswith('MIMIC-CXR ')
    entry = made['train']['data_list'][0]
    assert entry['img_path'].endswith('.dcm')
    assert (entry['height'], entry['width']) == (40, 32)


def test_limit(mimic, convert):
    made = convert('mimic-cxr', '--root', mimic, '--limit', '2')
    assert [part['images'] for part in made.report['parts']] == [2, 2, 2]


def test_half_a_download(mimic, convert):
    shutil.rmtree(mimic / 'files' / 'p10')
    made = convert('mimic-cxr', '--root', mimic)
    left = sum(len(films(made[p])) for p in ('train', 'val', 'test'))
    missing = sum(
        n for c, n in made.report['counts'].items() if 'without an image' in c
    )
    assert left + missing == 15
    assert missing > 0
    assert any('films of train are there' in w for w in made.report['warnings'])


def test_official_tables(mimic, convert, monkeypatch):
    films_of = {'train': 18, 'val': 6, 'test': 6}
    monkeypatch.setattr(split, 'OFFICIAL_FILMS', films_of)
    monkeypatch.setattr(split, 'OFFICIAL_PATIENTS', {'train': 6, 'val': 2, 'test': 2})
    made = convert('mimic-cxr', '--root', mimic)
    assert made['train']['metainfo']['split_family'] == 'official'
    assert not any('subset' in text for text in made.report['warnings'])
    next((mimic / 'files').rglob(f'{download.dicom_id(1)}.jpg')).write_bytes(
        b'\xff\xd8'
    )
    made = convert('mimic-cxr', '--root', mimic, '--drop-invalid')
    families = [made[p]['metainfo']['split_family'] for p in ('train', 'val', 'test')]
    assert families == ['official-incomplete', 'official', 'official']
    assert made.report['n_dropped'] == 1


def test_sex_and_age_of_mimic_iv(mimic, convert, tmp_path):
    people = download.write(
        tmp_path / 'patients.csv.gz',
        [
            'subject_id,gender,anchor_age,anchor_year,anchor_year_group,dod',
            '10000000,F,60,2140,2011 - 2013,',
            '10000001,M,91,2149,2011 - 2013,',
        ],
    )
    made = convert('mimic-cxr', '--root', mimic, '--patients', people)
    by_patient = {e['patient_id']: e for e in made['train']['data_list']}
    assert (by_patient['10000000']['sex'], by_patient['10000000']['age']) == ('F', 70)
    assert 'sex' not in by_patient['11000001']


def test_spacing_of_a_smaller_copy(mimic, convert):
    def change(number, line):
        return line + (',PixelSpacing' if number == 1 else ',"[0.14, 0.2]"')

    download.mend(download.table(mimic, 'metadata'), change)
    first = download.name(10000000, 50000000, download.dicom_id(1))
    download.draw(mimic / 'files' / first, 20, 16)
    made = convert('mimic-cxr', '--root', mimic)
    entries = made['train']['data_list']
    assert entries[0]['spacing'] == [0.28, 0.4]
    assert entries[1]['spacing'] == [0.14, 0.2]


def test_unpacked_tables_and_a_view_with_a_blank(mimic, convert):
    for role in ('metadata', 'split', 'chexpert'):
        packed = download.table(mimic, role)
        download.write(packed.with_suffix(''), download.lines_of(packed))
    made = convert('mimic-cxr', '--root', mimic)
    assert any('beside it is not' in text for text in made.report['warnings'])
    for role in ('metadata', 'split', 'chexpert'):
        download.table(mimic, role).unlink()
    again = convert('mimic-cxr', '--root', mimic)
    assert again['train']['data_list'] == made['train']['data_list']


def test_a_part_without_films_is_told(mimic, convert):
    path = download.table(mimic, 'split')
    download.mend(path, lambda i, s: s.replace('validate', 'train'))
    made = convert('mimic-cxr', '--root', mimic)
    assert 'no film of val: val.json is not written' in made.report['warnings']
    assert 'val.json' not in made.files()

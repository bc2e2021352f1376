from ..nih_download import DETECTION
from ..nih_download import convert
from ..nih_download import patients_of
from ..nih_download import stems_of


def test_healthy_films_spread_over_the_parts_by_patient(nih, tmp_path):
    options = ('--healthy', '10', '--test-fraction', '0.4', '--val-fraction', '0.2')
    parts = convert(nih, tmp_path / 'out', *options)
    healthy = {}
    for name in DETECTION:
        boxed = {a['image_id'] for a in parts[name]['annotations']}
        films = [i for i in parts[name]['images'] if i['id'] not in boxed]
        assert all(not any(film['gt_score']) for film in films)
        healthy[name] = [film['patient_id'] for film in films]
    assert sum(map(len, healthy.values())) == 10
    patients = {patient for part in healthy.values() for patient in part}
    assert len(patients) == 10  # a second film of a patient comes after all the first
    assert len(healthy['boxes_test']) in (3, 4, 5)
    groups = [patients_of(parts[name]) for name in DETECTION]
    assert len(set.union(*groups)) == sum(map(len, groups))


def test_more_healthy_films_than_there_are(nih, tmp_path):
    parts = convert(nih, tmp_path / 'out', '--healthy', '99')
    (warning,) = [w for w in parts['conversion_report']['warnings'] if 'health' in w]
    assert warning == '13 healthy films are there, --healthy asks 99'


def test_healthy_films_beside_the_official_lists_are_test_films(official, tmp_path):
    parts = convert(official, tmp_path / 'out', '--healthy', '3')
    healthy = {
        image['image_id']
        for name in DETECTION
        for image in parts.get(name, {'images': []})['images']
        if not any(image['gt_score'])
    }
    assert len(healthy) == 3
    assert healthy <= stems_of(parts['test'])

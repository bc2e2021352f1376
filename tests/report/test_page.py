import json
import re
import subprocess
import sys

import cv2
import numpy as np
import pytest

from mmlung.curves import measure_curves
from mmlung.report import read_sources
from mmlung.report import shown_films
from mmlung.report import write_report
from mmlung.report.page import page
from tests.report.conftest import CLASSES
from tests.report.conftest import Page

SECTIONS = [
    'What was tested',
    'Headline numbers',
    'ROC curves',
    'Precision-recall curves',
    'FROC curves',
    'IoU of the boxes',
    'Calibration',
    'Operating points',
    'Subgroups',
    'Cases',
    'What the model looked at',
    'Training',
    'Limits and intended use',
    'Reporting checklist',
]


def made(folder, **options):
    options.setdefault('images_root', folder / 'films')
    sources = read_sources(folder, **options)
    curves = measure_curves(sources.predictions, 20) if sources.predictions else None
    return str(page(sources, curves))


@pytest.fixture(params=['classifier', 'detector'])
def work_dir(request):
    return request.getfixturevalue(request.param)


def test_every_section_is_there_and_has_content(work_dir):
    text = made(work_dir)
    parsed = Page(text)
    assert parsed.unbalanced == []
    assert parsed.stack == []
    ids = [attrs['id'] for attrs in parsed.of('section')]
    headings = re.findall(r'<h2 [^>]*>([^<]*)</h2>', text)
    assert headings == SECTIONS
    assert [attrs['href'] for attrs in parsed.of('a')] == [f'#{i}' for i in ids]
    for part in text.split('<section ')[1:]:
        rest = part.split('</h2>', 1)[1]
        assert any(tag in rest for tag in ('<p', '<table', '<svg', '<dl'))


def test_nothing_is_loaded_from_elsewhere(work_dir):
    text = made(work_dir)
    parsed = Page(text)
    for tag in ('script', 'link', 'iframe', 'object', 'embed'):
        assert parsed.of(tag) == []
    for _, attrs in parsed.tags:
        for key in ('src', 'href', 'xlink:href', 'srcset', 'poster'):
            value = attrs.get(key)
            assert value is None or value.startswith(('#', 'data:image/jpeg;base64,'))
        assert not any(key.startswith('on') for key in attrs)
    assert 'http' not in text.replace('http-equiv', '')
    assert 'url(' not in text
    assert '@import' not in text
    policy = next(a for a in parsed.of('meta') if 'http-equiv' in a)
    assert policy['content'].startswith("default-src 'none'; img-src data:")


def test_it_can_be_read_by_all(work_dir):
    parsed = Page(made(work_dir))
    assert parsed.of('html') == [{'lang': 'en'}]
    assert len(parsed.of('h1')) == 1
    assert parsed.of('img')
    assert all(attrs['alt'] for attrs in parsed.of('img'))
    for attrs in parsed.of('svg'):
        assert attrs.get('aria-label') or attrs.get('aria-hidden') == 'true'
    assert len(parsed.of('caption')) == len(parsed.of('table'))
    assert all(a['scope'] in ('col', 'row') for a in parsed.of('th'))


def test_numbers_are_those_of_metrics_json(classifier, detector):
    words = Page(made(classifier)).words
    for number in (
        '0.789 [0.779, 0.799]',
        '0.432 [0.422, 0.442]',
        '0.712 [0.702, 0.722]',
        '0.346 [0.336, 0.356]',
        '0.0812 [0.0712, 0.0912]',
        '0.234',
        'M, 0.050 [0.040, 0.060] below F',
    ):
        assert number in words
    assert '0.457 [0.447, 0.467]' in Page(made(detector)).words


def test_names_are_escaped(classifier):
    text = made(classifier)
    assert 'Nodule &lt;&amp;&#34;' in text
    assert 'Nodule <' not in text
    assert 'film &lt;7&gt; &amp; co.png' in text
    assert 'film <7>' not in text


HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>'


def test_no_text_of_a_file_becomes_markup(work_dir, rewrite, tmp_path):
    kept = {'schema', 'sha256', 'default_scope', 'box_xyxy', 'split_family', 'type'}

    def spoil(value, key=None):
        if isinstance(value, str):
            same = key in kept or value in (*CLASSES, 'none', 'default', 'calibrated')
            return value if same else f'{value}{HOSTILE}'
        if isinstance(value, dict):
            return {k: spoil(v, k) for k, v in value.items()}
        return [spoil(v) for v in value] if isinstance(value, list) else value

    def named(text):
        return text.replace(json.dumps(CLASSES[1])[1:-1], json.dumps(HOSTILE)[1:-1])

    maps = maps_in(tmp_path / 'maps')
    for path in (
        work_dir / 'metrics.json',
        work_dir / 'predictions.json',
        maps / 'gradcam.json',
    ):
        rewrite(path, lambda c: c.update(spoil(c)))
        path.write_text(named(path.read_text()))
    content = json.loads((maps / 'gradcam.json').read_text())
    for entry in content['images'][0]['maps']:
        entry['figure'] = 'figures/a.png'
    (maps / 'gradcam.json').write_text(json.dumps(content))
    text = made(work_dir, maps=maps)
    parsed = Page(text)
    assert 'alert(1)' in text
    assert parsed.unbalanced == []
    assert parsed.of('script') == []
    assert not [a for _, a in parsed.tags for key in a if key.startswith('on')]
    assert all(a['src'].startswith('data:image/jpeg') for a in parsed.of('img'))


def test_no_folder_of_the_machine_is_named(work_dir, rewrite):
    note = '/home/Ann B/runs/best.thresholds.json was made for another checkpoint'
    thresholds = {'source': 'default', 'score_thr': 0.3, 'notes': [note]}

    def noted(content):
        content['thresholds'] = thresholds
        if content.get('calibration'):
            content['calibration']['notes'] = [note]

    rewrite(work_dir / 'metrics.json', noted)
    text = made(work_dir)
    assert 'best.thresholds.json was made for another checkpoint' in text
    assert 'Ann B' not in text
    assert str(work_dir) not in text


def test_commands_are_code(classifier, rewrite):
    rewrite(classifier / 'metrics.json', lambda c: c.update(operating_points=None))
    assert 'No operating points: <code>mmlung calibrate</code> chooses' in made(
        classifier
    )


def test_counts_of_subgroups_and_no_band_without_an_interval(classifier, rewrite):
    def one_patient(content):
        for row in (
            content['per_finding']['Mass'],
            content['subgroups']['sex']['groups']['F']['findings']['Mass'],
        ):
            row.update(AUC_low=None, AUC_high=None)

    rewrite(classifier / 'metrics.json', one_patient)
    text = made(classifier)
    assert '0.712 [0.702, 0.722], n 4' in text
    assert '0.712, n 4' in text
    assert 'rests on films of one patient' in text
    roc = text.split('ROC curve of Mass,')[1].split('</svg>')[0]
    assert 'class="band' not in roc


def test_no_group_to_compare(classifier, rewrite):
    def empty(content):
        content['subgroups']['sex'].update(compared=[], worst=None)

    rewrite(classifier / 'metrics.json', empty)
    assert 'no finding has enough positives in every group' in made(classifier)


@pytest.mark.parametrize(
    ('settings', 'words'),
    [
        ({'iou_thr': 0.5}, 'IoU of at least 0.5'),
        ({'centre_inside': True}, 'the centre'),
    ],
    ids=['IoU', 'centre'],
)
def test_the_rule_of_a_hit_is_that_of_the_test(detector, rewrite, settings, words):
    evaluators = [{'type': 'mmlung.FROC', **settings}]
    for name in ('metrics.json', 'predictions.json'):
        rewrite(detector / name, lambda c: c.update(evaluators=evaluators))
    assert f'that are found ({words}' in made(detector)


def test_shown_films(work_dir):
    sources = read_sources(work_dir)
    names = shown_films(sources)
    assert names
    assert set(names) <= {r.image for r in sources.predictions.results}
    assert len(names) == len(set(names))


def test_no_images(work_dir):
    text = made(work_dir, with_images=False)
    assert 'data:image' not in text
    words = Page(text).words
    assert 'Films are left out of this report (--no-images).' in words
    assert 'it still names films of the data set' in words
    assert 'false positive' in words  # the cases stay, as text


def test_warnings(work_dir, rewrite):
    words = Page(made(work_dir)).words
    assert 'Research software, not a medical device' in words
    assert 'data use agreement of the data set may forbid sharing' in words
    for name in ('metrics.json', 'predictions.json'):
        rewrite(work_dir / name, lambda c: c['data'].update(synthetic=True))
    words = Page(made(work_dir)).words
    assert 'synthetic phantoms: they show no patient' in words
    assert 'no number here says anything about patients' in words


def test_cases_of_a_detector(detector):
    text = made(detector)
    assert 'The best box here has the score 0.100, below its threshold.' in text
    assert 'Score 0.80. The film has no true box.' in text
    assert 'Mean IoU 1.00' in text
    assert 'mIoU 0.500 [0.490, 0.510]' in text
    assert '1 of 2 not found' in text


def test_only_metrics_json(work_dir):
    (work_dir / 'predictions.json').unlink()
    words = Page(made(work_dir)).words
    assert 'Not shown: predictions.json is missing' in words
    assert 'The lines between are missing' in words or 'Not drawn' in words


def test_metrics_of_an_earlier_version(classifier, rewrite):
    def earlier(content):
        for key in ('calibration', 'operating_points', 'subgroups', 'thresholds'):
            content.pop(key)

    rewrite(classifier / 'metrics.json', earlier)
    words = Page(made(classifier)).words
    assert 'metrics.json has no calibration' in words
    assert 'No operating points' in words
    assert 'Not measured: the data set names neither sex, age nor view' in words


def test_undefined_numbers_are_dashes(classifier, rewrite):
    def undefined(content):
        content['metrics']['mAUC'] = None
        content['per_finding']['Mass'] = {}

    rewrite(classifier / 'metrics.json', undefined)
    words = Page(made(classifier)).words
    assert 'mAUC \u2013 2 findings mean area under the ROC curve' in words
    assert '\u2013: undefined, since nothing of the kind was there' in words
    assert 'None' not in words
    assert 'nan' not in words.split()


def test_a_film_that_is_gone(work_dir):
    for path in (work_dir / 'films').iterdir():
        path.unlink()
    words = Page(made(work_dir)).words
    assert 'This film cannot be read any more.' in words
    assert re.search(r'(8 of 8|4 of 4) films are no longer in their folder', words)


def test_films_of_an_unknown_folder(work_dir):
    text = made(work_dir, images_root=None)
    assert 'their folder is not known. Give it with --images-root' in text
    assert 'data:image' not in text


def maps_in(folder, figure='figures/a.png', sha256='a' * 64):
    (folder / 'figures').mkdir(parents=True)
    cv2.imwrite(str(folder / 'figures/a.png'), np.zeros((90, 200, 3), np.uint8))
    entry = {'finding': 'Mass', 'probability': 0.61, 'target': 'logit'}
    entry |= {'figure': figure, 'map': None}
    other = {**entry, 'finding': 'Edema'}
    content = {'schema': 'mmlung.maps/1', 'checkpoint': {'sha256': sha256}}
    content |= {'method': 'gradcam'}
    content['images'] = [{'image': '0.png', 'maps': [entry, other]}]
    (folder / 'gradcam.json').write_text(json.dumps(content))
    return folder


def test_maps_once_a_figure(work_dir, tmp_path):
    text = made(work_dir, maps=maps_in(tmp_path / 'maps'))
    assert text.count('Maps over 0.png: Mass 0.61, Edema 0.61, target logit') == 1
    without = made(work_dir, maps=tmp_path / 'maps', with_images=False)
    assert 'data:image' not in without


def test_a_missing_figure_is_said(work_dir, tmp_path):
    maps = maps_in(tmp_path / 'maps', 'figures/gone.png')
    assert 'This figure is missing or damaged.' in made(work_dir, maps=maps)


def test_a_figure_outside_of_its_folder_is_refused(work_dir, tmp_path):
    maps = maps_in(tmp_path / 'maps', '../secret.png')
    with pytest.raises(ValueError, match='names a figure outside of its folder'):
        made(work_dir, maps=maps)


def test_training_log(classifier):
    log = classifier / 'run' / 'vis_data' / 'scalars.json'
    log.parent.mkdir(parents=True)
    log.write_text(
        '{"loss": 0.5, "lr": 0.1, "step": 20}\n{"loss": 0.25, "lr": 0.1, "step": 40}\n'
        '{"mAUC": 0.66, "step": 1}\n{"loss": 0.2'
    )
    words = Page(made(classifier)).words
    assert '0.25 at the end; from 0.25 to 0.5'.replace('; ', ' ') in words
    assert 'mAUC on validation' in words
    log.write_text('{"loss"\n{"loss": 0.25, "step": 40}\n')
    with pytest.raises(ValueError, match=r'scalars.json line 1 is damaged'):
        made(classifier)


def test_written_whole_and_small(work_dir):
    sources = read_sources(work_dir, images_root=work_dir / 'films')
    write_report(work_dir / 'new' / 'r.html', sources)
    text = (work_dir / 'new' / 'r.html').read_text('utf-8')
    assert text.startswith('<!DOCTYPE html>')
    assert text.endswith('</html>\n')
    assert len(text) < 1_000_000


def test_patients_are_not_named(work_dir):
    words = Page(made(work_dir)).words
    assert 'patient0' not in words
    assert 'p0' not in words.split()


def test_no_framework_is_loaded():
    code = (
        'import sys, mmlung.report\n'
        "print({'torch', 'mmengine', 'mmdet', 'matplotlib'} & set(sys.modules))"
    )
    out = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, check=True
    )
    assert out.stdout.strip() == 'set()'

import pytest

from mmlung.report.anchors import MARKS
from mmlung.report.anchors import PUBLISHED
from mmlung.report.anchors import anchors_for


def metrics(dataset='chestxray14', findings=14.0, evaluators=(), **data):
    known = {'dataset': dataset, 'split': 'test', 'split_family': 'official'} | data
    numbers = {'mAUC': 0.8, 'mAUC_findings': findings}
    return {'data': known, 'metrics': numbers, 'evaluators': list(evaluators)}


def test_official_split_of_the_same_data_set():
    anchors, sentence = anchors_for(metrics())
    values = {row.name: row.value for row in anchors.rows}
    assert values['Ark-6'] == 0.8305
    assert values['Wang 2017'] == 0.745
    assert 'same official split alone' in sentence


def test_no_number_of_a_random_split_is_listed():
    names = ' '.join(row.name for item in PUBLISHED for row in item.rows)
    for name in ('CheXNet', 'SynthEnsemble', 'ChestMNIST', 'Kaggle'):
        assert name not in names


def test_values_and_marks():
    """As they are recorded, with how far each can be trusted."""
    rows = {row.name: (row.value, row.mark) for item in PUBLISHED for row in item.rows}
    assert rows == {
        'Wang 2017': (0.745, 'S'),
        'Yao 2018': (0.761, 'S'),
        'ConvNeXt-S, 384 px': (0.8015, 'H'),
        'Baltruschat 2019': (0.806, 'S'),
        'DNetLoc': (0.807, 'S'),
        'SwinCheX, Swin-L, 224 px': (0.810, 'S'),
        'Swin-B from ImageNet, 224 px': (0.8173, 'P'),
        'Swin-T, 320 px': (0.8184, 'H'),
        'ConvNeXtV2-B, 512 px': (0.825, 'S'),
        'Medical-MAE, ViT-B': (0.830, 'D'),
        'Swin-B, SimMIM on 926k radiographs': (0.8304, 'P'),
        'Ark-6': (0.8305, 'P'),
        'Foundation X': (0.8335, 'P'),
        'EVA-X-B': (0.835, 'D'),
        "VinDr's own system": (0.802, 'P'),
    }


def test_every_mark_is_explained():
    assert {row.mark for item in PUBLISHED for row in item.rows} <= set(MARKS)


@pytest.mark.parametrize(
    ('content', 'reason'),
    [
        (metrics(split_family='random'), "the split family is 'random'"),
        (metrics(split_family='official-incomplete'), "'official-incomplete'"),
        (metrics(split_family='subset'), "the split family is 'subset'"),
        (metrics(split='val'), "the part 'val' was tested"),
        (metrics(synthetic=True), 'synthetic phantoms'),
        (metrics(findings=11.0), 'none is known to us'),
        (metrics(dataset='mimic-cxr'), 'none is known to us'),
        (metrics(findings_map={'a': 'b'}), 'none is known to us'),
        (metrics(evaluators=[{'level': 'study'}]), 'none is known to us'),
    ],
    ids=['random', 'incomplete', 'subset', 'val', 'phantoms', 'findings', 'dataset']
    + ['mapped', 'study'],
)
def test_none_beside_another_protocol(content, reason):
    anchors, sentence = anchors_for(content)
    assert anchors is None
    assert (
        sentence.startswith('No published number stands here: ') or 'none' in sentence
    )
    assert reason in sentence


def test_vindr_consensus_alone():
    content = metrics(dataset='vindr-cxr', ground_truth='consensus')
    content['metrics'] = {'sensitivity@1': 0.7}
    anchors, _ = anchors_for(content)
    assert [row.value for row in anchors.rows] == [0.802]
    content['data']['ground_truth'] = 'fused(wbf>0.5)'
    assert anchors_for(content)[0] is None

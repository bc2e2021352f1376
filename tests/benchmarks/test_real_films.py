from benchmarks import real_films
from mmlung.findings import CHESTXRAY14
from mmlung.findings import CHESTXRAY14_BOXES


def classifier_metrics(n_positive=30.0):
    row = {'AUC': 0.7, 'AUC_low': 0.6, 'AUC_high': 0.8, 'AUPRC': 0.2}
    per_finding = {name: row | {'n_positive': n_positive} for name in CHESTXRAY14}
    per_finding['Hernia'] = {'AUC': None, 'AUPRC': None, 'n_positive': 0.0}
    overall = {'mAUC': 0.7, 'mAUC_findings': 13.0, 'mAUPRC': 0.2}
    return {'per_finding': per_finding, 'metrics': overall}


def test_an_undefined_finding_is_shown_and_not_averaged():
    table = real_films.classifier_table(classifier_metrics())
    assert '| Hernia (not averaged) | 0 | undefined | undefined |' in table
    assert '| Nodule | 30 | 0.700 (0.600-0.800) | 0.200 |' in table
    assert '**mean of 13**' in table


def test_the_detector_table_has_false_positives_beside_miou():
    row = {'AP40': 0.1, 'AP50': 0.1, 'mIoU': 0.2, 'n_boxes': 5.0}
    overall = row | {'score_thr': 0.3, 'fp_per_image': 0.5, 'PQ': None}
    metrics = {
        'per_finding': dict.fromkeys(CHESTXRAY14_BOXES, row),
        'metrics': overall | {'fp_per_image_low': 0.4, 'fp_per_image_high': 0.6},
    }
    table = real_films.detector_table(metrics)
    assert '0.500 (0.400-0.600) false positives per image, PQ undefined' in table


def test_a_missing_folder_is_one_line(tmp_path, capsys):
    assert real_films.main(['--data', str(tmp_path / 'none')]) == 2
    assert 'is no folder; --data names the download' in capsys.readouterr().err


def test_the_plan_names_tools_that_exist(tmp_path):
    args = real_films.parse_args(['--data', str(tmp_path)])
    steps = real_films.plan(args)
    assert [step.name for step in steps] == [
        'convert',
        'classifier-train',
        'classifier-test',
        'detector-train',
        'detector-test',
    ]
    for step in steps[1:]:
        assert (real_films.REPO / step.argv[0]).is_file()
        assert (real_films.REPO / step.argv[1]).is_file()

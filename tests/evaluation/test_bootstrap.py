import numpy as np
import pytest

from mmlung.evaluation import MeanAUC
from mmlung.evaluation.bootstrap import cluster_index
from mmlung.evaluation.bootstrap import cluster_weights
from mmlung.evaluation.bootstrap import mean_defined
from mmlung.evaluation.bootstrap import percentile_interval
from mmlung.evaluation.bootstrap import with_intervals


def all_weights(clusters, n_resamples, seed=0):
    return np.hstack(list(cluster_weights(clusters, n_resamples, seed)))


def test_whole_clusters_are_drawn_as_often_as_there_are_clusters():
    clusters = ['p1', 'p2', 'p1', 'p3', 'p2', 'p1']
    weights = all_weights(clusters, 200)
    assert weights.shape == (6, 200)
    np.testing.assert_array_equal(weights[0], weights[2])
    np.testing.assert_array_equal(weights[0], weights[5])
    np.testing.assert_array_equal(weights[1], weights[4])
    np.testing.assert_array_equal(weights[[0, 1, 3]].sum(axis=0), np.full(200, 3))


def test_weights_do_not_depend_on_the_block_size(monkeypatch):
    clusters = [f'p{i % 7}' for i in range(20)]
    together = all_weights(clusters, 50)
    monkeypatch.setattr('mmlung.evaluation.bootstrap._MAX_WEIGHTS_IN_MEMORY', 60)
    np.testing.assert_array_equal(all_weights(clusters, 50), together)


def test_weights_follow_the_images_when_their_order_changes():
    clusters = np.array([f'p{i % 7}' for i in range(20)])
    order = np.random.default_rng(0).permutation(20)
    np.testing.assert_array_equal(
        all_weights(clusters[order], 30), all_weights(clusters, 30)[order]
    )


def test_seed_decides():
    clusters = list('abcdefgh')
    assert (all_weights(clusters, 9, 1) == all_weights(clusters, 9, 1)).all()
    assert (all_weights(clusters, 9, 1) != all_weights(clusters, 9, 2)).any()


def test_interval_of_a_mean_is_the_textbook_one():
    value = np.random.default_rng(0).normal(size=400)

    def mean(weights):
        return {'mean': value @ weights / weights.sum(axis=0)}

    clusters = [str(i) for i in range(400)]
    report = with_intervals(mean, clusters, 2000)
    assert report['mean'] == pytest.approx(value.mean())
    half = 1.96 * value.std() / np.sqrt(400)
    assert report['mean_low'] == pytest.approx(value.mean() - half, abs=0.01)
    assert report['mean_high'] == pytest.approx(value.mean() + half, abs=0.01)


def test_clusters_widen_the_interval():
    value = np.repeat(np.random.default_rng(0).normal(size=50), 8)

    def width(clusters):
        report = with_intervals(
            lambda w: {'m': value @ w / w.sum(axis=0)}, clusters, 500
        )
        return report['m_high'] - report['m_low']

    images = [str(i) for i in range(400)]
    patients = [str(i // 8) for i in range(400)]
    assert width(patients) == pytest.approx(np.sqrt(8) * width(images), rel=0.15)


def test_no_resamples_give_no_intervals():
    assert with_intervals(lambda w: {'n': w.sum(axis=0)}, ['a', 'b']) == {'n': 2.0}


def test_interval_leaves_undefined_resamples_out():
    assert percentile_interval(np.array([np.nan, 2.0, np.nan])) == (2.0, 2.0)
    assert np.isnan(percentile_interval(np.array([np.nan, np.nan]))).all()


def test_mean_leaves_undefined_findings_out():
    values = np.array([[0.5, np.nan], [np.nan, np.nan], [1.0, np.nan]])
    np.testing.assert_array_equal(mean_defined(values), [0.75, np.nan])


def test_weights_of_clusters_are_the_same_resamples():
    clusters = ['p3', 'p1', 'p3', 'p2', 'p1']
    names, cluster = cluster_index(clusters, 5)
    np.testing.assert_array_equal(
        all_weights(names, 30)[cluster], all_weights(clusters, 30)
    )


def test_without_clusters_each_image_is_one():
    names, cluster = cluster_index(None, 11)
    assert [names[i] for i in cluster] == [str(i) for i in range(11)]


@pytest.mark.parametrize('bootstrap', [-1, 2.5])
def test_number_of_resamples_is_checked(bootstrap):
    with pytest.raises(ValueError, match=r'bootstrap must be .* >= 0, got'):
        MeanAUC(bootstrap=bootstrap)


@pytest.mark.parametrize(
    ('cluster', 'expected'), [('patient', 'patient 7'), ('image', 'image a.png')]
)
def test_patients_or_images_are_drawn(cluster, expected):
    metric = MeanAUC(cluster=cluster)
    metric.dataset_meta = {'classes': ['Edema']}
    sample = {'img_path': 'a.png', 'pred_score': [0.5], 'gt_score': [1]}
    metric.process(None, [sample | {'patient_id': '7'}, sample])
    assert [image.cluster for image in metric.results] == [expected, 'image a.png']


def test_an_unknown_cluster_is_refused():
    with pytest.raises(ValueError, match="must be 'patient' or 'image', got 'study'"):
        MeanAUC(cluster='study')

import pytest


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (('--val-list', 'FILE', '--folds', 2), '--val-list names one val, --folds K'),
        (('--split', 'random', '--val-list', 'FILE'), 'leave out --val-list'),
        (('--split', 'random', '--test-list', 'FILE'), 'leave out --test-list'),
        (
            ('--split', 'random', '--train-val-list', 'FILE'),
            'leave out --train-val-list',
        ),
        (
            ('--split', 'random', '--test-fraction', 0.8, '--val-fraction', 0.3),
            'must not exceed 1 together, got 0.8 and 0.3',
        ),
    ],
    ids=['folds', 'random-val', 'random-test', 'random-train', 'shares'],
)
def test_options_that_contradict_one_another(official, refuse, options, message):
    file = official / 'test_list.txt'
    options = [file if option == 'FILE' else option for option in options]
    assert message in refuse('chestxray14', '--root', official, *options)

import logging
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from torch.nn.functional import binary_cross_entropy_with_logits

from mmlung.registry import MODELS
from mmlung.training.positive_weight import PositiveWeightHook
from mmlung.training.positive_weight import positive_weights

NAN = float('nan')
LABELS = np.array([[1, 0, 1, NAN], [0, 0, 1, 1], [0, 0, 0, 0], [0, 0, 1, NAN]])


class Films:
    metainfo = {'classes': ['Mass', 'Hernia', 'Edema', 'Nodule']}

    def __len__(self):
        return len(LABELS)

    def get_data_info(self, index):
        return {'gt_score': LABELS[index]}


def runner_of(loss):
    DefaultScope.get_instance('test_positive_weight', scope_name='mmpretrain')
    import mmpretrain.models  # noqa: F401

    head = {
        'type': 'mmpretrain.MultiLabelLinearClsHead',
        'num_classes': 4,
        'in_channels': 3,
        'loss': {'type': 'mmlung.MaskUnknown', 'loss': loss},
    }
    return SimpleNamespace(
        model=SimpleNamespace(head=MODELS.build(head)),
        train_dataloader=SimpleNamespace(dataset=Films()),
        logger=logging.getLogger('test_positive_weight'),
    )


def test_absent_over_present_of_what_is_known():
    weights = positive_weights(LABELS, cap=20)
    assert weights.tolist() == [3, 20, 1, 1]  # never below 1; never present: the cap
    assert positive_weights(LABELS, cap=2.5).tolist() == [2.5, 2.5, 1, 1]


def test_the_loss_gets_them_and_the_log_shows_them(caplog):
    runner = runner_of({'type': 'CrossEntropyLoss', 'use_sigmoid': True})
    with caplog.at_level(logging.INFO):
        PositiveWeightHook(cap=20).before_train(runner)
    assert 'Mass 3.0, Hernia 20.0, Edema 1.0, Nodule 1.0' in caplog.text
    score = torch.randn(4, 4, generator=torch.Generator().manual_seed(0))
    target = torch.tensor(LABELS, dtype=torch.float32)
    weight = torch.tensor([3.0, 20.0, 1.0, 1.0])
    known = ~target.isnan()
    expected = binary_cross_entropy_with_logits(
        score[known], target[known], pos_weight=weight.expand(4, 4)[known]
    )
    loss = runner.model.head.loss_module(score, target)
    torch.testing.assert_close(loss, expected)


def test_a_loss_without_such_weights_is_refused():
    with pytest.raises(ValueError, match=r'binary cross-entropy.*got AsymmetricLoss'):
        PositiveWeightHook().before_train(runner_of({'type': 'AsymmetricLoss'}))


def test_a_cap_below_one_is_refused():
    with pytest.raises(ValueError, match='cap of PositiveWeightHook must be >= 1'):
        PositiveWeightHook(cap=0.5)

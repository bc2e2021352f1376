"""What training each classifier costs: parameters, FLOPs, GPU memory, time an epoch.

An estimate, made without a GPU and without weights, by the means and under the
assumptions of detector_cost.py: FLOPs of the matrix products and convolutions of one
training step, three times those of the forward pass (torch's own count of the backward
pass takes a depthwise convolution for a full one); memory as what weights, optimizer,
averaged weights and autograd keep in float32, of which --amp needs less; time as FLOPs
over --tflops, a round number and no GPU's: depthwise convolutions deliver less than
Swin's matrix products.
What is more:
- with checkpoints: the same with model.backbone.with_cp=True, which keeps the input of
  each block and computes the block again for its gradient.
- An epoch has the films of the data set's training split, as its release counts them.
- --time adds a measurement: seconds of one film's forward and backward pass on this
  CPU, in float32, the shortest of three.

Examples:
  python benchmarks/classifier_cost.py
  python benchmarks/classifier_cost.py configs/convnext_mimic.py --img-size 512 --time
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from detector_cost import CONFIGS
from detector_cost import Cost
from detector_cost import Kept
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode

from mmlung.cli import one_line_errors

EPOCH = {'chestxray14': 78_000, 'mimic-cxr': 247_000, 'chexpert': 191_000}
"""Films of an epoch, rounded: nine tenths of ChestX-ray14's train_val list, and the
frontal films of MIMIC-CXR's training split (67 % of 368,960) and of CheXpert's."""


@dataclass(frozen=True)
class ClassifierCost:
    """Estimated cost of training one config, without and with checkpoints.

    Attributes:
        seconds: of one film forward and backward on this CPU; None was not measured.
    """

    plain: Cost
    checkpointed: Cost
    img_size: int
    films: int
    seconds: float | None = None


def cost_of(
    path: Path, img_size: int | None, batch_size: int | None, timed: bool = False
) -> ClassifierCost:
    """Cost of a config's training step, of square films.

    Raises:
        ValueError: the config is no classifier, or its data set's size is not known.
    """
    from mmengine.registry import init_default_scope

    from mmlung.config import load_config

    cfg = load_config(path, {'img_size': img_size} if img_size else {})
    if cfg.get('default_scope') != 'mmpretrain':
        raise ValueError(
            f'{path} is no classifier: its default_scope must be mmpretrain'
        )
    init_default_scope('mmpretrain')
    n_films = batch_size or cfg.train_dataloader.batch_size
    converter = cfg.train_dataloader.dataset.converter
    if converter not in EPOCH:
        raise ValueError(
            f'{path}: films of {converter} are not known, only of {[*EPOCH]}'
        )
    return ClassifierCost(
        plain=_step_cost(path.stem, cfg, n_films, with_cp=False),
        checkpointed=_step_cost(path.stem, cfg, n_films, with_cp=True),
        img_size=cfg.img_size,
        films=EPOCH[converter],
        seconds=_seconds(cfg) if timed else None,
    )


def _model(cfg: Any, with_cp: bool) -> torch.nn.Module:
    from mmlung.registry import MODELS

    backbone = {**cfg.model.backbone, 'with_cp': with_cp}
    return MODELS.build({**cfg.model, 'backbone': backbone}).train()


def _step_cost(name: str, cfg: Any, n_films: int, with_cp: bool) -> Cost:
    model = _model(cfg, with_cp).to('meta')
    films = torch.empty(n_films, 3, cfg.img_size, cfg.img_size, device='meta')
    kept = Kept(model)
    counter = FlopCounterMode(display=False)
    with counter, saved_tensors_hooks(kept.pack, lambda tensor: tensor):
        model.head(model.extract_feat(films))
    return Cost(
        config=name,
        batch_size=n_films,
        parameters=sum(p.numel() for p in model.parameters() if p.requires_grad),
        step_flops=(4 if with_cp else 3) * counter.get_total_flops(),
        kept_bytes=kept.n_bytes,
    )


def _seconds(cfg: Any) -> float:
    """Shortest of three passes of one film, forward and backward, on this CPU."""
    model = _model(cfg, with_cp=False)
    film = torch.zeros(1, 3, cfg.img_size, cfg.img_size)
    taken = []
    for _ in range(3):
        start = time.perf_counter()
        model.head(model.extract_feat(film)).sum().backward()
        taken.append(time.perf_counter() - start)
    return min(taken)


def table(costs: Sequence[ClassifierCost], tflops: float, overhead_gib: float) -> str:
    """Markdown, one row a config."""
    timed = any(cost.seconds is not None for cost in costs)
    lines = [
        '| config | pixels | parameters, million | batch | GFLOPs a film | GPU memory, '
        'GiB | with checkpoints | films an epoch | minutes an epoch at '
        f'{tflops:g} TFLOP/s |' + (' s a film on this CPU |' if timed else ''),
        '|---' * (10 if timed else 9) + '|',
    ]
    for cost in costs:
        plain = cost.plain
        gflops = plain.step_flops / plain.batch_size / 1e9
        memory = plain.memory_gib(overhead_gib)
        minutes = plain.epoch_minutes(cost.films, tflops)
        row = (
            f'| `{plain.config}.py` | {cost.img_size} | {plain.parameters / 1e6:.0f} '
            f'| {plain.batch_size} | {gflops:.0f} | {memory:.1f} '
            f'| {cost.checkpointed.memory_gib(overhead_gib):.1f} | {cost.films:,} '
            f'| {minutes:.0f} |'
        )
        lines.append(row + ('' if cost.seconds is None else f' {cost.seconds:.2f} |'))
    return '\n'.join(lines)


def full_size_classifiers() -> list[Path]:
    """The classifiers' configs, without the demos."""
    paths = sorted(CONFIGS.glob('convnext*.py'))
    return [path for path in paths if '_demo' not in path.stem]


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('configs', type=Path, nargs='*', help='default: all of them')
    parser.add_argument('--img-size', type=int, help="default: each config's")
    parser.add_argument('--batch-size', type=int, help="default: each config's")
    parser.add_argument(
        '--tflops', type=float, default=15.0, help='delivered (default: %(default)s)'
    )
    parser.add_argument(
        '--overhead-gib', type=float, default=1.5, help='default: %(default)s'
    )
    parser.add_argument('--time', action='store_true', help='measure on this CPU')
    return parser.parse_args(argv)


@one_line_errors
def main(argv: list[str] | None = None) -> int:
    """Print the table."""
    args = parse_args(argv)
    from mmlung._quiet import quiet_imports

    with quiet_imports():
        import mmpretrain.models  # noqa: F401

    costs = []
    for path in args.configs or full_size_classifiers():
        print(f'{path.stem} ...', file=sys.stderr)
        costs.append(cost_of(path, args.img_size, args.batch_size, args.time))
    print(table(costs, args.tflops, args.overhead_gib))
    return 0


if __name__ == '__main__':
    raise SystemExit(main())

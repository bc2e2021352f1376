"""What training each detector costs: parameters, FLOPs, GPU memory, time an epoch.

An estimate, made without a GPU and without weights: the network runs on tensors that
have shapes but no content, so Swin-B at 1024 px takes seconds. What is assumed:
- FLOPs: matrix products and convolutions of one training step, forward and backward, 2
  for a multiply-add; a cascade's heads see all proposals that they sample (512 an image
  and stage). Matching, NMS, RoIAlign and losses are left out.
- Memory: weights, gradients, AdamW's two moments and the averaged weights (20 bytes a
  parameter), what autograd keeps for the backward pass (counted, each memory once), and
  --overhead-gib for CUDA, its libraries and the allocator. All in float32.
- Time: FLOPs over --tflops, what one GPU delivers in training. Only a run tells that,
  and it lies well below the data sheet; the default is a round number, no GPU's. Films
  are taken to be loaded as fast.
- Films: square ones of the config's img_size; VinDr-CXR's Kaggle release, 4,394
  abnormal films and a quarter as many healthy ones (--films).

Examples:
  python benchmarks/detector_cost.py
  python benchmarks/detector_cost.py configs/swin-b_vindr.py --img-size 768 --tflops 40
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch import nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode

from mmlung.cli import one_line_errors

CONFIGS = Path(__file__).resolve().parent.parent / 'configs'
VINDR_EPOCH = 4394 + round(0.25 * 4394)
BYTES_PER_PARAMETER = 20
"""float32: weight, gradient, two moments of AdamW, averaged weight."""


@dataclass(frozen=True)
class Cost:
    """Estimated cost of training one config, a step being one batch."""

    config: str
    batch_size: int
    parameters: int
    step_flops: int
    kept_bytes: int

    def memory_gib(self, overhead_gib: float) -> float:
        """Peak GPU memory, when the forward pass has ended."""
        states = BYTES_PER_PARAMETER * self.parameters
        return (states + self.kept_bytes) / 2**30 + overhead_gib

    def epoch_minutes(self, films: int, tflops: float) -> float:
        """Time for an epoch on one GPU; loading is assumed to keep up."""
        return self.step_flops / self.batch_size * films / (tflops * 1e12) / 60


class Kept:
    """Bytes that autograd keeps for the backward pass, each memory counted once."""

    def __init__(self, model: nn.Module) -> None:
        self._seen = {p.untyped_storage()._cdata for p in model.parameters()}
        self._alive: list[Tensor] = []  # or an address could be given again
        self.n_bytes = 0

    def pack(self, tensor: Tensor) -> Tensor:
        """Called by autograd for each tensor that it keeps."""
        storage = tensor.untyped_storage()
        if storage._cdata not in self._seen:
            self._seen.add(storage._cdata)
            self._alive.append(tensor)
            self.n_bytes += storage.nbytes()
        return tensor


def cost_of(path: Path, img_size: int | None, batch_size: int | None) -> Cost:
    """Cost of a config's training step, of square films.

    Raises:
        ValueError: the config is no detector of a kind that is known here.
    """
    from mmengine.registry import init_default_scope

    from mmlung.config import load_config
    from mmlung.registry import MODELS

    cfg = load_config(path, {'img_size': img_size} if img_size else {})
    if cfg.get('default_scope') != 'mmdet':
        raise ValueError(f'{path} is no detector: its default_scope must be mmdet')
    init_default_scope('mmdet')
    n_films = batch_size or cfg.train_dataloader.batch_size
    model = MODELS.build(cfg.model).to('meta').train()
    films = torch.empty(n_films, 3, cfg.img_size, cfg.img_size, device='meta')
    kept = Kept(model)
    counter = FlopCounterMode(display=False)
    with counter:
        with saved_tensors_hooks(kept.pack, lambda tensor: tensor):
            outputs = forward(model, films)
        sum(output.sum() for output in outputs).backward()
    return Cost(
        config=path.stem,
        batch_size=n_films,
        parameters=sum(p.numel() for p in model.parameters() if p.requires_grad),
        step_flops=counter.get_total_flops(),
        kept_bytes=kept.n_bytes,
    )


def forward(model: nn.Module, films: Tensor) -> list[Tensor]:
    """Outputs of every head in training; what has no fixed shape is left out.

    That is the matching of anchors, NMS, RoIAlign and the losses: no matrix products,
    and little memory.

    Raises:
        ValueError: the detector has neither a dense head nor RoI heads.
    """
    features = model.extract_feat(films)
    dense = [
        model.get_submodule(n) for n in ('rpn_head', 'bbox_head') if hasattr(model, n)
    ]
    heads: list[Any] = [output for head in dense for output in head(features)]
    if hasattr(model, 'roi_head'):
        heads += _roi_outputs(model.roi_head, features, len(films))
    if not heads:
        raise ValueError(f'{type(model).__name__} has no head that is known here')
    return list(_tensors(heads))


def _roi_outputs(roi_head: nn.Module, features: Sequence[Tensor], n_films: int) -> list:
    """Heads of the stages, over as many proposals as each stage samples."""
    heads = roi_head.bbox_head
    stages = zip(
        heads if isinstance(heads, nn.ModuleList) else [heads],
        _as_list(roi_head.train_cfg),
        strict=True,
    )
    outputs = []
    for head, train_cfg in stages:
        n_rois = n_films * train_cfg.sampler.num
        side = head.roi_feat_size
        # Pooled from the features, so that the gradient goes on into them.
        one = features[0].mean(dim=(0, 2, 3)).reshape(1, -1, 1, 1)
        regions = one.expand(n_rois, -1, *side).contiguous()
        outputs.append(head(regions))
    return outputs


def _as_list(value: Any) -> list:
    return list(value) if isinstance(value, list | tuple) else [value]


def _tensors(nested: Any) -> Any:
    if isinstance(nested, Tensor):
        yield nested
    else:
        for item in nested:
            yield from _tensors(item)


def table(costs: Sequence[Cost], films: int, tflops: float, overhead_gib: float) -> str:
    """Markdown, one row a config."""
    lines = [
        '| config | parameters, million | batch | TFLOPs a film | GPU memory, GiB '
        f'| minutes an epoch of {films} films at {tflops:g} TFLOP/s |',
        '|---|---|---|---|---|---|',
    ]
    for cost in costs:
        lines.append(
            f'| `{cost.config}.py` | {cost.parameters / 1e6:.0f} | {cost.batch_size} '
            f'| {cost.step_flops / cost.batch_size / 1e12:.2f} '
            f'| {cost.memory_gib(overhead_gib):.1f} '
            f'| {cost.epoch_minutes(films, tflops):.0f} |'
        )
    return '\n'.join(lines)


def full_size_detectors() -> list[Path]:
    """The detectors' configs, without the demos."""
    paths = sorted(CONFIGS.glob('swin*.py'))
    return [p for p in paths if not p.stem.endswith('_demo') and 'small' not in p.stem]


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('configs', type=Path, nargs='*', help='default: all detectors')
    parser.add_argument('--img-size', type=int, help="default: each config's")
    parser.add_argument('--batch-size', type=int, help="default: each config's")
    parser.add_argument(
        '--tflops', type=float, default=15.0, help='delivered (default: %(default)s)'
    )
    parser.add_argument(
        '--films', type=int, default=VINDR_EPOCH, help='an epoch (default: %(default)s)'
    )
    parser.add_argument(
        '--overhead-gib', type=float, default=1.5, help='default: %(default)s'
    )
    return parser.parse_args(argv)


@one_line_errors
def main(argv: list[str] | None = None) -> int:
    """Print the table."""
    args = parse_args(argv)
    from mmlung._quiet import quiet_imports

    with quiet_imports():
        import mmdet  # noqa: F401
        import mmpretrain  # noqa: F401

    costs = []
    for path in args.configs or full_size_detectors():
        print(f'{path.stem} ...', file=sys.stderr)
        costs.append(cost_of(path, args.img_size, args.batch_size))
    print(table(costs, args.films, args.tflops, args.overhead_gib))
    return 0


if __name__ == '__main__':
    raise SystemExit(main())

r"""Train a detector or a classifier from a config.

Examples:
  python tools/train.py configs/swin_vindr.py
  python tools/train.py configs/convnext_chestxray14.py --amp --resume
  python tools/train.py configs/swin_vindr.py --cfg-options \
      data_root=data/vindr-cxr img_size=512 init_checkpoint=None
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import Any

from mmlung.cli import one_line_errors


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    """Command line, with OpenMMLab's flags."""
    from mmlung.running import add_runner_arguments

    parser = argparse.ArgumentParser(
        prog='mmlung train',
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--amp',
        action='store_true',
        help='mixed precision: float16 on a GPU, bfloat16 on a CPU that has it',
    )
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help="scale the learning rate with the batch size, from the config's base",
    )
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CHECKPOINT',
        help='go on from a checkpoint; without a value from the latest of the work '
        'dir, or from the start when there is none',
    )
    parser.add_argument(
        '--no-validate', action='store_true', help='do not validate while training'
    )
    add_runner_arguments(parser)
    return parser.parse_args(argv)


def prepare(args: argparse.Namespace) -> Any:
    """Config with the flags applied."""
    from mmlung.config import spread_init_checkpoint
    from mmlung.running import config_of
    from mmlung.running import use_amp
    from mmlung.scorecard.run import check_findings_of

    cfg = config_of(args)
    if args.amp:
        warning = use_amp(cfg)
        if warning:
            print(f'warning: {warning}', file=sys.stderr)
    if args.auto_scale_lr:
        if 'base_batch_size' not in cfg.get('auto_scale_lr', {}):
            raise ValueError(
                f'--auto-scale-lr needs auto_scale_lr.base_batch_size in {args.config}'
            )
        cfg.auto_scale_lr.enable = True
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
        cfg.default_hooks.checkpoint.pop('save_best', None)
    if args.resume == 'auto':
        cfg.resume = (Path(cfg.work_dir) / 'last_checkpoint').is_file()
        if cfg.resume:
            cfg.load_from = None  # mmengine would resume from this instead
    elif args.resume:
        cfg.resume, cfg.load_from = True, args.resume
    if cfg.resume:
        last = Path(cfg.work_dir) / 'last_checkpoint'
        check_findings_of(
            cfg.load_from or last.read_text().strip(), cfg.get('findings')
        )
    else:
        spread_init_checkpoint(cfg)
    return cfg


def keep_best(runner: Any) -> Path | None:
    """Copy the best checkpoint to `best.pth`; the last one without validation."""
    hub = runner.message_hub
    for key in ('best_ckpt', 'last_ckpt') if runner.val_loop else ('last_ckpt',):
        path = hub.get_info(key) if key in hub.runtime_info else None
        if path and Path(path).is_file():
            best = Path(runner.work_dir) / 'best.pth'
            part = best.with_suffix('.part')
            shutil.copyfile(path, part)
            part.replace(best)
            return best
    return None


@one_line_errors
def main(argv: list[str] | None = None) -> int:
    """Train, then leave best.pth and a picture of the curves in the work dir."""
    args = parse_args(argv)
    from mmlung._quiet import quiet_imports

    with quiet_imports():
        import mmdet  # noqa: F401
        import mmpretrain  # noqa: F401

    from mmlung.figures import draw_curves
    from mmlung.running import build_runner

    cfg = prepare(args)
    runner = build_runner(cfg)
    runner.train()
    if runner.rank == 0:
        best = keep_best(runner)
        curves = draw_curves(Path(runner.work_dir))
        print(f'checkpoint: {best}\ncurves: {curves}')
        print(f'next: mmlung test {args.config} {best}')
    return 0


if __name__ == '__main__':
    raise SystemExit(main())

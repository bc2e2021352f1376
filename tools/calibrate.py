"""Choose a detector's score thresholds on the validation part of its data set.

For each finding, the score with the best F1 at IoU 0.4. They are written beside the
checkpoint (best.pth: best.thresholds.json), where `mmlung test` finds them. The test
part is never looked at.

Examples:
  python tools/calibrate.py configs/swin_vindr.py work_dirs/swin_vindr/best.pth
  python tools/calibrate.py configs/swin_vindr.py best.pth --out best-tta.json --tta
  python tools/test.py configs/swin_vindr.py best.pth --tta --thresholds best-tta.json
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mmlung.cli import one_line_errors


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    """Command line, with OpenMMLab's flags."""
    from mmlung.running import add_runner_arguments

    parser = argparse.ArgumentParser(
        prog='mmlung calibrate',
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('config', help='config file of a detector')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument(
        '--out',
        type=Path,
        metavar='FILE.json',
        help='where the thresholds go (default: beside the checkpoint)',
    )
    parser.add_argument(
        '--tta',
        action='store_true',
        help="the config's test-time augmentation, if the test will have it",
    )
    parser.add_argument(
        '--min-hits',
        type=int,
        default=1,
        metavar='N',
        help='found boxes that a threshold must rest on; with fewer the finding stays '
        'at 0.3 (default: %(default)s)',
    )
    add_runner_arguments(parser)
    args = parser.parse_args(argv)
    if args.out is not None and args.out.suffix != '.json':
        parser.error(f'--out must end in .json, got {args.out}')
    if args.min_hits < 1:
        parser.error(f'--min-hits must be at least 1, got {args.min_hits}')
    return args


@one_line_errors
def main(argv: list[str] | None = None) -> int:
    """Run on validation, write the thresholds, print them."""
    args = parse_args(argv)
    from mmlung._quiet import quiet_imports

    with quiet_imports():
        import mmdet  # noqa: F401
        import mmpretrain  # noqa: F401

    from mmlung.atomic import write_json
    from mmlung.calibration import calibrate
    from mmlung.calibration import thresholds_table
    from mmlung.operating_points import thresholds_path
    from mmlung.running import config_of

    cfg = config_of(args)
    content = calibrate(cfg, args.checkpoint, args.tta, args.min_hits)
    if content is None:  # not the process that reports
        return 0
    path = args.out or thresholds_path(args.checkpoint)
    write_json(path, content)
    print(thresholds_table(content))
    print(f'thresholds: {path}')
    return 0


if __name__ == '__main__':
    raise SystemExit(main())

"""Calibrate a checkpoint on the validation part of its data set.

A classifier: per finding a curve from score to probability (Platt scaling) and three
thresholds (Youden, 90 % sensitivity, 95 % specificity), in best.calibration.json beside
best.pth. A detector: per finding the score with the best F1 at IoU 0.4, in
best.thresholds.json. `mmlung test` finds either file. The test part is never looked at.

Examples:
  python tools/calibrate.py configs/swin_vindr.py work_dirs/swin_vindr/best.pth
  python tools/calibrate.py configs/convnext_chestxray14.py best.pth --min-positives 10
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
    parser.add_argument('config', help='config file of a detector or classifier')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument(
        '--out',
        type=Path,
        metavar='FILE.json',
        help='where the file goes (default: beside the checkpoint)',
    )
    parser.add_argument(
        '--tta',
        action='store_true',
        help="the config's test-time augmentation, if the test will have it",
    )
    parser.add_argument(
        '--min-hits',
        type=int,
        metavar='N',
        help='detector: found boxes that a threshold must rest on; with fewer the '
        'finding stays at 0.3 (default: 1)',
    )
    parser.add_argument(
        '--min-positives',
        type=int,
        metavar='N',
        help='classifier: present films that a finding must have; with fewer its '
        'scores stay as they are, without thresholds (default: 1)',
    )
    add_runner_arguments(parser)
    args = parser.parse_args(argv)
    if args.out is not None and args.out.suffix != '.json':
        parser.error(f'--out must end in .json, got {args.out}')
    for flag, value in (
        ('--min-hits', args.min_hits),
        ('--min-positives', args.min_positives),
    ):
        if value is not None and value < 1:
            parser.error(f'{flag} must be at least 1, got {value}')
    return args


@one_line_errors
def main(argv: list[str] | None = None) -> int:
    """Run on validation, write the file, print it."""
    args = parse_args(argv)
    from mmlung._quiet import quiet_imports

    with quiet_imports():
        import mmdet  # noqa: F401
        import mmpretrain  # noqa: F401

    from mmlung.atomic import write_json
    from mmlung.calibration.calibrate import calibrate
    from mmlung.calibration.calibrate import thresholds_table
    from mmlung.calibration.classifier import calibration_table
    from mmlung.calibration.classifier_file import calibration_path
    from mmlung.calibration.metrics import is_classifier
    from mmlung.calibration.thresholds_file import thresholds_path
    from mmlung.running import config_of

    cfg = config_of(args)
    classifies = is_classifier(cfg)
    content = calibrate(
        cfg, args.checkpoint, args.tta, args.min_hits, args.min_positives
    )
    if content is None:  # not the process that reports
        return 0
    default = (calibration_path if classifies else thresholds_path)(args.checkpoint)
    path = args.out or default
    write_json(path, content)
    print(calibration_table(content) if classifies else thresholds_table(content))
    print(f'{"calibration" if classifies else "thresholds"}: {path}')
    return 0


if __name__ == '__main__':
    raise SystemExit(main())

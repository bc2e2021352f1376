"""Benchmark numbers of a checkpoint on the test part of its data set.

Writes metrics.json (every metric, per finding, with the counts it rests on, and how it
was obtained) and predictions.json into the work dir, and prints a table.

Examples:
  python tools/test.py configs/swin_vindr.py work_dirs/swin_vindr/best.pth
  python tools/test.py configs/convnext_chestxray14.py best.pth --show-dir pictures/
  python tools/test.py configs/swin_vindr.py best.pth --thresholds none
  python tools/test.py configs/convnext_chestxray14.py best.pth --map-findings auto \
      --cfg-options data_root=data/mimic-cxr/
  python tools/test.py configs/swin_vindr.py none    # the untrained network: the floor
  python tools/test.py configs/convnext_chestxray14.py best.pth --level study
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mmlung.cli import one_line_errors


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    """Command line, with OpenMMLab's flags."""
    from mmlung.running import add_runner_arguments

    parser = argparse.ArgumentParser(
        prog='mmlung test',
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('config', help='config file')
    parser.add_argument(
        'checkpoint', help="checkpoint file, or 'none' for the untrained network"
    )
    parser.add_argument(
        '--out',
        type=Path,
        metavar='FILE.json',
        help='where predictions.json goes (default: into the work dir)',
    )
    parser.add_argument(
        '--show-dir',
        type=Path,
        help='draw every test image with truth and prediction into this folder',
    )
    parser.add_argument(
        '--tta', action='store_true', help="the config's test-time augmentation"
    )
    parser.add_argument(
        '--thresholds',
        '--calibration',
        default='auto',
        metavar='FILE|none',
        help='file of `mmlung calibrate` (default: the one beside the checkpoint when '
        "it was made for it; 'none': a detector's thresholds are the config's, which "
        "is 0.3, and a classifier's scores stay as they are)",
    )
    parser.add_argument(
        '--level',
        choices=['image', 'study'],
        default='image',
        help="a classifier's AUC over films, or over studies (default: %(default)s)",
    )
    parser.add_argument(
        '--aggregate',
        choices=['max', 'mean'],
        default='max',
        help='score of a study from those of its films (default: %(default)s)',
    )
    parser.add_argument(
        '--no-subgroups',
        action='store_true',
        help='without the AUC by sex, age band and view',
    )
    parser.add_argument(
        '--map-findings',
        nargs='+',
        default=['none'],
        metavar='auto|none|MODEL=FILE',
        help="test a classifier on another data set: 'auto' on the findings that mean "
        "the same in both, or named pairs (A=B, a union A=B+C); 'none', the default: "
        'every finding of the model must be labelled under its name',
    )
    add_runner_arguments(parser)
    args = parser.parse_args(argv)
    if args.out is not None and args.out.suffix != '.json':
        parser.error(f'--out must end in .json, got {args.out}')
    return args


@one_line_errors
def main(argv: list[str] | None = None) -> int:
    """Test, write the two files, print the table."""
    args = parse_args(argv)
    from mmlung._quiet import quiet_imports

    with quiet_imports():
        import mmdet  # noqa: F401
        import mmpretrain  # noqa: F401

    from mmlung.figures import draw_contact_sheet
    from mmlung.figures import draw_results
    from mmlung.figures import draw_roc
    from mmlung.provenance import UNTRAINED
    from mmlung.running import config_of
    from mmlung.scorecard.breakdown import roc_curves_of
    from mmlung.scorecard.run import run_test
    from mmlung.scorecard.run import table
    from mmlung.scorecard.run import write_json
    from mmlung.testing import use_findings_map
    from mmlung.testing import use_study_level

    cfg = config_of(args)
    if args.checkpoint == UNTRAINED and args.work_dir is None:
        cfg.work_dir = str(Path(cfg.work_dir) / 'untrained')  # beside the trained one's
    if args.level == 'study':
        use_study_level(cfg, args.aggregate)
    use_findings_map(cfg, args.map_findings)
    tested = run_test(
        cfg, args.checkpoint, args.tta, args.thresholds, not args.no_subgroups
    )
    if tested is None:  # not the process that reports
        return 0
    work_dir = Path(cfg.work_dir)
    predictions = args.out or work_dir / 'predictions.json'
    write_json(work_dir / 'metrics.json', tested.metrics)
    write_json(predictions, tested.predictions)
    print(table(tested.metrics))
    print(f'metrics: {work_dir / "metrics.json"}\npredictions: {predictions}')
    sheet = draw_contact_sheet(
        tested.results,
        tested.images_root,
        work_dir / 'contact_sheet.png',
        score_thr=tested.score_thr,
    )
    print(f'contact sheet: {sheet}')
    curves = roc_curves_of(
        tested.results, tested.predictions['findings'], tested.metrics['evaluators']
    )
    if curves:
        title = f'{Path(args.config).stem}, ROC curves over films'
        print(f'ROC curves: {draw_roc(curves, work_dir / "roc.png", title)}')
    if args.show_dir is not None:
        draw_results(
            tested.results, tested.images_root, args.show_dir, tested.score_thr
        )
        print(f'pictures: {args.show_dir}')
    return 0


if __name__ == '__main__':
    raise SystemExit(main())

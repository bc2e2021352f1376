"""Mean and spread of several runs: seeds of one experiment, or folds of one data set.

Reads the metrics.json of each. Runs that were tested on other films, other ground truth
or with another config are refused unless --across says that they may differ.

Examples:
  python tools/summarize.py work_dirs/seed0 work_dirs/seed1 work_dirs/seed2
  python tools/summarize.py work_dirs/fold* --across data --pool
  python tools/summarize.py work_dirs/fold* --across data --pool all.json --out s.json
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mmlung.cli import one_line_errors


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    """Command line."""
    from mmlung.comparison.summary import ACROSS

    parser = argparse.ArgumentParser(
        prog='mmlung summarize',
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        'runs', nargs='+', type=Path, metavar='RUN', help='work dir or metrics.json'
    )
    parser.add_argument(
        '--across',
        nargs='+',
        choices=ACROSS,
        default=[],
        help='what may differ between the runs; folds differ in data',
    )
    parser.add_argument(
        '--pool',
        nargs='?',
        type=Path,
        const=Path(),
        metavar='FILE.json',
        help='AUC over the films of all folds, from the predictions.json beside each '
        'metrics.json; the pooled predictions go to FILE.json',
    )
    parser.add_argument(
        '--bootstrap',
        type=int,
        default=1000,
        metavar='N',
        help='resamples of patients for --pool (default: %(default)s)',
    )
    parser.add_argument('--out', type=Path, metavar='FILE.json', help='all numbers')
    args = parser.parse_args(argv)
    if args.bootstrap < 0:
        parser.error(f'--bootstrap must not be negative, got {args.bootstrap}')
    for flag, path in (('--out', args.out), ('--pool', args.pool)):
        if path not in (None, Path()) and path.suffix != '.json':
            parser.error(f'{flag} must end in .json, got {path}')
    return args


@one_line_errors
def main(argv: list[str] | None = None) -> int:
    """Summarize, print the table, write the numbers."""
    args = parse_args(argv)
    from mmlung.atomic import write_json
    from mmlung.comparison.summary import read_run
    from mmlung.comparison.summary import summarize
    from mmlung.comparison.summary_table import summary_table

    runs = [read_run(path) for path in args.runs]
    report = summarize(runs, args.across)
    if args.pool is not None:
        report |= pooled(args, [run.path.parent for run in runs])
    print(summary_table(report))
    if args.pool not in (None, Path()):
        print(f'pooled predictions: {args.pool}')
    if args.out is not None:
        write_json(args.out, report)
        print(f'summary: {args.out}')
    return 0


def pooled(args: argparse.Namespace, folders: list[Path]) -> dict:
    """AUC over the films of all folds; their predictions are written on request."""
    from mmlung._quiet import quiet_imports

    with quiet_imports():
        from mmlung.comparison.pooling import WARNING
        from mmlung.comparison.pooling import pool_predictions
        from mmlung.comparison.pooling import pooled_auc
    from mmlung.atomic import write_json
    from mmlung.result import read_predictions

    folds = [read_predictions(folder) for folder in folders]
    predictions = pool_predictions(folds)
    if args.pool != Path():
        write_json(args.pool, predictions)
    return {'pooled': pooled_auc(folds, args.bootstrap), 'pooled_note': WARNING}


if __name__ == '__main__':
    raise SystemExit(main())

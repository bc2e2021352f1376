"""Whether model B is better than model A on the same test films, and how sure that is.

Reads the predictions.json of two tests. A classifier's AUC (a detector's AP40, mIoU and
CPM) are compared on the same resamples of patients: difference, 95 % interval, p, and p
corrected by Holm over the findings.

Examples:
  python tools/compare.py work_dirs/bce work_dirs/asymmetric
  python tools/compare.py a/predictions.json b/predictions.json --out compared.json
  python tools/compare.py work_dirs/a work_dirs/b --common    # shared films alone
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mmlung.cli import one_line_errors


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(
        prog='mmlung compare',
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('a', type=Path, help='predictions.json, or its work dir')
    parser.add_argument('b', type=Path, help='of the other model')
    parser.add_argument(
        '--common',
        action='store_true',
        help='compare on the films and findings that both have, and say how many',
    )
    parser.add_argument(
        '--bootstrap',
        type=int,
        default=1000,
        metavar='N',
        help='resamples of patients (default: %(default)s)',
    )
    parser.add_argument('--seed', type=int, default=0, help='of the resampling')
    parser.add_argument('--out', type=Path, metavar='FILE.json', help='all numbers')
    args = parser.parse_args(argv)
    if args.bootstrap < 1:
        parser.error(f'--bootstrap must be at least 1, got {args.bootstrap}')
    if args.out is not None and args.out.suffix != '.json':
        parser.error(f'--out must end in .json, got {args.out}')
    return args


@one_line_errors
def main(argv: list[str] | None = None) -> int:
    """Compare, print the table, write the numbers."""
    args = parse_args(argv)
    from mmlung._quiet import quiet_imports

    with quiet_imports():
        from mmlung.comparison.compare import compare
    from mmlung.atomic import write_json
    from mmlung.comparison.compare_table import comparison_table
    from mmlung.result import read_predictions

    a, b = read_predictions(args.a), read_predictions(args.b)
    report = compare(a, b, args.common, args.bootstrap, args.seed)
    print(comparison_table(report))
    if args.out is not None:
        write_json(args.out, report)
        print(f'comparison: {args.out}')
    return 0


if __name__ == '__main__':
    raise SystemExit(main())

"""One offline HTML file of a test: numbers, curves, films to look at, limits.

Reads metrics.json and predictions.json of a work dir, its training log, and the maps
that `mmlung gradcam` wrote. The file opens in any browser without a network, in light
and dark, and prints to PDF. It embeds films: mind your data use agreement.

Examples:
  python tools/report.py work_dirs/swin_vindr
  python tools/report.py work_dirs/swin_vindr --maps maps_of_some_films
  python tools/report.py work_dirs/swin_vindr --no-images --out to_share.html
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mmlung.cli import one_line_errors


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(
        prog='mmlung report',
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('work_dir', type=Path, help='of `mmlung test`')
    parser.add_argument(
        '--out',
        type=Path,
        metavar='FILE.html',
        help='where the report goes (default: report.html in the work dir)',
    )
    parser.add_argument(
        '--maps',
        type=Path,
        metavar='DIR',
        help='folder that `mmlung gradcam` wrote (default: maps in the work dir, if it '
        'is there)',
    )
    parser.add_argument(
        '--predictions',
        type=Path,
        metavar='FILE.json',
        help='where the test wrote them, if not into the work dir',
    )
    parser.add_argument(
        '--images-root',
        type=Path,
        metavar='DIR',
        help='folder that the names of the films start from (default: the one that the '
        'tested annotation file records)',
    )
    parser.add_argument(
        '--no-images', action='store_true', help='embed neither films nor maps'
    )
    args = parser.parse_args(argv)
    if args.out is not None and args.out.suffix not in ('.html', '.htm'):
        parser.error(f'--out must end in .html, got {args.out}')
    return args


@one_line_errors
def main(argv: list[str] | None = None) -> int:
    """Read, write, say where it is, what it lacks, and what may not be shared."""
    args = parse_args(argv)
    from mmlung.report import gaps
    from mmlung.report import holds_films
    from mmlung.report import read_sources
    from mmlung.report import write_report

    sources = read_sources(
        args.work_dir,
        args.maps,
        args.images_root,
        args.predictions,
        with_images=not args.no_images,
    )
    curves = None
    if sources.predictions is not None:
        from mmlung._quiet import quiet_imports

        with quiet_imports():
            from mmlung.curves import measure_curves

        curves = measure_curves(sources.predictions)
    out = args.out or args.work_dir / 'report.html'
    write_report(out, sources, curves)
    print(f'report: {out} ({out.stat().st_size / 1e6:.1f} MB)')
    missing = gaps(sources)
    if missing:
        print(f'left out: {"; ".join(missing)}')
    if holds_films(sources):
        print(
            'warning: it embeds films, and the data use agreement may forbid sharing '
            'them; --no-images makes a report without',
            file=sys.stderr,
        )
    return 0


if __name__ == '__main__':
    raise SystemExit(main())

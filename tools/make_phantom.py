"""Draw a synthetic download of a data set, with findings whose boxes are known.

  python tools/make_phantom.py vindr --out data/phantom-vindr --train 400 --test 100
  python tools/make_phantom.py vindr --out data/phantom-kaggle --release kaggle
  python tools/make_phantom.py chestxray14 --out data/phantom-nih --images 800
  python tools/make_phantom.py chexpert --out data/phantom-chexpert --train 800
  python tools/make_phantom.py mimic-cxr --out data/phantom-mimic --train 800

The films are drawn, not taken of anybody; no number from them is clinical. The same
arguments give the same bytes. What comes out is converted like the real thing, see
`python -m data_converters vindr --help`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mmlung.phantom import VINDR_FINDINGS
from mmlung.phantom import write_chestxray14
from mmlung.phantom import write_chexpert
from mmlung.phantom import write_mimic_cxr
from mmlung.phantom import write_vindr
from mmlung.phantom.mimic_cxr_layout import FORMATS
from mmlung.phantom.vindr_layout import RELEASES


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(
        prog='mmlung phantom',
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    datasets = parser.add_subparsers(dest='dataset', required=True, metavar='DATASET')

    vindr = datasets.add_parser('vindr', help='VinDr-CXR: DICOM, three readers')
    vindr.add_argument('--train', type=int, default=400, help='(default: %(default)s)')
    vindr.add_argument('--test', type=int, default=100, help='(default: %(default)s)')
    vindr.add_argument('--release', choices=RELEASES, default=RELEASES[0])
    vindr.add_argument(
        '--size',
        type=int,
        nargs=2,
        default=(320, 448),
        metavar=('LOW', 'HIGH'),
        help='smallest and largest side in pixels (default: 320 448)',
    )
    vindr.add_argument(
        '--findings',
        nargs='+',
        default=VINDR_FINDINGS,
        metavar='NAME',
        help=f'what is drawn (default: {", ".join(VINDR_FINDINGS)})',
    )

    nih = datasets.add_parser('chestxray14', help='ChestX-ray14: PNG, lists, boxes')
    nih.add_argument('--images', type=int, default=800, help='(default: %(default)s)')
    nih.add_argument(
        '--size',
        type=int,
        default=320,
        help='side of the square films in pixels (default: %(default)s)',
    )

    chexpert = datasets.add_parser('chexpert', help='CheXpert-small: JPEG, 14 labels')
    for part, number in (('train', 800), ('valid', 200)):
        chexpert.add_argument(
            f'--{part}', type=int, default=number, help='studies (default: %(default)s)'
        )
    chexpert.add_argument(
        '--size',
        type=int,
        default=320,
        help='shorter side of the films in pixels (default: %(default)s)',
    )

    mimic = datasets.add_parser('mimic-cxr', help='MIMIC-CXR-JPG 2.1.0, 14 labels')
    for part, number in (('train', 800), ('validate', 100), ('test', 200)):
        mimic.add_argument(
            f'--{part}', type=int, default=number, help='studies (default: %(default)s)'
        )
    mimic.add_argument('--form', choices=FORMATS, default=FORMATS[0])
    mimic.add_argument(
        '--size',
        type=int,
        default=320,
        help='shorter side of the films in pixels (default: %(default)s)',
    )

    for dataset in (vindr, nih, chexpert, mimic):
        dataset.add_argument(
            '--out', type=Path, required=True, help='a new or empty folder'
        )
        dataset.add_argument('--seed', type=int, default=0, help='(default: 0)')
        dataset.add_argument(
            '--workers', type=int, default=1, help='processes (default: 1)'
        )
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Draw what was asked for; 0, or 2 after one line about a wrong argument."""
    args = parse_args(argv)
    shared = {'seed': args.seed, 'workers': args.workers, 'progress': True}
    try:
        if args.dataset == 'vindr':
            write_vindr(
                args.out,
                n_train=args.train,
                n_test=args.test,
                release=args.release,
                size_range=tuple(args.size),
                findings=tuple(args.findings),
                **shared,
            )
        elif args.dataset == 'chexpert':
            write_chexpert(
                args.out,
                n_train=args.train,
                n_valid=args.valid,
                size_px=args.size,
                **shared,
            )
        elif args.dataset == 'mimic-cxr':
            write_mimic_cxr(
                args.out,
                n_train=args.train,
                n_validate=args.validate,
                n_test=args.test,
                form=args.form,
                size_px=args.size,
                **shared,
            )
        else:
            write_chestxray14(
                args.out, n_images=args.images, size_px=args.size, **shared
            )
    except (OSError, ValueError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    print(f'{args.out}: synthetic {args.dataset}, see SYNTHETIC.txt there')
    return 0


if __name__ == '__main__':
    raise SystemExit(main())

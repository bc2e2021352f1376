r"""What a trained model finds in films of your own: DICOM, PNG, JPEG, TIFF or BMP.

Writes into DIR one JSON a film (films/NAME.json), findings.csv with one row a film and,
for a detector, boxes.csv with one row a box in pixels of the original film. A film that
cannot be read is listed in errors.csv, the others go on, and the exit code is 1.
A run that was cut takes up where it stopped: films whose JSON is there, of the same
file, config and checkpoint, are skipped; pictures and reports that are asked for and
missing are made from it, those that are there stay. Calibrated probabilities and
thresholds come from the files that `mmlung calibrate` leaves beside the checkpoint.
Research software, not a medical device.

Examples:
  python tools/predict.py configs/convnext_chestxray14.py best.pth films/ --out out/
  python tools/predict.py configs/swin_vindr.py best.pth 'ward/**/*.dcm' --out out/ \
      --show --workers 4
  python tools/predict.py configs/swin_vindr.py a.pth films/ --out out/ \
      --member configs/swin_vindr.py b.pth      # an ensemble
  torchrun --nproc-per-node 2 tools/predict.py configs/swin_vindr.py best.pth films/ \
      --out out/ --launcher pytorch
"""

from __future__ import annotations

import argparse
import glob
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mmlung._optional import require
from mmlung.cli import one_line_errors

if TYPE_CHECKING:
    from mmlung.inferencer import FilmSource
    from mmlung.inferencer import Inferencer
    from mmlung.result import FailedImage


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    """Command line."""
    from mmengine.config import DictAction

    parser = argparse.ArgumentParser(
        prog='mmlung predict',
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add('config', help='config file')
    add('checkpoint', help='checkpoint file')
    add(
        'images',
        nargs='+',
        help='films: files, folders (with all below them) or globs in quotes',
    )
    add('--out', type=Path, required=True, metavar='DIR', help='folder of the results')
    add(
        '--calibration',
        metavar='FILE|none',
        help='file of `mmlung calibrate` (default: the one beside the checkpoint when '
        'it was made for it; none: scores stay as they are)',
    )
    add(
        '--member',
        nargs=2,
        action='append',
        default=[],
        metavar=('CONFIG', 'CHECKPOINT'),
        help='one more model of an ensemble, with the same findings; may be repeated',
    )
    add('--tta', action='store_true', help="the config's test-time augmentation")
    add('--show', action='store_true', help='draw every film into DIR/figures')
    add(
        '--sr',
        action='store_true',
        help='write a DICOM structured report of every DICOM film into DIR/sr; it has '
        'the patient and study of its film, as DICOM requires (needs the extra sr)',
    )
    add(
        '--sr-overlay',
        action='store_true',
        help='with --sr, also a DICOM secondary capture with the boxes drawn in',
    )
    add('--overwrite', action='store_true', help='predict again what is there')
    add(
        '--keep-identifiers',
        action='store_true',
        help='write patient and UIDs of DICOM headers into the JSON (default: no)',
    )
    add(
        '--workers',
        type=int,
        default=min(2, os.cpu_count() or 1),
        help='processes that read films while the network computes '
        '(default: %(default)s)',
    )
    add('--batch-size', type=int, help="default: that of the config's test loader")
    add('--device', help='such as cpu or cuda:1 (default: a GPU if there is one)')
    add('--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE')
    add(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='job launcher: processes share the films (default: %(default)s)',
    )
    add(
        '--trust-checkpoint',
        nargs='+',
        default=[],
        metavar='FILE',
        help='load these files even if they hold more than weights: they can run code '
        'on this machine, so know where they come from',
    )
    add('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.workers < 0 or (args.batch_size is not None and args.batch_size < 1):
        parser.error('--workers must be at least 0 and --batch-size at least 1')
    if args.sr_overlay and not args.sr:
        parser.error('--sr-overlay needs --sr')
    return args


@one_line_errors
def main(argv: list[str] | None = None) -> int:
    """Predict the films that are left, then write the tables from all of them."""
    args = parse_args(argv)
    from mmlung.inferencer.outputs import write_errors
    from mmlung.inferencer.outputs import write_tables
    from mmlung.inferencer.processes import gathered
    from mmlung.inferencer.processes import join
    from mmlung.inferencer.run import Options
    from mmlung.inferencer.run import run

    if args.sr:
        _check_highdicom()
    films = _films(args)
    rank, n_processes = join(args.launcher)
    inferencer = _inferencer(args)
    if rank == 0:
        for note in inferencer.notes:
            print(f'warning: {note}', file=sys.stderr)
    options = Options(
        batch_size=args.batch_size,
        workers=args.workers,
        overwrite=args.overwrite,
        keep_identifiers=args.keep_identifiers,
        show=args.show,
        quiet=rank != 0,
    )
    done = gathered([run(inferencer, films[rank::n_processes], args.out, options)])
    if rank != 0:
        return 0
    failed = [film for part in done for film in part.failed]
    undrawn = [film for part in done for film in part.undrawn]
    skipped = sum(part.skipped for part in done)
    names = [film.name for film in films]
    there = {name for name in names if name not in {f.image for f in failed}}
    tables = write_tables(
        args.out,
        [name for name in names if name in there],
        inferencer.findings,
        inferencer.is_detector,
    )
    unreported = []
    if args.sr:
        unreported = _write_reports(args, [f for f in films if f.name in there])
    errors = write_errors(args.out, [*failed, *undrawn, *unreported])
    print(
        f'{len(there)} of {len(films)} films predicted'
        + (f', {skipped} of them in an earlier run' if skipped else '')
    )
    print(f'results: {", ".join(str(path) for path in (args.out / "films", *tables))}')
    for wrong, n_films, what in (
        (failed, len(films), 'failed'),
        (undrawn, len(there), 'got no picture'),
        (unreported, len(there), 'got no structured report'),
    ):
        if wrong:
            print(
                f'{len(wrong)} of {n_films} films {what}, see {errors}; first: '
                f'{wrong[0].image}: {wrong[0].reason}',
                file=sys.stderr,
            )
    return 1 if failed or undrawn or unreported else 0


def _check_highdicom() -> None:
    """Rather before the films than after them."""
    try:
        require('highdicom', extra='sr')
    except ImportError as error:
        raise ValueError(f'--sr: {error}') from error


def _write_reports(
    args: argparse.Namespace, films: list[FilmSource]
) -> list[FailedImage]:
    """DICOM reports from the JSON that is there; films that can have none.

    A report of the same JSON stays: written again it would have new UIDs, and an
    archive would keep both.
    """
    from mmlung.inferencer.decoding import reason_of
    from mmlung.inferencer.outputs import is_current
    from mmlung.inferencer.outputs import result_path
    from mmlung.result import FailedImage
    from mmlung.result import read_predictions
    from mmlung.structured_report import write_structured_report
    from mmlung.structured_report.document import without_area

    failed = []
    for film in films:
        report, overlay = (
            args.out / 'sr' / f'{film.name}.{what}.dcm' for what in ('sr', 'overlay')
        )
        make_report = not is_current(report, args.out, film.name)
        make_overlay = args.sr_overlay and not is_current(overlay, args.out, film.name)
        if not make_report and not make_overlay:
            continue
        (result,) = read_predictions(result_path(args.out, film.name)).results
        try:
            write_structured_report(
                result,
                Path(film.data),
                report if make_report else None,
                capture=overlay if make_overlay else None,
            )
            if left_out := len(without_area(result)):
                print(
                    f'warning: {film.name}: {left_out} boxes without an area in the '
                    'film are not in its report',
                    file=sys.stderr,
                )
        except (OSError, ValueError) as error:
            reason = reason_of(error).removeprefix(f'{film.data}: ')
            failed.append(FailedImage(film.name, f'no structured report: {reason}'))
    return failed


def _films(args: argparse.Namespace) -> list[FilmSource]:
    """Every film once; the pictures, reports and JSON of an earlier run are none."""
    from mmlung.inferencer import films_of
    from mmlung.inferencer.sources import distinct_names

    for given in args.images:
        if not Path(given).expanduser().exists() and not glob.has_magic(given):
            raise FileNotFoundError(f'{given} does not exist')
    named = [*films_of(args.images)]
    films = [film for film in named if not _is_result(Path(film.data), args.out)]
    if not films:
        raise ValueError(
            f'all of the {len(named)} files that were named lie in the results of an '
            f'earlier run, in {args.out}/figures or {args.out}/sr: name the folder of '
            'the films, or another folder with --out'
        )
    return distinct_names(films)


def _is_result(film: Path, out: Path) -> bool:
    """Whether a run with this folder may have written the file.

    Films may lie below the folder too, even in ``films``, where a run writes only JSON.
    """
    folders = film.parent.resolve(), *film.parent.resolve().parents
    written = out.resolve()
    if written / 'films' in folders:
        return film.suffix == '.json'
    return any(written / name in folders for name in ('figures', 'sr'))


def _inferencer(args: argparse.Namespace) -> Inferencer:
    from mmlung.checkpoint import trust
    from mmlung.config import load_config
    from mmlung.inferencer import Inferencer

    for path in args.trust_checkpoint:
        trust(path)
    pairs = [(args.config, args.checkpoint), *args.member]
    if len(pairs) > 1 and args.calibration not in (None, 'none'):
        raise ValueError(
            '--calibration FILE is of one model, and this is an ensemble: lay each '
            "model's file beside its checkpoint, or pass --calibration none"
        )
    return Inferencer(
        [load_config(config, args.cfg_options) for config, _ in pairs],
        [checkpoint for _, checkpoint in pairs],
        args.calibration,
        args.device,
        tta=args.tta,
    )


if __name__ == '__main__':
    raise SystemExit(main())

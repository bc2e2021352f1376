r"""Whether a network's maps point at the boxes that radiologists drew.

Makes the map of every boxed finding on every film of the boxes files, and prints
pointing game, energy, IoU and IoBB accuracy with intervals over patients, beside what
needs no training: a random pixel, boxes of the same size anywhere, the untrained
network, and with several folds the place where the finding lies on other folds' films
of other patients.
Several checkpoints and as many boxes files, in the same order, are pooled. A film that
a model was trained or selected on is refused where its data folder still exists.
An interrupted run goes on where it stopped. Research software, not a medical device.

Examples:
  python tools/cam_benchmark.py configs/convnext_chestxray14.py best.pth \
      --boxes data/chestxray14/boxes_test.json --method hirescam gradcam occlusion
  python tools/cam_benchmark.py CONFIG work_dirs/fold*/best.pth \
      --boxes data/folds/fold_*/boxes_test.json --randomise 50 --show sheet.png
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from mmlung.cli import one_line_errors

if TYPE_CHECKING:
    from mmlung.cam_benchmark.run import Fold
    from mmlung.cam_benchmark.run import Settings

_KEPT = ('dataset', 'split', 'split_family', 'ground_truth', 'label_file', 'fold')


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    """Command line."""
    from mmengine.config import DictAction

    parser = argparse.ArgumentParser(
        prog='mmlung cam-benchmark',
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('config', help='config file of all checkpoints')
    parser.add_argument(
        'checkpoints',
        nargs='+',
        metavar='CHECKPOINT',
        help="one, or one a fold; 'none' for the untrained network",
    )
    add = parser.add_argument
    add(
        '--boxes',
        nargs='+',
        type=Path,
        required=True,
        metavar='COCO.json',
        help='boxes of films that the checkpoint has not seen, one file a checkpoint',
    )
    add('--images-root', type=Path, help='folder of the films (default: as files say)')
    add(
        '--method',
        nargs='+',
        default=['hirescam'],
        metavar='NAME[@LAYER]',
        help='hirescam, layercam, gradcam, gradcam++, eigencam, scorecam (default: '
        'hirescam), each from the layer that `mmlung gradcam` reads or the one that is '
        'named, such as layercam@backbone.stages.1; and for classifiers occlusion, not '
        'as the first',
    )
    add(
        '--share',
        type=float,
        default=0.2,
        help="share of a map's maximum that its box includes (default: %(default)s)",
    )
    add(
        '--regions',
        choices=['largest', 'all'],
        default='largest',
        help='boxes of a map: of its largest region, or of each (default: %(default)s)',
    )
    add('--tolerance', type=float, default=0.0, help='of the pointing game, in pixels')
    add('--bootstrap', type=int, default=1000, help='resamples (default: %(default)s)')
    add('--seed', type=int, default=0, help='of resampling and shuffling')
    add(
        '--randomise',
        type=int,
        default=0,
        metavar='N',
        help="likeness of N films' maps when weights are shuffled from the head down",
    )
    add('--out', type=Path, help='FILE.json (default: work_dirs/cam_benchmark.json)')
    add('--show', type=Path, metavar='FILE.png', help='best, middle and worst 4 maps')
    add('--device', help='such as cpu or cuda:0 (default: a GPU, if any)')
    add('--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE')
    args = parser.parse_args(argv)
    if len(args.boxes) != len(args.checkpoints):
        parser.error(
            f'--boxes needs one file a checkpoint, in the same order: got '
            f'{len(args.checkpoints)} checkpoints and {len(args.boxes)} files'
        )
    if args.randomise == 1 or args.randomise < 0:
        parser.error('--randomise needs at least 2 films, or 0 for none')
    args.out = args.out or Path('work_dirs/cam_benchmark.json')
    return args


@one_line_errors
def main(argv: list[str] | None = None) -> int:
    """Score all maps, write the numbers, print the tables."""
    args = parse_args(argv)
    from mmlung._quiet import quiet_imports

    with quiet_imports():
        import mmdet  # noqa: F401
        import mmpretrain  # noqa: F401

    from mmengine.logging import MMLogger

    from mmlung.atomic import write_json
    from mmlung.cam_benchmark.run import has_places
    from mmlung.cam_benchmark.run import score_folds
    from mmlung.cam_benchmark.sanity import draw_films
    from mmlung.cam_benchmark.sanity import randomisation_check
    from mmlung.cam_benchmark.sanity import sanity_table
    from mmlung.cam_benchmark.table import tables
    from mmlung.config import load_config
    from mmlung.evaluation import cam_localization
    from mmlung.result import without_nan

    MMLogger.get_current_instance().setLevel('WARNING')
    cfg = load_config(args.config, args.cfg_options)
    folds, data = _read_folds(args)
    settings = _settings(args, folds, cfg.findings)
    if args.randomise:
        draw_films(folds[0], settings, args.randomise)  # refused before the long work
    if len(folds) > 1 and not has_places(folds):
        print('no row of places: the other folds have no films of other patients')
    store = args.out.with_suffix('.parts')
    scores = score_folds(cfg, folds, settings, store)
    reports = {
        kind: cam_localization(of_kind, settings.findings, args.bootstrap, args.seed)
        for kind, of_kind in scores.items()
    }
    print(tables(reports, settings.findings))
    content = {**_facts(args, cfg, data, settings), 'reports': reports}
    if args.randomise:
        method = args.method[0]
        rows = randomisation_check(cfg, folds[0], method, settings, args.randomise)
        content['randomisation'] = {'method': method, 'rows': rows}
        print(f'\nMaps of {method}, weights shuffled:\n\n{sanity_table(rows)}')
    write_json(args.out, without_nan(content))
    print(f'\nnumbers: {args.out}')
    if args.show:
        from mmlung.cam_benchmark.sheet import draw_sheet

        first = scores[args.method[0]]
        print(f'picture: {draw_sheet(cfg, folds, settings, first, args.show)}')
    return 0


def _read_folds(args: argparse.Namespace) -> tuple[list[Fold], list[dict[str, Any]]]:
    """Folds, checked to be unseen, and what their boxes files say of themselves."""
    from mmlung.cam_benchmark.films import check_unseen
    from mmlung.cam_benchmark.films import read_boxed_films
    from mmlung.cam_benchmark.films import trained_on
    from mmlung.cam_benchmark.run import Fold
    from mmlung.checkpoint import file_sha256
    from mmlung.provenance import UNTRAINED

    folds, data = [], []
    for checkpoint, path in zip(args.checkpoints, args.boxes, strict=True):
        films, info = read_boxed_films(path, args.images_root)
        files = [] if checkpoint == UNTRAINED else trained_on(checkpoint)
        check_unseen(films, files)
        checked = ', '.join(map(str, files)) or 'not checked: its data are not here'
        print(f'{checkpoint}: {len(films)} films of {path}; unseen: {checked}')
        folds.append(Fold(checkpoint, films))
        data.append(
            {
                'boxes': path.name,
                'boxes_sha256': file_sha256(path),
                'checkpoint_sha256': None
                if checkpoint == UNTRAINED
                else file_sha256(checkpoint),
                'checked_unseen': bool(files),
                'films': len(films),
                **{key: info[key] for key in _KEPT if key in info},
            }
        )
    return folds, data


def _settings(args: argparse.Namespace, folds: list[Fold], findings: Any) -> Settings:
    from mmlung.cam_benchmark.run import OCCLUSION
    from mmlung.cam_benchmark.run import Settings
    from mmlung.evaluation import BoxRule
    from mmlung.explain.methods import METHODS

    first, *others = (method.partition('@')[0] for method in args.method)
    if first == OCCLUSION:
        raise ValueError('--method must begin with a method of maps, not occlusion')
    unknown = [name for name in (first, *others) if name not in (*METHODS, OCCLUSION)]
    if unknown:
        raise ValueError(
            f'unknown method {", ".join(unknown)}. Known: '
            f'{", ".join((*METHODS, OCCLUSION))}.'
        )
    boxed = {name for fold in folds for film in fold.films for name in film.boxes}
    judged = [name for name in findings if name in boxed]
    if not judged:
        raise ValueError(
            f'no finding of the model is boxed: the boxes are of '
            f'{", ".join(sorted(boxed))}, the model knows {", ".join(findings)}.'
        )
    left_out = sorted(boxed - set(judged))
    if left_out:
        print(f'not judged, unknown to the model: {", ".join(left_out)}')
    return Settings(
        findings=judged,
        methods=args.method,
        rule=BoxRule(args.share, args.regions),
        tolerance_px=args.tolerance,
        device=args.device,
        seed=args.seed,
    )


def _facts(
    args: argparse.Namespace, cfg: Any, data: list[dict[str, Any]], settings: Settings
) -> dict[str, Any]:
    from dataclasses import asdict

    import mmlung
    from mmlung.provenance import config_facts
    from mmlung.provenance import versions

    return {
        'schema': 'mmlung.cam_benchmark/1',
        'mmlung': mmlung.__version__,
        'config': config_facts(cfg),
        'data': data,
        'settings': {**asdict(settings), 'bootstrap': args.bootstrap},
        'resampled': 'patients',
        'versions': versions(),
    }


if __name__ == '__main__':
    raise SystemExit(main())

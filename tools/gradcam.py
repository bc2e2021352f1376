r"""Show where a classifier or detector sees findings on films: Grad-CAM and its kin.

Per film one page in DIR/figures: the film (with a detector's boxes) and the maps of
its findings, laid over it. DIR/gradcam.json lists them; --save-maps keeps the maps as
.npy, on the pixels of the original film. An interrupted run goes on where it stopped.
A map shows what the network used, not where disease is. Research software, not a
medical device.

Examples:
  python tools/gradcam.py configs/convnext_chestxray14.py best.pth films/ --out maps
  python tools/gradcam.py configs/swin_vindr.py best.pth --cases work_dirs/swin_vindr \
      --out work_dirs/swin_vindr/maps      # the films that `mmlung report` shows
  python tools/gradcam.py configs/swin_vindr.py best.pth a.dicom 'more/*.dicom' \
      --finding Cardiomegaly --method layercam --out maps --save-maps
"""

from __future__ import annotations

import argparse
import glob
import sys
from pathlib import Path
from typing import Any

from mmlung.cli import one_line_errors


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    """Command line."""
    from mmengine.config import DictAction

    parser = argparse.ArgumentParser(
        prog='mmlung gradcam',
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('config', help='config file of a detector or classifier')
    parser.add_argument('checkpoint', help="checkpoint file, or 'none' for untrained")
    parser.add_argument(
        'images', nargs='*', help='films: files, folders, patterns; DICOM, PNG, JPEG'
    )
    parser.add_argument(
        '--cases',
        type=Path,
        metavar='WORK_DIR',
        help='instead of IMAGES: the best, worst, missed and false positive films of '
        'a test, which `mmlung report WORK_DIR` shows',
    )
    parser.add_argument(
        '--finding',
        default='top3',
        metavar='NAME|topK|all',
        help='names split by commas, the K most probable of each film, or all '
        '(default: %(default)s)',
    )
    parser.add_argument(
        '--method',
        metavar='NAME',
        help='gradcam, gradcam++, layercam, hirescam, eigencam, or scorecam '
        '(classifiers only, slow) (default: hirescam for a classifier, layercam for a '
        'detector)',
    )
    parser.add_argument(
        '--target',
        choices=['logit', 'box', 'anywhere'],
        help="what is explained: a classifier's logit; a detector's box, or the "
        'finding anywhere on the film, which exists where no box is found (default: '
        'the box, if one reaches --score-thr, else anywhere)',
    )
    parser.add_argument(
        '--score-thr',
        type=float,
        default=0.3,
        metavar='S',
        help='detector: boxes below it are not drawn on the film, and explained only '
        'where --target box asks for it (default: %(default)s)',
    )
    parser.add_argument(
        '--layer',
        metavar='NAME',
        help='dotted name of the layer that is read (default: the last with a map; '
        'of a detector the one before it; for hirescam and layercam of a classifier '
        'the last of at least 14 places a side)',
    )
    parser.add_argument('--out', type=Path, required=True, metavar='DIR')
    parser.add_argument(
        '--save-maps',
        nargs='?',
        const='float16',
        choices=['float16', 'float32'],
        help='keep the maps as .npy (default where given: float16)',
    )
    parser.add_argument(
        '--overwrite', action='store_true', help='draw again what is there'
    )
    parser.add_argument('--device', help='such as cpu or cuda:0 (default: GPU, if any)')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='override settings of the config',
    )
    parser.add_argument(
        '--trust-checkpoint',
        nargs='+',
        default=[],
        metavar='FILE',
        help='load these files even if they hold more than weights: they can run code',
    )
    args = parser.parse_args(argv)
    if bool(args.images) == (args.cases is not None):
        parser.error('give IMAGES or --cases WORK_DIR, one of them')
    return args


@one_line_errors
def main(argv: list[str] | None = None) -> int:
    """Draw the maps, print where they are; 1 when a film was skipped."""
    args = parse_args(argv)
    from mmlung._quiet import quiet_imports

    with quiet_imports():
        import mmdet  # noqa: F401
        import mmpretrain  # noqa: F401

    from mmlung.checkpoint import trust
    from mmlung.config import load_config
    from mmlung.explain import Explainer
    from mmlung.explain import load_model
    from mmlung.explain.run import FILE_NAME
    from mmlung.explain.run import MapsRun
    from mmlung.explain.run import parse_findings

    for path in args.trust_checkpoint:
        trust(path)
    films = _cases(args.cases) if args.cases else _films(args.images, args.out)
    cfg = load_config(args.config, args.cfg_options)
    model = load_model(cfg, args.checkpoint, args.device)
    explainer = Explainer(model, args.method, args.layer, args.score_thr)
    run = MapsRun(
        explainer,
        args.out,
        _head(args, cfg, explainer.method),
        parse_findings(args.finding, explainer.findings),
        args.target,
        args.save_maps,
        args.overwrite,
    )
    images = run.run(films)
    if run.zero_maps:
        print(f'{run.zero_maps} maps are zero: no place speaks for those findings')
    print(f'{len(images)} films: {args.out / FILE_NAME}, pages in {args.out}/figures')
    if run.failed:
        print(f'{len(run.failed)} of {len(films)} films were skipped', file=sys.stderr)
    return 1 if run.failed else 0


def _films(images: list[str], out: Path) -> dict[str, Path]:
    """Every file once, by the name that outputs carry; no earlier output is a film."""
    from mmlung.inferencer.sources import distinct_names
    from mmlung.inferencer.sources import films_of

    for given in images:
        if not Path(given).expanduser().exists() and not glob.has_magic(given):
            raise FileNotFoundError(f'{given} does not exist')
    made = [(out / name).resolve() for name in ('figures', 'maps')]
    found = [
        film
        for film in films_of(images)
        if not any(folder in Path(film.data).resolve().parents for folder in made)
    ]
    if not found:
        raise ValueError(f'only figures of an earlier run lie there: {images[0]}')
    return {f.name: Path(f.data) for f in distinct_names(found)}


def _cases(work_dir: Path) -> dict[str, Path]:
    """Films of the galleries of a test's report, as the test names them."""
    from mmlung.report import read_sources
    from mmlung.report import shown_films

    sources = read_sources(work_dir)
    names = shown_films(sources)
    if not names:
        raise ValueError(
            f'{work_dir} has no films to show: its predictions.json is missing, or no '
            'film has a truth. Name films instead of --cases.'
        )
    if sources.images_root is None:
        raise ValueError(
            f'the films of {work_dir} are not where its test found them. Name films '
            'instead of --cases.'
        )
    return {name: sources.images_root / name for name in names}


def _head(args: argparse.Namespace, cfg: Any, method: str) -> dict[str, Any]:
    """What a folder of maps must share to be continued; files without folders."""
    from mmlung.checkpoint import file_sha256
    from mmlung.config import config_sha256
    from mmlung.provenance import UNTRAINED

    trained = args.checkpoint != UNTRAINED
    return {
        'config': Path(args.config).name,
        'config_sha256': config_sha256(cfg),
        'checkpoint': {
            'file': Path(args.checkpoint).name,
            'sha256': file_sha256(args.checkpoint) if trained else None,
        },
        'method': method,
        'settings': {
            'finding': args.finding,
            'target': args.target,
            'score_thr': args.score_thr,
            'layer': args.layer,
            'save_maps': args.save_maps,
        },
    }


if __name__ == '__main__':
    raise SystemExit(main())

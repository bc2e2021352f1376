r"""Predict VinBigData's test films and write the CSV that Kaggle takes.

Boxes are in pixels of the original DICOM, whatever the size of the files at hand; each
film gets a score for 'No finding' (1 minus its highest box score). The films are those
of test_unlabelled.json, which `mmlung convert vindr` writes for the Kaggle release.

Examples:
  python tools/submission.py configs/swin_vindr.py work_dirs/swin_vindr/best.pth
  python tools/submission.py configs/swin_vindr.py best.pth --tta --out mine.csv
  python tools/submission.py configs/swin_vindr.py best.pth --score \
    --cfg-options test_dataloader.dataset.ann_file=val.json
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mmlung.cli import one_line_errors

if TYPE_CHECKING:
    from mmlung.submission.kaggle_csv import SubmittedImage
    from mmlung.submission.predict import Submission


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    """Command line, with OpenMMLab's flags."""
    from mmlung.running import add_runner_arguments

    parser = argparse.ArgumentParser(
        prog='mmlung submission',
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('config', help='config file of a detector')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument(
        '--out',
        type=Path,
        metavar='FILE.csv',
        help='where the submission goes (default: submission.csv in the work dir)',
    )
    parser.add_argument(
        '--score',
        action='store_true',
        help="read the file back and print Kaggle's average precision at IoU > 0.4; "
        'only where the films have labels. Also written to a JSON file beside the CSV',
    )
    parser.add_argument(
        '--drop-other-findings',
        action='store_true',
        help='leave out boxes of findings that Kaggle does not have (else an error)',
    )
    parser.add_argument(
        '--tta', action='store_true', help="the config's test-time augmentation"
    )
    add_runner_arguments(parser)
    args = parser.parse_args(argv)
    if args.out is not None and args.out.suffix != '.csv':
        parser.error(f'--out must end in .csv, got {args.out}')
    return args


@one_line_errors
def main(argv: list[str] | None = None) -> int:
    """Predict, write the CSV, read it back, and score it if asked."""
    args = parse_args(argv)
    from mmlung._quiet import quiet_imports

    with quiet_imports():
        import mmdet  # noqa: F401
        import mmpretrain  # noqa: F401

    from mmlung.atomic import write_text
    from mmlung.running import config_of
    from mmlung.submission.kaggle_csv import read_submission
    from mmlung.submission.kaggle_csv import submission_text
    from mmlung.submission.predict import predict_submission

    cfg = config_of(args)
    submission = predict_submission(
        cfg, args.checkpoint, args.tta, args.drop_other_findings, labelled=args.score
    )
    if submission is None:  # not the process that reports
        return 0
    path = args.out or Path(cfg.work_dir) / 'submission.csv'
    write_text(path, submission_text(submission.images))
    images = read_submission(path)
    n_boxes = sum(len(image.boxes) for image in images)
    print(f'{len(images)} images of {submission.annotations.name}, {n_boxes} boxes')
    for name, count in submission.left_out.items():
        print(f'left out: {count} boxes, {name}')
    if submission.never_predicted:
        print(f'never predicted: {", ".join(submission.never_predicted)}')
    if args.score:
        _score(images, submission, path)
    print(f'submission: {path}')
    return 0


def _score(images: list[SubmittedImage], submission: Submission, path: Path) -> None:
    """Print Kaggle's score and what it does not see; write both beside the CSV."""
    from mmlung.atomic import write_json
    from mmlung.result import without_nan
    from mmlung.submission.score import not_scored
    from mmlung.submission.score import score_submission

    numbers = score_submission(images, submission.annotations)
    unseen = not_scored(submission.annotations)
    for key, value in numbers.items():
        print(f'{key:<28}{value:.4g}')
    if unseen['boxes']:
        counts = ', '.join(f'{name} {n}' for name, n in unseen['boxes'].items())
        print(f'not scored, findings that Kaggle lacks (true boxes): {counts}')
        print(
            f'{unseen["images_as_no_finding"]} images with such boxes alone count as '
            'No finding'
        )
    out = path.with_suffix('.score.json')
    content = {
        'submission': path.name,
        'annotations': str(submission.annotations),
        'images': len(images),
        'metrics': numbers,
        'not_scored': unseen,
        'left_out': submission.left_out,
        'never_predicted': submission.never_predicted,
    }
    write_json(out, without_nan(content))
    print(f'score: {out}')


if __name__ == '__main__':
    raise SystemExit(main())

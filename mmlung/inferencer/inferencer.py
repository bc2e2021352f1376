"""Films in, results out: the one door for tools, reports and apps."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from typing import TypeAlias

import torch
from mmengine.config import Config

import mmlung
from mmlung.dicom import ChestImage
from mmlung.inferencer.annotating import RULE
from mmlung.inferencer.annotating import annotated
from mmlung.inferencer.annotating import calibrated_model
from mmlung.inferencer.annotating import thresholds_of
from mmlung.inferencer.batching import in_equal_batches
from mmlung.inferencer.decoding import PreparedFilm
from mmlung.inferencer.decoding import prepared_films
from mmlung.inferencer.ensemble import fused_boxes
from mmlung.inferencer.ensemble import mean_scores
from mmlung.inferencer.network import Network
from mmlung.inferencer.network import shape_key
from mmlung.inferencer.sources import films_of
from mmlung.inferencer.watching import NotFiniteError
from mmlung.provenance import versions
from mmlung.result import FailedImage
from mmlung.result import ImageResult
from mmlung.result import MadeBy

DIVERGED = 'the network returned NaN: training diverged or wrong checkpoint'
UNCALIBRATED = (
    'scores are not calibrated, and no threshold was chosen: `mmlung calibrate` does '
    'both on the data set that the model was trained on'
)

ConfigLike: TypeAlias = 'str | Path | Config'
Results = Iterator[ImageResult | FailedImage]


class Inferencer:
    """A trained classifier or detector, or an ensemble, to be asked about films.

    >>> inferencer = Inferencer('configs/swin_vindr.py', 'best.pth')  # doctest: +SKIP
    >>> for result in inferencer('films/'):  # doctest: +SKIP
    ...     print(result)

    Args:
        config: file or config; one for all checkpoints, or one each.
        checkpoint: file; several make an ensemble: mean probability for findings,
            weighted boxes fusion for boxes.
        calibration: file of ``mmlung calibrate`` (one each, for an ensemble), which
            must fit. None: the one beside the checkpoint when it fits, else scores
            stay as they are. ``'none'``: no file.
        device: by default the first GPU, else the CPU.
        tta: test-time augmentation, as ``tta_model`` and ``tta_pipeline`` say.
        rule: which of a classifier's calibrated thresholds; see
            :data:`mmlung.evaluation.cutoffs.RULES`.

    Attributes:
        findings: the model's vocabulary.
        made_by: models, hashes and versions, as every result carries them.
        notes: what a reader of the results should know, such as that nothing is
            calibrated.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a checkpoint is of another network or of other findings, or holds
            NaN; a calibration does not fit; or the members of an ensemble differ in
            their findings or in kind.
    """

    def __init__(
        self,
        config: ConfigLike | Sequence[ConfigLike],
        checkpoint: str | Path | Sequence[str | Path],
        calibration: str | Path | Sequence[str | Path] | None = None,
        device: str | torch.device | None = None,
        *,
        tta: bool = False,
        rule: str = RULE,
    ) -> None:
        checkpoints = _listed(checkpoint)
        configs = _one_each(config, len(checkpoints), 'config')
        wanted = _one_each(calibration, len(checkpoints), 'calibration')
        place = device or ('cuda' if torch.cuda.is_available() else 'cpu')
        self._networks = [
            Network(cfg, file, place, tta)
            for cfg, file in zip(configs, checkpoints, strict=True)
        ]
        _check_alike(self._networks)
        self._calibrated = [
            calibrated_model(network, file, tta, rule)
            for network, file in zip(self._networks, wanted, strict=True)
        ]
        first = self._networks[0]
        self.findings = tuple(first.findings)
        self.is_detector = first.is_detector
        self.notes = tuple(note for c in self._calibrated for note in c.notes)
        if not self.notes and not any(c.sha256 for c in self._calibrated):
            self.notes = (UNCALIBRATED,)
        self._thresholds = thresholds_of(self._calibrated, self.is_detector)
        self.made_by = MadeBy(
            tuple(network.files for network in self._networks),
            tta,
            tuple(c.sha256 for c in self._calibrated),
            (('mmlung', mmlung.__version__), *versions().items()),
        )

    def __call__(
        self, images: Any, batch_size: int | None = None, workers: int = 0
    ) -> Results:
        """Results of films, lazily and in their order.

        Films of one size are put into one batch, so that nothing is padded and no
        result depends on what else is in the batch.

        Args:
            images: whatever :func:`mmlung.inferencer.films_of` takes.
            batch_size: by default that of the config's test loader.
            workers: processes that read films while the network computes; 0: none.

        Yields:
            For each film an :class:`mmlung.result.ImageResult`, or a
            :class:`mmlung.result.FailedImage` with the reason: an unreadable film, or a
            network that returned NaN. The others go on.

        Raises:
            ValueError: batch size or workers cannot be, or a folder holds no film.
            FileNotFoundError: a glob matches no file.
        """
        size = self._networks[0].batch_size if batch_size is None else batch_size
        if size < 1 or workers < 0:
            raise ValueError(
                'batch_size must be at least 1 and workers at least 0, got '
                f'{size} and {workers}'
            )
        return self._results(images, size, workers)

    def _results(self, images: Any, batch_size: int, workers: int) -> Results:
        prepared = prepared_films(
            films_of(images), self._prepare, workers, ahead=2 * batch_size
        )
        return in_equal_batches(prepared, self._predict, _shapes, batch_size)

    def _prepare(self, film: ChestImage, name: str) -> list[dict[str, Any]]:
        return [network.prepare(film, name) for network in self._networks]

    def _predict(
        self, films: Sequence[PreparedFilm]
    ) -> list[ImageResult | FailedImage]:
        """Results of one batch; where something is NaN, film by film."""
        try:
            members = [
                calibrated_results(network.predict, calibrated.apply, films, position)
                for position, (network, calibrated) in enumerate(
                    zip(self._networks, self._calibrated, strict=True)
                )
            ]
        except NotFiniteError:
            if len(films) == 1:
                return [FailedImage(films[0].name, DIVERGED)]
            return [result for film in films for result in self._predict([film])]
        return [
            self._finished(film, same)
            for film, *same in zip(films, *members, strict=True)
        ]

    def _finished(
        self, film: PreparedFilm, members: Sequence[ImageResult]
    ) -> ImageResult:
        merge = fused_boxes if self.is_detector else mean_scores
        result = merge(members) if len(members) > 1 else members[0]
        result = annotated(result, self._thresholds, film.spacing_mm)
        return replace(
            result,
            image=film.name,
            truth=None,  # no annotation was read
            file_sha256=film.file_sha256,
            made_by=self.made_by,
        )


def calibrated_results(
    predict: Callable[..., list[ImageResult]],
    calibrate: Callable[[ImageResult], ImageResult],
    films: Sequence[PreparedFilm],
    position: int,
) -> list[ImageResult]:
    """One member's results, its own calibration applied."""
    return [calibrate(r) for r in predict([film.samples[position] for film in films])]


def _shapes(film: PreparedFilm) -> tuple:
    return tuple(shape_key(sample) for sample in film.samples)


def _listed(value: Any) -> list[Any]:
    is_one = isinstance(value, str | Path | Config) or value is None
    return [value] if is_one else list(value)


def _one_each(value: Any, n_models: int, what: str) -> list[Any]:
    listed = _listed(value)
    if len(listed) == 1 and (what == 'config' or value in (None, 'none')):
        listed *= n_models
    if len(listed) != n_models:
        raise ValueError(
            f'an ensemble of {n_models} checkpoints needs one {what} for each of them, '
            f'got {len(listed)}'
        )
    return listed


def _check_alike(networks: Sequence[Network]) -> None:
    if not networks:
        raise ValueError('an inferencer needs a checkpoint, got none')
    first = networks[0]
    for other in networks[1:]:
        if other.is_detector != first.is_detector:
            raise ValueError(
                'an ensemble is of classifiers or of detectors, not of both: '
                f'{first.checkpoint} and {other.checkpoint}'
            )
        if set(other.findings) != set(first.findings):
            raise ValueError(
                f'an ensemble must agree on its findings; {first.checkpoint} has '
                f'{", ".join(first.findings)}, and {other.checkpoint} has '
                f'{", ".join(other.findings)}'
            )

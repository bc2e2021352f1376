"""Maps over many films: pages, raw maps and gradcam.json, resumable."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from mmlung.atomic import write_json
from mmlung.checkpoint import file_sha256
from mmlung.explain.explanation import Explanation
from mmlung.explain.grad_cam import Explainer
from mmlung.explain.overlay import draw_page

SCHEMA = 'mmlung.maps/1'
FILE_NAME = 'gradcam.json'
_SAVE_EVERY = 20


def parse_findings(word: str, known: tuple[str, ...]) -> int | tuple[str, ...]:
    """``'top3'`` to 3, ``'all'`` or names split at commas to names.

    Raises:
        ValueError: an unknown name; the text lists the known.
    """
    if match := re.fullmatch(r'top(\d+)', word):
        n = int(match.group(1))
        if n < 1:
            raise ValueError('--finding topK needs K of at least 1, got top0')
        return min(n, len(known))
    if word == 'all':
        return known
    names = (word,) if word in known else tuple(part for part in word.split(','))
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(
            f'unknown finding {unknown[0]!r}. Give top3 or another number, all, or '
            f'names split by commas. Known: {", ".join(known)}.'
        )
    return names


@dataclass
class MapsRun:
    """One run over films into one folder.

    Attributes:
        explainer: draws the maps.
        out: folder, made if missing.
        head: ``config``, ``checkpoint``, ``method`` and what else says what was done;
            a folder with another head is not continued.
        findings: as :func:`parse_findings` gives it.
        target: of every map, or None for the default.
        save_maps: ``'float16'``, ``'float32'`` or None.
        overwrite: make every map again, whatever run the folder holds.
    """

    explainer: Explainer
    out: Path
    head: Mapping[str, Any]
    findings: int | tuple[str, ...]
    target: str | None = None
    save_maps: str | None = None
    overwrite: bool = False
    failed: list[dict[str, str]] = field(default_factory=list)
    zero_maps: int = 0

    def run(self, films: Mapping[str, Path]) -> list[dict[str, Any]]:
        """Draw every film that is not there yet; a bad one is noted in ``failed``.

        Args:
            films: paths by name, by the names that outputs carry.

        Returns:
            ``images`` of gradcam.json.

        Raises:
            ValueError: the folder holds maps of another run.
        """
        done = self._earlier(films)
        todo = [name for name in films if name not in done]
        for i, name in enumerate(tqdm(todo, desc='maps', unit='film'), start=1):
            try:
                done[name] = self._film(name, films[name])
            except (ValueError, OSError) as error:
                reason = ' '.join(str(error).split())
                reason = reason.replace(str(films[name]), name)  # folders stay here
                reason = reason.removeprefix(f'{name}: ')
                self.failed.append({'image': name, 'reason': reason})
                tqdm.write(f'skipped {name}: {reason}')
            if i % _SAVE_EVERY == 0:
                self._write(done)
        self._write(done)
        return list(done.values())

    def _earlier(self, films: Mapping[str, Path]) -> dict[str, dict[str, Any]]:
        """Images of a run into the same folder, of the same films, files still there.

        Films of another run that are not asked for again stay listed.
        """
        path = self.out / FILE_NAME
        if self.overwrite or not path.is_file():
            return {}
        try:
            content = json.loads(path.read_text('utf-8'))
            before = {key: content.get(key) for key in self.head}
            images = {image['image']: image for image in content['images']}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f'{path} is no {FILE_NAME} ({error!r}). Delete it, or give another '
                '--out.'
            ) from error
        differs = [key for key, value in self.head.items() if before[key] != value]
        if differs or content.get('schema') != SCHEMA:
            key = differs[0] if differs else 'schema'
            raise ValueError(
                f'{self.out} holds maps of another run: its {key} is '
                f'{content.get(key)!r}, not {self.head.get(key, SCHEMA)!r}. Give '
                'another --out, or --overwrite.'
            )
        return {
            name: image
            for name, image in images.items()
            if self._whole(image) and _is_of(image, films.get(name))
        }

    def _whole(self, image: Mapping[str, Any]) -> bool:
        paths = [m[key] for m in image['maps'] for key in ('figure', 'map') if m[key]]
        return all((self.out / path).is_file() for path in paths)

    def _write(self, done: Mapping[str, Any]) -> None:
        content = {'schema': SCHEMA, **self.head, 'images': list(done.values())}
        write_json(self.out / FILE_NAME, {**content, 'failed': self.failed})

    def _film(self, name: str, path: Path) -> dict[str, Any]:
        opened = self.explainer.open(path)
        wanted = self.findings
        names = opened.top(wanted) if isinstance(wanted, int) else wanted
        maps = [self.explainer.explain(opened, n, self.target) for n in names]
        self.zero_maps += sum(m.is_zero for m in maps)
        figure = f'figures/{name}.png'  # a, a.png and a.dcm stay apart
        draw_page(
            self.out / figure,
            opened,
            maps,
            name,
            self.explainer.method,
            self.explainer.score_thr,
        )
        height, width = opened.film.pixels.shape
        return {
            'image': name,
            'size_hw': [height, width],
            'file_sha256': file_sha256(path),
            'maps': [self._entry(m, name, figure) for m in maps],
        }

    def _entry(self, found: Explanation, name: str, figure: str) -> dict[str, Any]:
        path = None
        if self.save_maps is not None:
            safe = re.sub(r'[^\w .-]', '-', found.finding)
            path = f'maps/{name}/{safe}.npy'
            _write_npy(self.out / path, found.map.astype(self.save_maps))
        return {
            'finding': found.finding,
            'probability': round(found.probability, 6),
            'target': found.target,
            'box_xyxy': None
            if found.box_xyxy is None
            else [round(side, 2) for side in found.box_xyxy],
            'zero': found.is_zero,
            'figure': figure,
            'map': path,
        }


def _is_of(image: Mapping[str, Any], film: Path | None) -> bool:
    """Whether maps are of this very film; of none: nobody asks."""
    if film is None or not film.is_file():
        return True
    return image.get('file_sha256') == file_sha256(film)


def _write_npy(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f'{path.name}.part')
    with part.open('wb') as file:
        np.save(file, values, allow_pickle=False)
    part.replace(path)

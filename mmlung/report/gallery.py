"""Films to look at: best, worst, missed, false positive, and maps of what was seen."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from mmlung.report.box_cases import DEFAULT_THRESHOLD
from mmlung.report.cases import Case
from mmlung.report.cases import Gallery
from mmlung.report.films import embedded_picture
from mmlung.report.films import film
from mmlung.report.gaps import gone_films
from mmlung.report.markup import count
from mmlung.report.markup import joined
from mmlung.report.markup import number
from mmlung.report.markup import paragraph
from mmlung.report.markup import section
from mmlung.report.sources import Maps
from mmlung.report.sources import Sources

CASES, MAPS = 'Cases', 'What the model looked at'
MOST_MAPS = 24
_HOW = (
    'As the films lie in the file: the left of the patient is on the right of the '
    'picture where the film was taken and stored as usual; nothing was mirrored. '
)
_BOXES = (
    'Solid green, label below: ground truth. Dashed amber, label above: prediction at '
    'or above its threshold, {thresholds}. '
)


def cases_section(sources: Sources, galleries: Mapping[str, Gallery]) -> Markup:
    """All galleries, as text alone where films are not embedded."""
    if not galleries:
        reason = 'Not shown: predictions.json is missing, or no film has a truth.'
        return section(CASES, paragraph(reason, 'missing'))
    pieces = [_how(sources)]
    if gone := gone_films(sources):
        n_films = len(sources.predictions.results) if sources.predictions else 0
        reason = (
            f'{count(len(gone))} of {count(n_films)} films are no longer in their '
            'folder. Give the one they are in with `--images-root DIR`.'
        )
        pieces.append(paragraph(reason, 'missing'))
    for title, gallery in galleries.items():
        pieces.append(Markup('<h3>{}</h3>').format(title))
        pieces.append(paragraph(gallery.how, 'small'))
        if gallery.cases:
            shown = joined(_case(case, sources) for case in gallery.cases)
            pieces.append(Markup('<div class="gallery">\n{}\n</div>').format(shown))
        else:
            pieces.append(paragraph('There is no such film.', 'missing'))
    return section(CASES, *pieces)


def _how(sources: Sources) -> Markup:
    """How to look at the films, or why there are none."""
    if sources.no_films:
        return paragraph(sources.no_films, 'missing')
    if not sources.is_detector:
        return paragraph(_HOW)
    limits = (sources.metrics.get('thresholds') or {}).get('score_thr')
    if isinstance(limits, Mapping):
        thresholds = 'which Operating points lists'
    else:
        thresholds = f'{DEFAULT_THRESHOLD if limits is None else limits:g}'
    return paragraph(_HOW + _BOXES.format(thresholds=thresholds))


def _case(case: Case, sources: Sources) -> Markup:
    pictures = Markup('')
    if sources.no_films is None and sources.images_root is not None:
        pictures = _pictures(case, sources.images_root)
    return Markup(
        '<figure class="case"><div class="films">{}</div>\n<figcaption>'
        '<strong>{}</strong> {} <span class="file">{}</span></figcaption></figure>'
    ).format(pictures, case.title, case.text, case.result.image)


def _pictures(case: Case, images_root: Path) -> Markup:
    path = images_root / case.result.image
    alt = f'Chest radiograph {case.result.image}: {case.title}. {case.text}'
    try:
        whole = film(path, alt, case.drawn)
        if case.region is None:
            return whole
        return whole + film(path, f'Enlarged: {alt}', case.drawn, case.region)
    except (OSError, ValueError):  # moved or damaged since the test
        return paragraph('This film cannot be read any more.', 'missing')


def maps_section(sources: Sources) -> Markup:
    """Figures that ``mmlung gradcam`` made.

    Raises:
        ValueError: a figure's path leaves the folder.
    """
    maps = sources.maps
    if maps is None:
        reason = (
            sources.maps_left_out
            or 'There are no maps. `mmlung gradcam CONFIG CHECKPOINT FILMS --out DIR` '
            'makes them, and `--maps DIR` shows them here.'
        )
        return section(MAPS, paragraph(reason, 'missing'))
    if not sources.with_images:
        return section(MAPS, paragraph(str(sources.no_films), 'missing'))
    found = _figures(maps)
    if not found:
        reason = f'{maps.folder.name} lists no figure.'
        return section(MAPS, paragraph(reason, 'missing'))
    text = (
        f'{maps.content.get("method")}: where the network drew its score from. A map '
        'explains the score, not the disease; a plausible one is no proof. '
    )
    if len(found) > MOST_MAPS:
        text += f'The first {MOST_MAPS} of {len(found):,} are shown.'
    shown = joined(_map(name, items, maps) for name, items in found[:MOST_MAPS])
    gallery = Markup('<div class="gallery wide">\n{}\n</div>').format(shown)
    return section(MAPS, paragraph(text), gallery)


def _figures(maps: Maps) -> list[tuple[str, list[Mapping[str, Any]]]]:
    """Film and maps of each figure; one figure may show several maps."""
    by_figure: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for image in maps.content.get('images', []):
        for item in image.get('maps', []):
            if item.get('figure'):
                key = image['image'], item['figure']
                by_figure.setdefault(key, []).append(item)
    return [(name, items) for (name, _), items in by_figure.items()]


def _map(image: str, items: Sequence[Mapping[str, Any]], maps: Maps) -> Markup:
    folder, figure = maps.folder.resolve(), items[0]['figure']
    path = (folder / figure).resolve()
    if not path.is_relative_to(folder):
        raise ValueError(
            f'{maps.folder / "gradcam.json"} names a figure outside of its folder: '
            f'{figure}'
        )
    title = ', '.join(
        f'{item["finding"]} {number(item.get("probability"), 2)}' for item in items
    )
    targets = ', '.join(dict.fromkeys(str(item.get('target')) for item in items))
    alt = f'Maps over {image}: {title}, target {targets}'
    try:
        picture = embedded_picture(path, alt)
    except OSError:  # deleted since
        picture = paragraph('This figure is missing or damaged.', 'missing')
    return Markup(
        '<figure class="case">{}\n<figcaption><strong>{}</strong> target: {} '
        '<span class="file">{}</span></figcaption></figure>'
    ).format(picture, title, targets, image)

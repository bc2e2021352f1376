"""The report: every section in its order, in one page that needs nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from mmlung.atomic import write_text
from mmlung.report.box_cases import Outcome
from mmlung.report.box_cases import detected_cases
from mmlung.report.box_cases import outcomes
from mmlung.report.box_charts import froc_section
from mmlung.report.box_charts import iou_section
from mmlung.report.cases import Gallery
from mmlung.report.cases import classified_cases
from mmlung.report.cases import youden_thresholds
from mmlung.report.gallery import cases_section
from mmlung.report.gallery import maps_section
from mmlung.report.limits import checklist_section
from mmlung.report.limits import limits_section
from mmlung.report.markup import bullets
from mmlung.report.markup import count
from mmlung.report.markup import joined
from mmlung.report.markup import paragraph
from mmlung.report.probabilities import calibration_section
from mmlung.report.probabilities import points_section
from mmlung.report.ranking_charts import ranking_sections
from mmlung.report.sources import Sources
from mmlung.report.style import CSS
from mmlung.report.subgroups import subgroups_section
from mmlung.report.tested import headline_section
from mmlung.report.tested import tested_section
from mmlung.report.training import training_section

if TYPE_CHECKING:
    from mmlung.curves import Curves

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""The browser itself refuses whatever would reach outside of the file."""
NO_DEVICE = (
    'Research software, not a medical device. Nothing here may be used for decisions '
    'about patients.'
)
SHARING = (
    'This file holds pictures of films. The data use agreement of the data set may '
    'forbid sharing them, even with colleagues and in publications: read it before '
    'this file leaves your hands. --no-images makes a report without any.'
)
NAMES_ONLY = (
    'This file holds no pictures of films; it still names films of the data set.'
)
PHANTOMS = 'The films are synthetic phantoms: they show no patient.'


def write_report(path: Path, sources: Sources, curves: Curves | None = None) -> None:
    """Write the report as one HTML file.

    Args:
        path: of the file; its folder is made if missing.
        sources: what the test left.
        curves: of the recorded results; without them numbers stand alone.

    Raises:
        ValueError: a training log is damaged, or a map lies outside of its folder.
    """
    write_text(path, str(page(sources, curves)))


def page(sources: Sources, curves: Curves | None = None) -> Markup:
    """The report as text; arguments and errors as of :func:`write_report`."""
    sections = _sections(sources, curves)
    data = sources.data
    model = Path(str(sources.metrics['config'].get('file'))).stem
    title = f'Test of {model} on {data.get("dataset")}'
    lead = (
        f'{count(data.get("images"))} films, part: {data.get("split")}, split family: '
        f'{data.get("split_family")}'
    )
    return Markup(
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="robots" content="noindex">\n'
        '<title>{title}</title>\n<style>{css}</style>\n</head>\n<body>\n'
        '<header>\n<h1>{title}</h1>\n{lead}\n{warning}\n{nav}\n</header>\n'
        '<main>\n{sections}\n</main>\n<footer>{footer}</footer>\n</body>\n</html>\n'
    ).format(
        policy=_POLICY,
        title=title,
        css=Markup(CSS),
        lead=paragraph(lead, 'lead'),
        warning=_warning(sources),
        nav=_contents(sections),
        sections=joined(sections),
        footer=paragraph(
            f'Made by mmlung {sources.metrics.get("mmlung")}. {NO_DEVICE}'
        ),
    )


def holds_films(sources: Sources) -> bool:
    """Whether the page shows pictures of films that are no phantoms."""
    if not sources.with_images or sources.data.get('synthetic'):
        return False
    return sources.maps is not None or (
        sources.predictions is not None and sources.images_root is not None
    )


def shown_films(sources: Sources) -> list[str]:
    """Names of the films in the galleries, each once, as predictions.json has them."""
    galleries = _galleries(sources, _films(sources)).values()
    names = (case.result.image for gallery in galleries for case in gallery.cases)
    return list(dict.fromkeys(names))


def _films(sources: Sources) -> list[Outcome]:
    """What a detector did on each film; empty for a classifier."""
    if sources.predictions is None or not sources.is_detector:
        return []
    thresholds = sources.metrics.get('thresholds') or {}
    known = sources.predictions
    return outcomes(known.results, known.findings, thresholds.get('score_thr'))


def _galleries(sources: Sources, films: list[Outcome]) -> dict[str, Gallery]:
    if sources.is_detector:
        return detected_cases(films) if films else {}
    results = sources.predictions.results if sources.predictions else ()
    if all(result.truth is None for result in results):
        return {}
    return classified_cases(results, youden_thresholds(sources.metrics))


def _sections(sources: Sources, curves: Curves | None) -> list[Markup]:
    films = _films(sources)
    return [
        tested_section(sources),
        headline_section(sources),
        *ranking_sections(sources, curves),
        froc_section(sources, curves),
        iou_section(sources, films),
        calibration_section(sources, curves),
        points_section(sources),
        subgroups_section(sources),
        cases_section(sources, _galleries(sources, films)),
        maps_section(sources),
        training_section(sources),
        limits_section(sources),
        checklist_section(sources),
    ]


def _warning(sources: Sources) -> Markup:
    about = SHARING if holds_films(sources) else NAMES_ONLY
    if sources.data.get('synthetic'):
        about = PHANTOMS
    return Markup('<div class="warning" role="note">\n{}\n{}\n</div>').format(
        Markup('<p><strong>{}</strong></p>').format(NO_DEVICE), paragraph(about)
    )


def _contents(sections: list[Markup]) -> Markup:
    links = []
    for content in sections:
        anchor = content.split('id="', 1)[1].split('"', 1)[0]
        title = content.split('</h2>', 1)[0].rpartition('>')[2]
        links.append(Markup('<a href="#{}">{}</a>').format(anchor, Markup(title)))
    return Markup('<nav aria-label="Contents">{}</nav>').format(bullets(links))

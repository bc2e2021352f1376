"""Line charts as inline SVG that follows the page's light or dark colours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from mmlung.report.markup import joined

LEFT, RIGHT, TOP, BOTTOM = 46, 12, 8, 40
"""Margins of the plotted area, in units of the drawing."""


@dataclass(frozen=True)
class Axis:
    """One axis: its label, its ends, and where it has ticks."""

    label: str
    low: float
    high: float
    ticks: Sequence[tuple[float, str]]
    log: bool = False

    def place(self, value: float) -> float:
        """Share of the way from the low to the high end, cut off outside."""
        low, high = self.low, self.high
        value = min(max(value, low), high)
        if self.log:
            low, high, value = math.log(low), math.log(high), math.log(value)
        return (value - low) / (high - low) if high > low else 0.0


@dataclass(frozen=True)
class Series:
    """What is drawn into a chart; its CSS class gives colour and dashes.

    Attributes:
        x: (N,) values; NaN are left out.
        y: (N,) values.
        kind: ``'line'``, ``'step'`` (holds its height until the next x), ``'dots'``,
            ``'bars'`` (``width`` wide, from x on) or ``'band'``.
        style: ``'one'``, ``'two'`` or ``'chance'``.
        low: (N,) lower end of a band, or of a dot's interval.
        high: (N,) upper end.
        width: of the bars, in units of x.
    """

    x: np.ndarray
    y: np.ndarray
    kind: str = 'line'
    style: str = 'one'
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    width: float = 0.0


def unit_axis(label: str, high: float = 1.0) -> Axis:
    """From 0 to 1, or to a smaller end."""
    steps = (0.0, high / 2, high)
    return Axis(label, 0.0, high, [(value, f'{value:g}') for value in steps])


def chart(
    description: str,
    x: Axis,
    y: Axis,
    series: Sequence[Series],
    size_wh: tuple[int, int] = (260, 230),
) -> Markup:
    """A chart.

    Args:
        description: what it shows, for those who do not see it.
        x: horizontal axis.
        y: vertical axis.
        series: drawn in this order.
        size_wh: width and height of the drawing; it is scaled to the page.
    """
    width, height = size_wh
    plot = _Plot(x, y, width - LEFT - RIGHT, height - TOP - BOTTOM)
    return Markup(
        '<svg viewBox="0 0 {} {}" role="img" aria-label="{}">\n{}\n{}\n</svg>'
    ).format(
        width, height, description, plot.frame(), joined(plot.draw(s) for s in series)
    )


@dataclass(frozen=True)
class _Plot:
    x: Axis
    y: Axis
    width: int
    height: int

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Place in the drawing."""
        right = LEFT + self.x.place(x) * self.width
        return right, TOP + (1 - self.y.place(y)) * self.height

    def frame(self) -> Markup:
        """Grid, ticks and labels."""
        bottom, pieces = TOP + self.height, []
        for value, text in self.x.ticks:
            place, _ = self.at(value, self.y.low)
            pieces.append(_line('grid', (place, TOP), (place, bottom)))
            # A long number at the end of the axis would leave the drawing.
            ends = len(text) > 3 and place > LEFT + 0.95 * self.width
            anchor = 'end' if ends else 'middle'
            pieces.append(_text(place + 8 * ends, bottom + 14, text, anchor))
        for value, text in self.y.ticks:
            _, place = self.at(self.x.low, value)
            pieces.append(_line('grid', (LEFT, place), (LEFT + self.width, place)))
            pieces.append(_text(LEFT - 5, place + 3.5, text, 'end'))
        middle = LEFT + self.width / 2, TOP + self.height / 2
        pieces.append(_text(middle[0], bottom + 32, self.x.label, 'middle'))
        turned = Markup('<text class="label" transform="translate(12 {:.1f}) rotate(')
        upright = Markup('-90)" text-anchor="middle">{}</text>')
        pieces.append(turned.format(middle[1]) + upright.format(self.y.label))
        return joined(pieces)

    def draw(self, series: Series) -> Markup:
        """One series."""
        known = ~np.isnan(np.asarray(series.y, dtype=float))
        draw = getattr(self, f'_{series.kind}')
        return draw(series, np.flatnonzero(known))

    def _line(self, series: Series, known: np.ndarray) -> Markup:
        points = [self.at(series.x[i], series.y[i]) for i in known]
        return _path(series.style, points)

    def _step(self, series: Series, known: np.ndarray) -> Markup:
        points: list[tuple[float, float]] = []
        for i in known:
            x, y = self.at(series.x[i], series.y[i])
            if points:
                points.append((x, points[-1][1]))
            points.append((x, y))
        return _path(series.style, points)

    def _band(self, series: Series, known: np.ndarray) -> Markup:
        if series.low is None or series.high is None or np.isnan(series.low).all():
            return Markup('')
        up = [self.at(series.x[i], series.high[i]) for i in known]
        down = [self.at(series.x[i], series.low[i]) for i in known[::-1]]
        return _path(f'band {series.style}', up + down, closed=True)

    def _dots(self, series: Series, known: np.ndarray) -> Markup:
        pieces = []
        for i in known:
            x, y = self.at(series.x[i], series.y[i])
            if series.low is not None and series.high is not None:
                ends = [
                    self.at(series.x[i], end[i]) for end in (series.low, series.high)
                ]
                pieces.append(_line(f'whisker {series.style}', *ends))
            pieces.append(
                Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="3"/>').format(
                    series.style, x, y
                )
            )
        return joined(pieces)

    def _bars(self, series: Series, known: np.ndarray) -> Markup:
        bars = []
        for i in known:
            x, y = self.at(series.x[i], series.y[i])
            end, floor = self.at(series.x[i] + series.width, self.y.low)
            bars.append(
                Markup(
                    '<rect class="bar {}" x="{:.1f}" y="{:.1f}" width="{:.1f}" '
                    'height="{:.1f}"/>'
                ).format(series.style, x, y, max(0.5, end - x - 1), floor - y)
            )
        return joined(bars)


def _path(
    style: str, points: Sequence[tuple[float, float]], closed: bool = False
) -> Markup:
    if not points:
        return Markup('')
    # Digits of a tenth of a unit are a quarter of a pixel: enough, and small.
    text = 'L'.join(f'{x:.1f} {y:.1f}' for x, y in points)
    kind = style if closed else f'curve {style}'
    end = 'Z' if closed else ''
    return Markup('<path class="{}" d="M{}{}"/>').format(kind, text, end)


def _line(style: str, start: tuple[float, float], end: tuple[float, float]) -> Markup:
    return Markup(
        '<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>'
    ).format(style, *start, *end)


def _text(x: float, y: float, text: str, anchor: str) -> Markup:
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(
        x, y, anchor, text
    )


def panel(title: str, note: str, drawing: Markup) -> Markup:
    """A chart with its name and its numbers, a line after each semicolon."""
    lines = Markup('').join(
        Markup('<span>{}</span>').format(line) for line in note.split('; ')
    )
    return Markup(
        '<figure class="panel"><figcaption><strong>{}</strong>{}</figcaption>\n{}'
        '\n</figure>'
    ).format(title, lines, drawing)


def panels(items: Sequence[Markup]) -> Markup:
    """Charts side by side, as many as the page is wide."""
    return Markup('<div class="panels">\n{}\n</div>').format(joined(items))

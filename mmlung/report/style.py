"""The page's style sheet: light, dark, narrow and paper."""

CSS = """
:root {
  color-scheme: light dark;
  --paper: #ffffff; --ink: #1a1f24; --muted: #57616b; --rule: #d5dbe1;
  --panel: #f5f7f9; --one: #1f5fa8; --two: #b4540a; --yes: #1a7f37; --no: #b3261e;
  --warn-paper: #fff4e0; --warn-rule: #d98a00; --link: #1f5fa8;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --paper: #14181c; --ink: #e4e8ec; --muted: #a3adb7; --rule: #3a434c;
    --panel: #1d2329; --one: #7db4f0; --two: #f0a35e; --yes: #6fcf83; --no: #ff9a91;
    --warn-paper: #33270f; --warn-rule: #d98a00; --link: #8fc0f5;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 1.2rem; max-width: 76rem;
  background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif;
}
h1 { font-size: 1.7rem; line-height: 1.2; margin: .4rem 0 .2rem; }
h2 {
  font-size: 1.3rem; margin: 2.4rem 0 .6rem; padding-top: .6rem;
  border-top: 2px solid var(--rule);
}
h3 { font-size: 1.05rem; margin: 1.4rem 0 .5rem; }
h1, h2, h3, dd, td, th, figcaption, code { overflow-wrap: anywhere; }
p, ul { max-width: 48rem; }
a { color: var(--link); }
code { font-size: .82em; color: var(--muted); }
.lead, .small, .file { color: var(--muted); }
.small { font-size: .85rem; }
.file { display: block; font-size: .8rem; overflow-wrap: anywhere; }
.missing { color: var(--muted); font-style: italic; }
.warning {
  background: var(--warn-paper); border-left: 5px solid var(--warn-rule);
  padding: .7rem 1rem; margin: 1rem 0; max-width: none;
}
.warning p { margin: .3rem 0; max-width: none; }
nav ul {
  display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; padding: 0; list-style: none;
  max-width: none;
}
dl {
  display: grid; grid-template-columns: minmax(8rem, 12rem) 1fr; gap: .3rem 1rem;
  margin: .6rem 0;
}
dt { color: var(--muted); }
dd { margin: 0; }
.table { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: .9rem; min-width: 22rem; }
caption { text-align: left; font-weight: 600; padding-bottom: .35rem; }
th, td {
  padding: .28rem .7rem; border-bottom: 1px solid var(--rule); text-align: left;
  vertical-align: top; overflow-wrap: normal;
}
thead th { border-bottom: 2px solid var(--rule); vertical-align: bottom; }
tbody th { font-weight: 500; }
tbody tr:nth-child(even) { background: var(--panel); }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
thead .number { white-space: normal; }
.yes { color: var(--yes); } .no { color: var(--no); } .partly { color: var(--two); }
.yes, .no, .partly { white-space: nowrap; }
.panels {
  display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fill, minmax(min(15rem, 100%), 1fr));
}
figure { margin: 0; }
.panel { background: var(--panel); padding: .6rem .6rem .2rem; border-radius: 6px; }
.panel figcaption { font-size: .85rem; min-height: 3.2em; }
.panel figcaption strong { display: block; font-size: .95rem; }
.panel figcaption span { display: block; color: var(--muted); }
.panel svg { display: block; width: 100%; max-width: 24rem; height: auto; }
svg text { font-size: 11px; fill: var(--muted); }
.panel svg .label { fill: var(--muted); }
.grid { stroke: var(--rule); stroke-width: 1; }
.curve { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
.curve.one, .whisker.one { stroke: var(--one); }
.curve.two, .whisker.two { stroke: var(--two); stroke-dasharray: 5 3; }
.curve.chance { stroke: var(--muted); stroke-width: 1; stroke-dasharray: 3 3; }
circle.one, .bar.one, .swatch.one { fill: var(--one); background: var(--one); }
circle.two, .bar.two, .swatch.two { fill: var(--two); background: var(--two); }
circle { fill-opacity: .8; }
.band { stroke: none; fill-opacity: .18; }
.band.one { fill: var(--one); }
.whisker { stroke-width: 1.2; stroke-opacity: .65; }
.key { font-size: .9rem; }
.swatch { display: inline-block; width: .8rem; height: .8rem; border-radius: 50%; }
.swatch + .swatch { margin-left: 1rem; }
.gallery {
  display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fill, minmax(min(20rem, 100%), 1fr));
}
.gallery.wide {
  grid-template-columns: 1fr;
}
.case { background: var(--panel); padding: .5rem; border-radius: 6px; }
.case figcaption { font-size: .88rem; padding-top: .4rem; }
.case > img { display: block; max-width: 100%; height: auto; margin: 0 auto; }
.films { display: grid; gap: .4rem; }
.film { position: relative; background: #000; line-height: 0; }
.film img { width: 100%; height: auto; }
.film svg { position: absolute; inset: 0; width: 100%; height: 100%; }
.film rect { fill: none; stroke-width: 2; }
.film rect.truth { stroke: #35d07f; }
.film rect.prediction { stroke: #ffb000; stroke-dasharray: 7 4; }
.film text {
  font-size: 12px; font-weight: 600; paint-order: stroke; stroke: #000;
  stroke-width: 3px; stroke-linejoin: round;
}
.film text.truth { fill: #35d07f; }
.film text.prediction { fill: #ffb000; }
footer { margin-top: 3rem; border-top: 2px solid var(--rule); color: var(--muted); }
@media (max-width: 34rem) {
  body { padding: .8rem; }
  dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: .6rem; }
  th, td { padding: .28rem .45rem; }
}
@media print {
  @page { margin: 14mm; }
  body { font-size: 10pt; max-width: none; padding: 0; }
  nav { display: none; }
  h2, h3, h3 + .small { break-after: avoid; }
  figure, tr, .warning { break-inside: avoid; }
  caption, thead { break-after: avoid; }
  .table { overflow: visible; }
  table { font-size: 8pt; min-width: 0; }
  th, td { padding: .15rem .35rem; }
  .panels { grid-template-columns: repeat(3, 1fr); gap: .5rem; }
  .gallery { grid-template-columns: repeat(3, 1fr); gap: .5rem; }
  .gallery.wide { grid-template-columns: 1fr; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""

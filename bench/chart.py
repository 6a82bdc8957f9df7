"""A bar chart as SVG, for light and dark pages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

from bench.report import Figure, spell
from scripts.checkout import ROOT

CHART: Final = ROOT / "docs" / "benchmarks.svg"
WIDTH, LABELS, VALUES, ROW, HEAD = 760, 275, 100, 28, 40  # px

STYLE: Final = """
    text { font: 14px system-ui, sans-serif; fill: #1f2328; }
    .title { font-weight: 600; }
    .small { font-size: 12px; fill: #59636e; }
    .ours { fill: #1a7f37; }
    .other { fill: #8c959f; }
    @media (prefers-color-scheme: dark) {
      text { fill: #f0f6fc; }
      .small { fill: #9198a1; }
      .ours { fill: #3fb950; }
      .other { fill: #656c76; }
    }
"""


@dataclass(frozen=True)
class Panel:
    """Bars with the same unit. `ours` are the labels of the bars that are highlighted."""

    title: str
    bars: Sequence[tuple[str, Figure]]
    ours: frozenset[str]

    @property
    def height(self) -> int:
        return HEAD + ROW * len(self.bars)


def draw(panels: Sequence[Panel], caption: str) -> str:
    """Return the chart; the caption says when and on what the figures were measured."""
    height = sum(panel.height for panel in panels) + HEAD
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
        'role="img" aria-labelledby="title">',
        f'  <title id="title">{escape("; ".join(panel.title for panel in panels))}</title>',
        f"  <style>{STYLE}  </style>",
    ]
    top = 0
    for panel in panels:
        lines += _draw_panel(panel, top)
        top += panel.height
    lines += [f'  <text class="small" x="0" y="{height - 12}">{escape(caption)}</text>', "</svg>", ""]
    return "\n".join(lines)


def _draw_panel(panel: Panel, top: int) -> Iterator[str]:
    yield f'  <text class="title" x="0" y="{top + 24}">{escape(panel.title)}</text>'
    largest = max(figure.value for _, figure in panel.bars)
    for at, (label, figure) in enumerate(panel.bars):
        y = top + HEAD + ROW * at
        width = max(1.5, (WIDTH - LABELS - VALUES) * figure.value / largest)  # always visible
        kind = "ours" if label in panel.ours else "other"
        yield f'  <text x="{LABELS - 10}" y="{y + 15}" text-anchor="end">{escape(label)}</text>'
        yield f'  <rect class="{kind}" x="{LABELS}" y="{y + 2}" width="{width:.1f}" height="18" rx="2"/>'
        yield f'  <text x="{LABELS + width + 8:.1f}" y="{y + 15}">{escape(spell(figure))}</text>'


def write(panels: Sequence[Panel], caption: str, file: Path = CHART) -> None:
    file.write_text(draw(panels, caption))

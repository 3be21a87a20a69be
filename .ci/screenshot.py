"""Whether a screenshot of the terminal shows a market: `python .ci/screenshot.py FILE [--size 1440x900]`.

Opens the PNG with Qt and looks at the regions that have data in the layout "trading": none may be of one
colour, or blank but for a word in its middle, as a panel is that still waits.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence

from PySide6.QtCore import QRect
from PySide6.QtGui import QImage

REGIONS = {
    "markets": (0.00, 0.20, 0.26, 0.46),
    "chart": (0.27, 0.16, 0.73, 0.57),
    "order book": (0.81, 0.16, 0.99, 0.57),
    "trades": (0.81, 0.72, 0.99, 0.92),
}
"""Left, top, right and bottom of each, as shares of the window."""
TILES = 4
"""Tiles per row and per column of a region."""
PAINTED_TILES = 0.5
PAINTED_PIXELS = 0.01
"""The number of a tile's pixels that must differ from the region's main colour for the tile to count."""


def main(argv: Sequence[str] | None = None) -> int:
    """Print what is wrong; 1 if anything is."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file")
    parser.add_argument("--size", default="1440x900")
    args = parser.parse_args(argv)
    problems = list(look_at(QImage(args.file), args.size))
    for problem in problems:
        print(f"FAILED: {args.file}: {problem}", file=sys.stderr)
    if not problems:
        print(f"{args.file}: {args.size}, data in {', '.join(REGIONS)}")
    return 1 if problems else 0


def look_at(screenshot: QImage, size: str) -> Iterator[str]:
    """What is wrong with a screenshot."""
    if screenshot.isNull():
        yield "no screenshot that Qt can read"
        return
    found = f"{screenshot.width()}x{screenshot.height()}"
    if found != size:
        yield f"{found} instead of {size}"
        return
    for name, region in REGIONS.items():
        share = painted(screenshot, region)
        if share < PAINTED_TILES:
            yield f"{name}: something is painted in {share:.0%} of it"


def painted(screenshot: QImage, region: tuple[float, float, float, float]) -> float:
    """In which share of a region's tiles something is painted."""
    left, top, right, bottom = region
    width, height = screenshot.width(), screenshot.height()
    area = QRect(
        int(left * width), int(top * height), int((right - left) * width), int((bottom - top) * height)
    )
    pixels = {
        (x, y): screenshot.pixel(x, y)
        for y in range(area.top(), area.bottom() + 1)
        for x in range(area.left(), area.right() + 1)
    }
    ((ground, _),) = Counter(pixels.values()).most_common(1)
    other: Counter[tuple[int, int]] = Counter()
    for (x, y), color in pixels.items():
        if color != ground:
            other[(x - area.left()) * TILES // area.width(), (y - area.top()) * TILES // area.height()] += 1
    enough = PAINTED_PIXELS * len(pixels) / TILES**2
    return sum(count >= enough for count in other.values()) / TILES**2


if __name__ == "__main__":
    sys.exit(main())

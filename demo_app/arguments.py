"""The command line of the demo. Knows no Qt."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from qt_upbit import Region

__all__ = ["Arguments", "parse"]

_CODE: Final = re.compile(r"[A-Z0-9]+-[A-Z0-9]+")
_LONGEST_S: Final = 86_400.0
_LAYOUTS: Final = ("trading", "chart", "book", "wide", "compact")


@dataclass(frozen=True, slots=True)
class Arguments:
    """The parsed command line."""

    live: bool
    region: Region | None
    base_url: str | None
    screenshot: str | None
    after_s: float
    lang: str | None
    theme: str | None
    market: str | None
    seed: int
    size: tuple[int, int] | None
    layout: str | None = None
    settings: str | None = None
    replay: str | None = None
    upbit_data: bool = False
    """Upbit's data by the user's preference. Unlike ``--live``, orders stay off."""
    timeout_s: float = 60.0
    """How much longer than `after_s` a screenshot waits for the first data."""
    demo_trader: bool = False
    """Start the scripted trader of the simulated exchange, and show its account."""

    @property
    def simulated(self) -> bool:
        """Whether the embedded simulated exchange is used."""
        return not self.live and not self.upbit_data and self.base_url is None


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise argparse.ArgumentTypeError("must look like 1440x900")
    return int(width), int(height)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < _LONGEST_S:
        raise argparse.ArgumentTypeError("must be a number of seconds, not negative")
    return seconds


def _market(text: str) -> str:
    code = text.upper()
    if not _CODE.fullmatch(code):
        raise argparse.ArgumentTypeError("must look like KRW-BTC")
    return code


def _base_url(text: str) -> str:
    url = urlsplit(text)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise argparse.ArgumentTypeError("must look like http://127.0.0.1:8080")
    return text


def parse(argv: Sequence[str] | None = None) -> Arguments:
    """Read the command line; exits with a message and code 2 when it is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m demo_app",
        description="A trading terminal on a simulated Upbit, or with --live on the real one.",
    )
    parser.add_argument("--live", action="store_true", help="use Upbit instead of the simulated exchange")
    parser.add_argument("--region", choices=[str(r) for r in Region], help="region of Upbit")
    parser.add_argument(
        "--base-url",
        type=_base_url,
        metavar="URL",
        help="another exchange, for example http://127.0.0.1:8080",
    )
    parser.add_argument("--replay", metavar="FILE", help="play a recording instead")
    parser.add_argument("--screenshot", metavar="FILE", help="save the window as PNG and quit")
    parser.add_argument(
        "--after", type=_seconds, default=5.0, metavar="SECONDS", help="when to take the screenshot"
    )
    parser.add_argument(
        "--timeout",
        type=_seconds,
        default=60.0,
        metavar="SECONDS",
        help="how much longer to wait until every visible panel has its first data, before failing",
    )
    parser.add_argument("--lang", choices=["ko", "en"], help="overrides the settings")
    parser.add_argument("--theme", choices=["dark", "light"], help="overrides the settings")
    parser.add_argument("--layout", choices=_LAYOUTS, help="initial layout of the panels")
    parser.add_argument("--settings", metavar="FILE", help="an ini file instead of the user's own settings")
    parser.add_argument("--market", type=_market, metavar="CODE", help="initial pair, such as KRW-BTC")
    parser.add_argument("--seed", type=int, default=7, help="random seed of the simulated market")
    parser.add_argument(
        "--demo-trader",
        action="store_true",
        help="a scripted trader trades in an account of its own on the simulated exchange, which is shown",
    )
    parser.add_argument("--size", type=_size, metavar="WxH", help="size of the window")
    given = parser.parse_args(argv)
    if given.live and given.base_url:
        parser.error("--live and --base-url exclude each other")
    if given.replay and (given.live or given.base_url):
        parser.error("--replay needs no exchange: leave out --live and --base-url")
    if given.demo_trader and (given.live or given.base_url or given.replay):
        parser.error("--demo-trader needs the simulated exchange: leave out --live, --base-url and --replay")
    region = Region(given.region) if given.region else None
    return Arguments(
        given.live, region, given.base_url, given.screenshot, given.after, given.lang, given.theme,
        given.market, given.seed, given.size, given.layout, given.settings, given.replay,
        timeout_s=given.timeout, demo_trader=given.demo_trader,
    )  # fmt: skip

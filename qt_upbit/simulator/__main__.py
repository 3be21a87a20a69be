"""``python -m qt_upbit.simulator``: run the simulated exchange as a program."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
from collections.abc import Sequence
from typing import Final

from qt_upbit.config import is_loopback
from qt_upbit.console import has_console, run_program, show_dialog
from qt_upbit.regions import Region
from qt_upbit.simulator.replay.replay import Replay
from qt_upbit.simulator.settings import SimulatorSettings

_TITLE: Final = "Simulated Upbit"


def _markets(text: str) -> int | None:
    if text == "full":
        return None
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _positive(text: str) -> float:
    number = float(text)
    if number <= 0:
        raise argparse.ArgumentTypeError("must be positive")
    return number


def _loopback(text: str) -> str:
    if not is_loopback(text):
        raise argparse.ArgumentTypeError(f"{text} is not this machine: use 127.0.0.1, ::1 or localhost")
    return text


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m qt_upbit.simulator",
        description="A simulated Upbit on this machine: sockets and REST, seeded. Needs no network or keys.",
    )
    parser.add_argument(
        "--host", type=_loopback, default="127.0.0.1", help="address of this machine (default: %(default)s)"
    )
    parser.add_argument(
        "--allow-host", action="append", default=[], metavar="NAME", help="further host name to answer to"
    )
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 takes a free one (default)")
    parser.add_argument("--seed", type=int, default=7, help="seed of all randomness")
    parser.add_argument("--markets", type=_markets, default=None, metavar="N|full", help="number of pairs")
    parser.add_argument("--region", choices=[region.value for region in Region], default="kr")
    parser.add_argument("--replay", metavar="FILE", help="play a recording instead of the simulated market")
    parser.add_argument(
        "--speed", type=_positive, default=1.0, help="speed of the recording or of market time"
    )
    parser.add_argument("--rate", type=_positive, default=1.0, help="multiplies trades and book changes")
    parser.add_argument("--no-compression", action="store_true", help="do not negotiate permessage-deflate")
    parser.add_argument(
        "--auth-failure", choices=["http", "frame"], default="http", help="how a bad key is refused"
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until interrupted; return the exit code. Without a console, until a dialog is closed."""
    talks = has_console()
    return run_program(_TITLE, lambda: _main(argv, talks), show_dialog)


def _main(argv: Sequence[str] | None, talks: bool) -> int:
    args = _parse(argv)
    try:
        from qt_upbit.simulator.server.server import SimulatedServer
    except ImportError as exc:
        if (exc.name or "").partition(".")[0] != "aiohttp":
            raise
        print('the simulated exchange needs aiohttp: pip install "qt-upbit[sim]"', file=sys.stderr)
        return 2
    settings = SimulatorSettings(
        seed=args.seed,
        markets=args.markets,
        region=Region(args.region),
        rate=args.rate,
        time_scale=1.0 if args.replay else args.speed,
        compression=not args.no_compression,
        auth_failure=args.auth_failure,
        market_running=args.replay is None,
    )
    try:
        replay = Replay.from_file(args.replay, args.speed) if args.replay else None
    except (OSError, ValueError) as exc:
        print(f"cannot replay: {exc}", file=sys.stderr)
        return 1

    async def serve() -> None:
        async with SimulatedServer(
            settings, host=args.host, port=args.port, replay=replay, hosts=args.allow_host
        ) as server:
            if not talks:
                text = f"listening on {server.url}\n\nClose this to stop it."
                await asyncio.to_thread(show_dialog, _TITLE, text)
                return
            print(f"listening on {server.url}", flush=True)
            # Short sleeps: on Windows, Ctrl-C is seen only when the loop wakes up.
            while True:
                await asyncio.sleep(0.2)

    with contextlib.suppress(AttributeError, ValueError):  # no such signal on Windows, or not the main thread
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        asyncio.run(serve())
    except KeyboardInterrupt:
        return 0
    except OSError as exc:
        print(f"cannot listen on {args.host}:{args.port}: {exc.strerror or exc}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

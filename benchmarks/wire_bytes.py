"""``python -m benchmarks.wire_bytes``: what SIMPLE, compression and both save of one stream.

The same moments of the simulated market in both formats; compression as permessage-deflate does it, with the
context kept from frame to frame, in windows of several sizes.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterable, Sequence

from benchmarks.replay_server import deflate, record
from qt_upbit import WireFormat
from qt_upbit.models import decode, encode

WINDOWS = (9, 10, 11, 12, 13, 14, 15)


def deflated(frames: Iterable[bytes], window: int) -> int:
    """Bytes on the wire, without frame headers."""
    return sum(map(len, deflate(frames, window)))


def main(argv: Sequence[str] | None = None) -> None:
    """Record, measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.wire_bytes", description=__doc__)
    parser.add_argument("--codes", type=int, default=100)
    parser.add_argument("--frames", type=int, default=20_000)
    parser.add_argument("--quick", action="store_true", help="few frames")
    args = parser.parse_args(argv)
    if args.quick:
        args.frames = min(args.frames, 2000)
    _, default = asyncio.run(record(args.codes, args.frames, "DEFAULT"))
    simple = [encode(decode(frame), WireFormat.SIMPLE) for frame in default]
    whole = sum(map(len, default))
    print(
        f"{len(default)} frames of {args.codes} codes, {whole / len(default):.0f} bytes each under DEFAULT\n"
    )
    print("| share of DEFAULT uncompressed | DEFAULT | SIMPLE |\n|---|---|---|")
    print(f"| uncompressed | 100 % | {sum(map(len, simple)) / whole:.1%} |")
    for window in WINDOWS:
        shares = " | ".join(f"{deflated(frames, window) / whole:.1%}" for frames in (default, simple))
        print(f"| window of {window} bits | {shares} |", flush=True)


if __name__ == "__main__":
    main()

"""Whether a request was meant for this server, by the name it asks for.

A web page can have a name of its own resolve to 127.0.0.1 (DNS rebinding): its browser then sends the page's
requests here, without an Origin header even, and lets the page read the answers. The Host header gives
it away: it has the page's name.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Final

from qt_upbit.config import is_loopback
from qt_upbit.simulator.sessions.refusal import Refusal, error_body

__all__ = ["refuse_host"]

_HOST: Final = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9_.-]+))(?::[0-9]{1,5})?")
_MISDIRECTED: Final = 421


def refuse_host(headers: Sequence[str], names: Collection[str] = ()) -> Refusal | None:
    """The answer to a request for another host; None if it may pass.

    Args:
        headers: every Host header of the request.
        names: names that are allowed besides ``localhost`` and loopback addresses; no wildcards.
    """
    found = _HOST.fullmatch(headers[0]) if len(headers) == 1 else None
    host = "" if found is None else (found["v6"] or found["name"]).lower().removesuffix(".")
    if host and (is_loopback(host) or host in {name.lower().removesuffix(".") for name in names}):
        return None
    shown = ", ".join(headers)[:80] or "none"
    message = (
        f"Host {shown!a} is not this server: use 127.0.0.1, ::1 or localhost, or allow the name "
        "(SimulatedServer(hosts=…), --allow-host)"
    )
    return Refusal(_MISDIRECTED, error_body(_MISDIRECTED, message))

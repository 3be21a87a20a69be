"""The control API of the simulated exchange: injects faults while it runs.

On the exchange's own port, beside Upbit's paths:

``GET /simulator/faults``
    the faults there are, those that are armed, and how often each was injected
``POST /simulator/faults``
    ``{"fault": "reset", "scope": "public"}`` injects it; the answer has the number of sockets hit
``DELETE /simulator/faults``
    disarms all faults
``GET /simulator/sockets``
    the open sockets and what they are subscribed to

As a command::

    python -m qt_upbit.simulator.control http://127.0.0.1:PORT                     # list the faults
    python -m qt_upbit.simulator.control http://127.0.0.1:PORT garbage times=100   # inject one
    python -m qt_upbit.simulator.control http://127.0.0.1:PORT clear
"""

from __future__ import annotations

import argparse
import inspect
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any, Final, get_args

import msgspec

from qt_upbit.simulator.exchange import SimulatedExchange
from qt_upbit.simulator.faults.fault_injector import FaultInjector
from qt_upbit.simulator.faults.faults import FAULTS, Fault
from qt_upbit.simulator.sessions.refusal import Refusal, error_body

__all__ = ["FaultControl", "describe", "fault_of", "inject", "main"]

_FAULTS_PATH: Final = "/simulator/faults"
_SOCKETS_PATH: Final = "/simulator/sockets"
_TIMEOUT_S: Final = 10.0
_json: Final = msgspec.json.Encoder()


def fault_of(fields: Mapping[str, Any], *, strict: bool = True) -> Fault:
    """The fault that ``{"fault": name, ...}`` describes.

    Args:
        fields: its name, and the fields that differ from their default.
        strict: False converts strings to numbers and so on, for a command line.

    Raises:
        ValueError: no such fault or field, or an invalid value.
    """
    name = fields.get("fault")
    kind = FAULTS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise ValueError(f"fault: must be one of {', '.join(sorted(FAULTS))}")
    try:
        return msgspec.convert(dict(fields), kind, strict=strict)
    except msgspec.ValidationError as exc:
        raise ValueError(f"{name}: {exc}") from None


def describe(kind: type[Fault]) -> dict[str, Any]:
    """A description of a fault: what it does, and its fields with type and default."""
    summary = (inspect.getdoc(kind) or "").partition("\n")[0]
    fields = {
        field.name: {"type": _type_name(field.type), "default": msgspec.to_builtins(field.default)}
        for field in msgspec.structs.fields(kind)
    }
    return {"summary": summary, "fields": fields}


def _type_name(kind: Any) -> str:
    parts = get_args(kind) or (kind,)
    return " or ".join("null" if part is type(None) else part.__name__.lower() for part in parts)


class FaultControl:
    """The server's half: answers the HTTP calls."""

    def __init__(self, faults: FaultInjector, exchange: SimulatedExchange) -> None:
        self._faults = faults
        self._exchange = exchange

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Refusal | None:
        """The answer to a call; None if the path is not part of this API."""
        if path not in (_FAULTS_PATH, _SOCKETS_PATH):
            return None
        if any(name.lower() == "origin" for name in headers):
            return Refusal(403, error_body(403, "not for web pages"))
        match method, path:
            case "GET", "/simulator/sockets":
                return Refusal(200, _json.encode(self._sockets()))
            case "GET", "/simulator/faults":
                return Refusal(200, _json.encode(self._state()))
            case "DELETE", "/simulator/faults":
                self._faults.clear()
                return Refusal(200, _json.encode({"hit": 0}))
            case "POST", "/simulator/faults":
                return self._inject(body)
        return Refusal(405, error_body(405, "GET, POST or DELETE"))

    def _inject(self, body: bytes) -> Refusal:
        try:
            fields = msgspec.json.decode(body, type=dict[str, Any])
            hit = self._faults.inject(fault_of(fields))
        except (ValueError, msgspec.MsgspecError) as exc:
            return Refusal(400, error_body(400, str(exc)[:500]))
        return Refusal(200, _json.encode({"hit": hit}))

    def _state(self) -> dict[str, Any]:
        return {
            "kinds": {name: describe(kind) for name, kind in sorted(FAULTS.items())},
            "armed": self._faults.armed,
            "injected": self._faults.injected,
        }

    def _sockets(self) -> list[dict[str, Any]]:
        return [
            {
                "number": session.number,
                "scope": session.scope.value,
                "format": session.format.value,
                "sent": session.sent,
                "silent": session.silent,
                "subscription": [item.to_dict() for item in session.subscription],
            }
            for session in self._exchange.sessions
        ]


# --- the command's half ---------------------------------------------------------------------------


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m qt_upbit.simulator.control",
        description="Injects faults into a running simulated exchange.",
    )
    parser.add_argument("url", help="the URL that the exchange printed at start")
    parser.add_argument("fault", nargs="?", help="its name, or 'clear'; without it, list the faults")
    parser.add_argument("fields", nargs="*", metavar="field=value", help="of the fault")
    args = parser.parse_args(argv)
    try:
        if args.fault is None:
            _print_state(_call(args.url, "GET"))
        elif args.fault == "clear":
            _call(args.url, "DELETE")
            print("cleared")
        else:
            pairs = (text.partition("=") for text in args.fields)
            fault = fault_of({"fault": args.fault} | {name: value for name, _, value in pairs}, strict=False)
            hit = inject(args.url, fault)
            print(f"{args.fault}: {hit} socket(s) hit at once" if hit else f"{args.fault}: injected")
    except (OSError, ValueError) as exc:
        print(f"{args.url}: {exc}" if isinstance(exc, OSError) else str(exc), file=sys.stderr)
        return 1
    return 0


def inject(url: str, fault: Fault) -> int:
    """Inject a fault into a running exchange; return the number of sockets it hit at once.

    Blocks until the exchange has answered.

    Raises:
        OSError: the exchange cannot be reached.
        ValueError: the exchange refused the fault.
    """
    return int(_call(url, "POST", _json.encode(fault))["hit"])


def _call(url: str, method: str, body: bytes | None = None) -> dict[str, Any]:
    if not url.startswith(("http://", "https://")):
        raise ValueError("url: http://127.0.0.1:PORT")
    request = urllib.request.Request(  # noqa: S310  # checked above
        url.rstrip("/") + _FAULTS_PATH, body, {"Content-Type": "application/json"}, method=method
    )
    # No proxy: the exchange is on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=_TIMEOUT_S) as answer:
            text = answer.read()
    except urllib.error.HTTPError as exc:
        with exc:
            text = exc.read()
        try:
            message = msgspec.json.decode(text)["error"]["message"]
        except (msgspec.MsgspecError, ValueError, LookupError, TypeError):
            message = f"HTTP {exc.code}"
        raise ValueError(message) from None
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.MsgspecError:
        raise ValueError(f"{url}: answers, but is not a simulated exchange") from None


def _print_state(state: Mapping[str, Any]) -> None:
    for name, kind in state["kinds"].items():
        print(f"{name:20} {kind['summary']}")
        fields = (
            f"{field}={msgspec.json.encode(about['default']).decode()}"
            for field, about in kind["fields"].items()
        )
        print(f"{'':20} {' '.join(fields)}")
    for name, number in state["injected"].items():
        print(f"so far: {name} {number}")
    for fault in state["armed"]:
        print(f"about to: {msgspec.json.encode(fault).decode()}")


if __name__ == "__main__":
    sys.exit(main())

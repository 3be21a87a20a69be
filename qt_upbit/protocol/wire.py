"""Requests, errors, status and LIST_SUBSCRIPTIONS, encoded *and* decoded, in all four formats.

The client uses one half, the simulated exchange the other; a property test joins the two
(protocol sections 2 and 4).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import msgspec

from qt_upbit.exceptions import DecodeError
from qt_upbit.protocol.simple_format_converter import SimpleFormatConverter
from qt_upbit.types import CodeRule, WireFormat, spec_of

__all__ = [
    "BOOK_DEPTHS",
    "DEFAULT_BOOK_DEPTH",
    "LIST_SUBSCRIPTIONS",
    "PING_TEXT",
    "ErrorFrame",
    "Request",
    "RequestItem",
    "RequestRefused",
    "StatusFrame",
    "SubscriptionsFrame",
    "decode_control",
    "decode_request",
    "encode_error",
    "encode_request",
    "encode_status",
    "encode_subscriptions",
]

BOOK_DEPTHS: Final = (1, 5, 15, 30)
"""Numbers of levels a code's ``.n`` suffix may ask for (protocol section 2.4)."""

DEFAULT_BOOK_DEPTH: Final = 30

LIST_SUBSCRIPTIONS: Final = "LIST_SUBSCRIPTIONS"

PING_TEXT: Final = "PING"
"""The one message that is not JSON; answered by status UP every ten seconds (protocol section 5)."""

_encoder: Final = msgspec.json.Encoder(decimal_format="number")
_decoder: Final = msgspec.json.Decoder(float_hook=Decimal)
_converter: Final = SimpleFormatConverter()


@dataclass(frozen=True, slots=True)
class RequestItem:
    """One data-type object of a request.

    Attributes:
        type: Upbit's type, ``candle.1m`` with its unit.
        codes: pairs, for order books with an optional ``.n`` depth suffix; None leaves the key out.
        is_only_snapshot: one first snapshot, then nothing.
        is_only_realtime: no first snapshot.
        options: further keys of the spec's ``options``, for example ``level``.
    """

    type: str
    codes: tuple[str, ...] | None = None
    is_only_snapshot: bool = False
    is_only_realtime: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The object as Upbit reads it; flags that are off are left out."""
        item: dict[str, Any] = {"type": self.type}
        if self.codes is not None:
            item["codes"] = list(self.codes)
        if self.is_only_snapshot:
            item["is_only_snapshot"] = True
        if self.is_only_realtime:
            item["is_only_realtime"] = True
        return item | dict(self.options)


@dataclass(frozen=True, slots=True)
class Request:
    """A message from client to server: a whole subscription, or a question.

    Attributes:
        ticket: any text; a UUID is recommended.
        items: what is wanted; it *replaces* everything wanted before (protocol section 2.5).
        format: None leaves it out, which means DEFAULT.
        method: ``LIST_SUBSCRIPTIONS`` or None.
    """

    ticket: str
    items: tuple[RequestItem, ...] = ()
    format: WireFormat | None = WireFormat.DEFAULT
    method: str | None = None


class RequestRefused(Exception):
    """What the server says of a request it does not understand (protocol section 4)."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(name, message)
        self.name = name
        self.message = message


def encode_request(request: Request) -> str:
    """The request as the text frame to send: ticket first, format last."""
    parts: list[dict[str, Any]] = [{"ticket": request.ticket}]
    if request.method is not None:
        parts.append({"method": request.method})
    parts.extend(item.to_dict() for item in request.items)
    if request.format is not None:
        parts.append({"format": request.format.value})
    return _encoder.encode(parts).decode()


_WRONG_FORMAT: Final = ("WRONG_FORMAT", "Format 이 맞지 않습니다.")
_NO_TICKET: Final = ("NO_TICKET", "티켓이 존재하지 않거나, 유효하지 않습니다.")
_NO_TYPE: Final = ("NO_TYPE", "타입이 존재하지 않습니다.")
_NO_CODES: Final = ("NO_CODES", "코드가 존재하지 않습니다.")

_FLAGS: Final = {
    "is_only_snapshot": ("is_only_snapshot", "isOnlySnapshot"),
    "is_only_realtime": ("is_only_realtime", "isOnlyRealtime"),
}


def decode_request(raw: str | bytes, *, camel_case_flags: bool = True) -> Request:
    """A client's message as the exchange understands it; objects are found by key, in any order.

    Args:
        raw: the frame's content.
        camel_case_flags: whether the flags' older names count (unverified today).

    Raises:
        RequestRefused: with Upbit's error name and text.
    """
    try:
        parts = _decoder.decode(raw)
    except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError) as exc:
        raise RequestRefused(*_WRONG_FORMAT) from exc
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise RequestRefused(*_WRONG_FORMAT)
    ticket: str | None = None
    format: WireFormat | None = None
    method: str | None = None
    items: list[RequestItem] = []
    for part in parts:
        if "ticket" in part:
            ticket = part["ticket"] if isinstance(part["ticket"], str) else None
        elif "format" in part:
            if not isinstance(part["format"], str):
                raise RequestRefused(*_WRONG_FORMAT)
            if part["format"] not in set(WireFormat):
                raise RequestRefused("INVALID_PARAM", f"{part['format']} 은 지원하지 않는 포맷입니다.")
            format = WireFormat(part["format"])
        elif "method" in part:
            if not isinstance(part["method"], str):
                raise RequestRefused(*_WRONG_FORMAT)
            if part["method"] != LIST_SUBSCRIPTIONS:
                raise RequestRefused("INVALID_PARAM", f"{part['method']} 은 지원하지 않는 메서드입니다.")
            method = LIST_SUBSCRIPTIONS
        else:
            items.append(_decode_item(part, camel_case_flags))
    if not ticket:
        raise RequestRefused(*_NO_TICKET)
    if method is None and not items:
        raise RequestRefused(*_NO_TYPE)
    return Request(ticket, tuple(items), format, method)


def _decode_item(part: dict[str, Any], camel_case_flags: bool) -> RequestItem:
    wire_type = part.get("type")
    if wire_type is None:
        raise RequestRefused(*_NO_TYPE)
    if not isinstance(wire_type, str):
        raise RequestRefused(*_WRONG_FORMAT)
    spec = spec_of(wire_type)
    if spec is None:
        raise RequestRefused("INVALID_PARAM", f"{wire_type} 은 지원하지 않는 타입입니다.")
    codes = part.get("codes")
    if codes is not None and (not isinstance(codes, list) or not all(isinstance(c, str) for c in codes)):
        raise RequestRefused(*_WRONG_FORMAT)
    if spec.codes is CodeRule.FORBIDDEN and codes is not None:
        raise RequestRefused(*_WRONG_FORMAT)
    if spec.codes is CodeRule.REQUIRED and not codes:
        raise RequestRefused(*_NO_CODES)
    flags = {}
    for name, spellings in _FLAGS.items():
        value = next((part[s] for s in spellings[: 1 + camel_case_flags] if s in part), False)
        if not isinstance(value, bool):
            raise RequestRefused(*_WRONG_FORMAT)
        flags[name] = value
    options = {key: part[key] for key in spec.option_names if key in part}
    return RequestItem(wire_type, None if codes is None else tuple(codes), options=options, **flags)


# --- server to client: everything that is not an event --------------------------------------------


@dataclass(frozen=True, slots=True)
class ErrorFrame:
    """``{"error": {"name": …, "message": …}}``; the server closes soon after (protocol section 4)."""

    name: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class StatusFrame:
    """``{"status": "UP"}``, the heartbeat that a text ``PING`` starts."""

    status: str


@dataclass(frozen=True, slots=True)
class SubscriptionsFrame:
    """The answer to LIST_SUBSCRIPTIONS.

    Attributes:
        ticket: the ticket of the question.
        result: entries under DEFAULT names, whatever the format was.
    """

    ticket: str
    result: tuple[dict[str, Any], ...]


ControlFrame = ErrorFrame | StatusFrame | SubscriptionsFrame


def decode_control(raw: bytes) -> ControlFrame | None:
    """An error, status or LIST_SUBSCRIPTIONS frame, also inside an array; None for anything else.

    Raises:
        DecodeError: not JSON at all, or one of these with an unreadable body.
    """
    try:
        payload = _decoder.decode(raw)
    except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError) as exc:
        # Arithmetic: Decimal knows no exponent of twenty digits.
        raise DecodeError(str(exc), raw) from exc
    if isinstance(payload, list) and len(payload) == 1:
        payload = payload[0]
    if not isinstance(payload, dict):
        return None
    error = payload.get("error")
    if isinstance(error, dict):
        return ErrorFrame(_text(error.get("name")), _text(error.get("message")))
    if "status" in payload:
        return StatusFrame(_text(payload["status"]))
    if "method" in payload or "mthd" in payload:
        reply = _converter.to_default(payload) if "mthd" in payload else payload
        result = reply.get("result")
        if not isinstance(result, list) or not all(isinstance(entry, dict) for entry in result):
            raise DecodeError("result of LIST_SUBSCRIPTIONS is not a list of objects", raw)
        return SubscriptionsFrame(_text(reply.get("ticket")), tuple(result))
    return None


def _text(value: Any) -> str:
    """Text as it is; of anything else only that it is something: its own text may be endless."""
    if isinstance(value, int | None):
        return "" if value is None else str(value)
    return value if isinstance(value, str) else type(value).__name__


def encode_error(name: str, message: str) -> bytes:
    """An error frame; a plain object in every format (the list formats' form is unverified)."""
    return _encoder.encode({"error": {"name": name, "message": message}})


def encode_status(status: str = "UP") -> bytes:
    """A status frame."""
    return _encoder.encode({"status": status})


def encode_subscriptions(ticket: str, items: Iterable[RequestItem], format: WireFormat) -> bytes:
    """The answer to LIST_SUBSCRIPTIONS for what `items` had asked."""
    result: list[dict[str, Any]] = []
    for item in items:
        entry: dict[str, Any] = {"type": item.type}
        if item.codes is not None:
            entry["codes"] = list(item.codes)
        spec = spec_of(item.type)
        if spec is not None and spec.has_depth:
            entry["level"] = item.options.get("level", 0)
        result.append(entry | dict(item.options))
    reply: dict[str, Any] = {"method": LIST_SUBSCRIPTIONS, "result": result, "ticket": ticket}
    return _encoder.encode(_converter.to_simple(reply) if format.is_simple else reply)

"""`Refusal`: a handshake or call answered with an HTTP status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

__all__ = ["Refusal", "error_body"]

_json: Final = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Refusal:
    """An HTTP answer, usually one that refuses a handshake or call."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def error_body(name: str | int, message: str) -> bytes:
    """The body of an HTTP error."""
    return _json.encode({"error": {"name": name, "message": message}})

"""What the server's errors mean: which of them blame our pace, and how long to stay away."""

from __future__ import annotations

import math
from typing import Final

from qt_upbit.exceptions import AuthenticationError, ConnectionFailedError, QtUpbitError, ServerError
from qt_upbit.protocol.wire import ErrorFrame

__all__ = ["blames_pace", "error_of", "time_to_stay_away"]

_BLOCKED_DEFAULT_S: Final = 60.0
"""How long to stay away after 418 when the answer does not say (protocol section 6.1)."""
_BLOCKED_MAX_S: Final = 24 * 3600.0
_PACE_ERRORS: Final = {
    "Too Many Requests": 1.0,
    "TOO_MANY_REQUESTS": 1.0,
    "I'm a teapot": _BLOCKED_DEFAULT_S,
}
"""Error frames that blame our pace and not what was asked for, and how long to stay away."""


def error_of(frame: ErrorFrame) -> AuthenticationError | ServerError:
    """The exception for an error frame."""
    if frame.name == "INVALID_AUTH":
        return AuthenticationError(frame.name)
    return ServerError(frame.name, frame.message)


def blames_pace(error: QtUpbitError) -> bool:
    """Whether an error frame says that we ask too often, whatever we ask for."""
    return isinstance(error, ServerError) and error.name in _PACE_ERRORS


def time_to_stay_away(error: QtUpbitError) -> float:
    """Seconds the server asked us to stay away; 0.0 if it did not."""
    wait = 0.0
    if isinstance(error, ServerError):
        wait = _PACE_ERRORS.get(error.name, 0.0)
    elif isinstance(error, ConnectionFailedError):
        asked = error.retry_after_s
        wait = {429: 1.0, 418: _BLOCKED_DEFAULT_S}.get(error.status or 0, 0.0) if asked is None else asked
    return min(max(wait, 0.0), _BLOCKED_MAX_S) if not math.isnan(wait) else 0.0

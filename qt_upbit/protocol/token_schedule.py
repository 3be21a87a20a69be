"""`TokenSchedule`: the tokens of one scope's handshakes, and when a connection needs a new one."""

from __future__ import annotations

import math
from typing import Final

from qt_upbit.config import SecretHeaders
from qt_upbit.exceptions import AuthenticationError, QtUpbitError
from qt_upbit.protocol.jwt_manager import JWTManager, Token

__all__ = ["TokenSchedule"]

_RETRY_S: Final = 5.0
_RETRY_MAX_S: Final = 300.0
_DOUBLINGS: Final = 10
"""More would not make the pause longer."""


class TokenSchedule:
    """Issues a token for each handshake, since each is good for one, and says when it should be replaced.

    A renewal that fails is tried again after pauses that double; one that was refused because of the key is
    not, since a refused key stays refused until it is changed and the old connection is as good as it was.

    Args:
        jwt: makes tokens; None for a scope without, or without keys.
    """

    def __init__(self, jwt: JWTManager | None) -> None:
        self._jwt = jwt
        self._token: Token | None = None
        self._fresh: Token | None = None
        """Made for a renewal that has not opened its socket yet."""
        self._due = math.inf
        self._failures = 0

    @property
    def due(self) -> float:
        """When a renewal should begin, on the clock of the calls; infinite for never."""
        return self._due

    def replace_keys(self, jwt: JWTManager | None) -> None:
        """Other keys: what was issued with the old ones is forgotten."""
        self._jwt = jwt
        self._token = self._fresh = None
        self._due = math.inf
        self._failures = 0

    def headers(self, now: float) -> SecretHeaders:
        """The headers of one handshake that begins now."""
        if self._jwt is None:
            return SecretHeaders()
        fresh, self._fresh = self._fresh, None
        self._token = fresh if fresh is not None else self._jwt.issue(now)
        self._due = math.inf if self._token.renew_at is None else self._token.renew_at
        return self._token.authorization_header

    def is_due(self, now: float) -> bool:
        """Whether a renewal should begin now; if so, `headers` will give the token that was made for it."""
        if now < self._due or self._jwt is None or self._token is None:
            return False
        self._fresh = self._jwt.refresh_token_if_needed(self._token, now)
        return True

    def begun(self) -> None:
        """A renewal has begun; there is nothing to do until it succeeds or fails."""
        self._due = math.inf

    def not_begun(self, now: float) -> None:
        """The connection could not be renewed in its state; look again."""
        self._fresh = None
        renew_at = None if self._token is None else self._token.renew_at
        self._due = math.inf if renew_at is None else max(renew_at, now + _RETRY_S)

    def succeeded(self) -> None:
        """The connection with the new token took over."""
        self._failures = 0

    def failed(self, error: QtUpbitError, now: float) -> None:
        """A renewal failed; the old connection goes on."""
        if isinstance(error, AuthenticationError):
            self._due = math.inf
        else:
            self._due = now + min(_RETRY_S * 2.0**self._failures, _RETRY_MAX_S)
            self._failures = min(self._failures + 1, _DOUBLINGS)

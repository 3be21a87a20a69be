"""`JWTManager`: the token of each request and handshake, and when it is renewed (protocol section 8)."""

from __future__ import annotations

import hashlib
import uuid
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import jwt
from jwt.warnings import InsecureKeyLengthWarning

from qt_upbit.config import Credentials, SecretHeaders

__all__ = ["JWTManager", "Token", "query_string"]

_RENEW_AT_SHARE: Final = 0.8
"""A token is renewed after this share of its lifetime: late enough to be rare, early enough to fail once."""


@dataclass(frozen=True, slots=True)
class Token:
    """The token of one handshake. Its text shows in no repr.

    Attributes:
        text: the JWT.
        issued_at: seconds on the clock that the manager was asked with.
        renew_at: when another should take its place; None never.
    """

    text: str = field(repr=False)
    issued_at: float
    renew_at: float | None

    @property
    def authorization_header(self) -> SecretHeaders:
        """The header of a private handshake."""
        return SecretHeaders(Authorization=f"Bearer {self.text}")

    def __reduce_ex__(self, protocol: object) -> Any:
        """Refuse: a pickle would hold the token in plain text."""
        raise TypeError("tokens are not pickled or copied: issue another")


def query_string(params: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> str:
    """The text that ``query_hash`` is made of: in the order sent, not URL-encoded, arrays as ``key[]=``."""
    pairs = params.items() if isinstance(params, Mapping) else params
    parts: list[str] = []
    for key, value in pairs:
        if isinstance(value, list | tuple):
            parts.extend(f"{key}[]={_spelled(item)}" for item in value)
        else:
            parts.append(f"{key}={_spelled(value)}")
    return "&".join(parts)


def _spelled(value: Any) -> str:
    # As it stands in the address and in a JSON body, not as Python spells it.
    return str(value).lower() if isinstance(value, bool) else str(value)


class JWTManager:
    """Makes a fresh, single-use token for every request; holds the keys and never shows them.

    Args:
        credentials: the API key.
        algorithm: ``HS512`` (Upbit's recommendation) or ``HS256``.
        new_nonce: a new unique text each time; Upbit refuses a repeated one.
        lifetime_s: how long a connection may live on one token; None forever. Upbit documents no
            lifetime, so this is the application's own caution.
    """

    def __init__(
        self,
        credentials: Credentials,
        algorithm: str = "HS512",
        new_nonce: Callable[[], str] = lambda: str(uuid.uuid4()),
        lifetime_s: float | None = None,
    ) -> None:
        if lifetime_s is not None and lifetime_s <= 0:
            raise ValueError("lifetime_s must be positive, or None forever")
        if algorithm not in ("HS512", "HS256"):
            raise ValueError(f"algorithm must be HS512 or HS256, not {algorithm!r}")
        self._credentials = credentials
        self._algorithm = algorithm
        self._new_nonce = new_nonce
        self._lifetime_s = lifetime_s

    def __repr__(self) -> str:
        return f"JWTManager(algorithm={self._algorithm!r})"

    def create_token(self, params: Mapping[str, Any] | Iterable[tuple[str, Any]] | None = None) -> str:
        """A token for one handshake, or for one REST request with `params`. Never reuse it."""
        claims = {"nonce": self._new_nonce()}
        query = query_string(params) if params is not None else ""
        if query:
            claims["query_hash"] = hashlib.sha512(query.encode()).hexdigest()
            claims["query_hash_alg"] = "SHA512"
        keys = self._credentials
        with warnings.catch_warnings():
            # Upbit issues 40-character secrets and asks for HS512; neither is ours to change.
            warnings.simplefilter("ignore", InsecureKeyLengthWarning)
            # No variable of ours ever holds a key: tools that report errors show variables.
            return jwt.encode(
                {"access_key": keys.access_key.get_secret_value(), **claims},
                keys.secret_key.get_secret_value(),
                algorithm=self._algorithm,
            )

    def authorization_header(self) -> SecretHeaders:
        """The header of one handshake, with a fresh nonce, for who does not renew."""
        return SecretHeaders(Authorization=f"Bearer {self.create_token()}")

    def issue(self, now: float) -> Token:
        """The token of one handshake, with a fresh nonce; `now` in seconds of any steady clock."""
        lifetime = self._lifetime_s
        renew_at = None if lifetime is None else now + _RENEW_AT_SHARE * lifetime
        return Token(self.create_token(), now, renew_at)

    def refresh_token_if_needed(self, token: Token, now: float) -> Token | None:
        """A fresh token if 80 % of the lifetime of `token` is over, else None."""
        if token.renew_at is None or now < token.renew_at:
            return None
        return self.issue(now)

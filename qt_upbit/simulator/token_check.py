"""`TokenCheck`: whether a request carries a token that the exchange accepts (protocol section 8)."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import Final

import jwt

__all__ = ["TokenCheck", "TokenRefused"]

_TEXTS: Final = {
    "invalid_query_payload": "Failed to verify the query of Jwt.",
    "no_authorization_ip": "This is not a verified IP.",
    "out_of_scope": "권한이 부족합니다.",
}
_NONCES_KEPT: Final = 100_000


class TokenRefused(Exception):
    """The token does not open anything; with Upbit's error name and text (protocol section 9.5)."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name
        self.message = _TEXTS.get(name, "Failed to verify Jwt token.")


class TokenCheck:
    """Verifies tokens against one key; each nonce is good for one use."""

    def __init__(self, access_key: str, secret_key: str) -> None:
        self._access_key = access_key
        self._secret_key = secret_key
        self._nonces: OrderedDict[str, None] = OrderedDict()

    def verify(self, authorization: str | None, query: str = "") -> None:
        """Accept a request or raise.

        Args:
            authorization: the header's value.
            query: the query string that the token must vouch for, not URL-encoded; empty for sockets.

        Raises:
            TokenRefused: with the reason.
        """
        if not authorization:
            raise TokenRefused("no_authorization_token")
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise TokenRefused("jwt_verification")
        try:
            claims = jwt.decode(
                token.strip(),
                self._secret_key,
                algorithms=["HS512", "HS384", "HS256"],
                options={"verify_aud": False, "verify_iat": False},
            )
        except jwt.ExpiredSignatureError as exc:
            raise TokenRefused("expired_access_key") from exc
        except jwt.PyJWTError as exc:
            raise TokenRefused("jwt_verification") from exc
        nonce = claims.get("nonce")
        if claims.get("access_key") != self._access_key:
            raise TokenRefused("invalid_access_key")
        if not isinstance(nonce, str) or not nonce:
            raise TokenRefused("jwt_verification")
        if query:
            digest = hashlib.sha512(query.encode()).hexdigest()
            if claims.get("query_hash") != digest or claims.get("query_hash_alg", "SHA512") != "SHA512":
                raise TokenRefused("invalid_query_payload")
        if nonce in self._nonces:
            raise TokenRefused("nonce_used")
        self._nonces[nonce] = None
        if len(self._nonces) > _NONCES_KEPT:
            self._nonces.popitem(last=False)

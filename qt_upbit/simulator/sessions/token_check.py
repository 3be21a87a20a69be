"""`TokenCheck`: whether a request carries a token that the exchange accepts (protocol section 8)."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
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
    """The token is not valid; with Upbit's error name and text (protocol section 9.5)."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name
        self.message = _TEXTS.get(name, "Failed to verify Jwt token.")


class TokenCheck:
    """Verifies tokens against the known keys; each nonce of a key can be used once.

    Args:
        access_key: of the first key.
        secret_key: its secret.
        further: more keys, access key → secret.
    """

    def __init__(self, access_key: str, secret_key: str, further: Mapping[str, str] | None = None) -> None:
        self._secrets = {access_key: secret_key} | dict(further or {})
        self._nonces: OrderedDict[tuple[str, str], None] = OrderedDict()

    def claimed_key(self, authorization: str | None) -> str | None:
        """The known access key that a request names, verified or not; None if it names none."""
        try:
            return self._read(authorization)[1]
        except TokenRefused:
            return None

    def _read(self, authorization: str | None) -> tuple[str, str]:
        """The token and access key of a header; verifies only that the key is known."""
        if not authorization:
            raise TokenRefused("no_authorization_token")
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise TokenRefused("jwt_verification")
        try:
            claims = jwt.decode(token.strip(), options={"verify_signature": False})
        except jwt.PyJWTError as exc:
            raise TokenRefused("jwt_verification") from exc
        access_key = claims.get("access_key")
        if not isinstance(access_key, str) or access_key not in self._secrets:
            raise TokenRefused("invalid_access_key")
        return token.strip(), access_key

    def verify(self, authorization: str | None, query: str = "") -> str:
        """Verify a request; return its access key.

        Args:
            authorization: the header's value.
            query: the query string that the token must hash, not URL-encoded; empty for sockets.

        Raises:
            TokenRefused: with the reason.
        """
        token, access_key = self._read(authorization)
        try:
            claims = jwt.decode(
                token,
                self._secrets[access_key],
                algorithms=["HS512", "HS384", "HS256"],
                options={"verify_aud": False, "verify_iat": False},
            )
        except jwt.ExpiredSignatureError as exc:
            raise TokenRefused("expired_access_key") from exc
        except jwt.PyJWTError as exc:
            raise TokenRefused("jwt_verification") from exc
        nonce = claims.get("nonce")
        if not isinstance(nonce, str) or not nonce:
            raise TokenRefused("jwt_verification")
        if query:
            digest = hashlib.sha512(query.encode()).hexdigest()
            if claims.get("query_hash") != digest or claims.get("query_hash_alg", "SHA512") != "SHA512":
                raise TokenRefused("invalid_query_payload")
        if (access_key, nonce) in self._nonces:
            raise TokenRefused("nonce_used")
        self._nonces[access_key, nonce] = None
        if len(self._nonces) > _NONCES_KEPT:
            self._nonces.popitem(last=False)
        return access_key

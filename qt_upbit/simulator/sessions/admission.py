"""`Admission`: who may connect, and whose account a token opens (protocol sections 6.1 and 8)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

from qt_upbit.simulator.account.account import Account
from qt_upbit.simulator.sessions.rate_window import RateWindow
from qt_upbit.simulator.sessions.refusal import Refusal, error_body
from qt_upbit.simulator.sessions.token_check import TokenCheck, TokenRefused
from qt_upbit.simulator.settings import SimulatorSettings
from qt_upbit.types import Scope

__all__ = ["Admission"]

_TOO_MANY: Final = error_body(429, "Too many API requests.")


class Admission:
    """Checks tokens and counts connections.

    Args:
        settings: keys, limits, and how refusals look.
        accounts: by access key, the first account first.
        violations: broken limits are counted here.

    Attributes:
        tokens: the known keys.
        refuse_keys_with: an error name with which every token is refused; None checks them.
    """

    def __init__(
        self, settings: SimulatorSettings, accounts: Mapping[str, Account], violations: Counter[str]
    ) -> None:
        self.tokens = TokenCheck(
            settings.access_key,
            settings.secret_key,
            {each.access_key: each.secret_key for each in settings.further_accounts},
        )
        self.refuse_keys_with: str | None = None
        self._settings = settings
        self._accounts = accounts
        self._violations = violations
        self._connects: dict[str, RateWindow] = {}
        self._origins: dict[str, RateWindow] = {}

    def verify_token(self, authorization: str | None, query: str = "") -> Account:
        """The account that a token opens.

        Args:
            authorization: the header's value.
            query: the query string that the token must hash, not URL-encoded.

        Raises:
            TokenRefused: the token is not valid.
        """
        if self.refuse_keys_with is not None:
            raise TokenRefused(self.refuse_keys_with)
        return self._account_of(self.tokens.verify(authorization, query))

    def claimed_account(self, authorization: str | None) -> Account:
        """The account that a header names, verified or not; the first one if it names none."""
        return self._account_of(self.tokens.claimed_key(authorization))

    def _account_of(self, access_key: str | None) -> Account:
        # `tokens` may have been replaced by one with keys that have no account.
        return self._accounts.get(access_key or "") or next(iter(self._accounts.values()))

    def admit(self, scope: Scope, headers: Mapping[str, str], address: str, now: float) -> Refusal | None:
        """Check a handshake; None accepts it. Counts against the connection limits.

        Args:
            scope: the endpoint.
            headers: of the handshake, names in lower case.
            address: of the caller.
            now: the exchange's time.
        """
        if "origin" in headers and scope is Scope.PUBLIC and not self.is_origin_allowed(address, now):
            refused = {"Remaining-Req": "group=origin; min=6; sec=0", "Retry-After": "10"}
            return Refusal(429, _TOO_MANY, refused)
        authorization = headers.get("authorization")
        key = self.tokens.claimed_key(authorization) if scope.needs_auth else None
        group = f"{scope.value}:{key or address}"
        window = self._connects.setdefault(group, RateWindow(self._settings.connects_per_second, 1.0))
        if not window.hit(now):
            self._violations["connect"] += 1
            if self._settings.connect_excess == "http":
                return Refusal(429, _TOO_MANY, {"Retry-After": "1"})
        if scope.needs_auth and self._settings.auth_failure == "http":
            try:
                self.verify_token(authorization)
            except TokenRefused as exc:
                return Refusal(401, error_body(exc.name, exc.message))
        return None

    def is_origin_allowed(self, address: str, now: float) -> bool:
        """Count a request with an Origin header; whether it is allowed (protocol section 6.1)."""
        window = self._origins.setdefault(address, RateWindow(1, self._settings.origin_interval_s))
        if window.hit(now):
            return True
        self._violations["origin"] += 1
        return False

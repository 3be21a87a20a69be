"""Everything qt_upbit raises or reports, as one tree.

    QtUpbitError
    ├── ConfigError                  a setting, key or environment variable is unusable
    ├── LocalProtocolError           a request that the protocol does not support
    │   ├── InvalidSubscriptionError a code, unit, depth, level or option is wrong
    │   │   └── InvalidRequestError  the same in a REST call: empty, out of range or of the wrong type
    │   ├── CredentialsRequiredError a private stream was requested without keys
    │   └── InvalidOrderError        an order that Upbit would refuse
    ├── ProxyClosedError             the proxy, subscription or manager is closed
    ├── WrongThreadError             one of our QObjects was used outside the GUI thread
    ├── WrongLoopError               the asyncio loop that runs is not driven by Qt's
    ├── WaitTimeoutError             what was awaited did not come in the time allowed
    ├── SubscriptionError            codes never delivered although the connection is fine
    ├── RemoteError                  the exchange, or the way to it, failed
    │   ├── ServerError              Upbit answered with an error frame
    │   ├── AuthenticationError      Upbit refused the key or the token
    │   ├── ConnectionFailedError    no connection: DNS, TCP, TLS, HTTP status, timeout
    │   ├── DecodeError              a frame does not match the documentation
    │   ├── OddFieldError            a field of a frame does not; the rest of it arrives
    │   ├── RestError                Upbit answered a REST call with an error
    │   │   └── RateLimitedError     too many calls; says how long to wait
    │   └── OrderOutcomeError        an order was sent and its outcome is unknown
    │       └── CancelOutcomeError   the same of a cancellation
    └── CallbackError                a callback or slot of the application raised

`LocalProtocolError` raises at the call that made the mistake. `RemoteError` never raises out of
the receive path: it is counted and reported through ``error_occurred``. Fields first, text in
``__str__``; no field ever holds a key or a token.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = [
    "AuthenticationError",
    "CallbackError",
    "CancelOutcomeError",
    "ConfigError",
    "ConnectionFailedError",
    "CredentialsRequiredError",
    "DecodeError",
    "InvalidOrderError",
    "InvalidRequestError",
    "InvalidSubscriptionError",
    "LocalProtocolError",
    "OddFieldError",
    "OrderOutcomeError",
    "ProxyClosedError",
    "QtUpbitError",
    "RateLimitedError",
    "RemoteError",
    "RestError",
    "ServerError",
    "SubscriptionError",
    "WaitTimeoutError",
    "WrongLoopError",
    "WrongThreadError",
    "is_retryable",
]

_SAMPLE_LIMIT = 160
"""A hostile frame must not fill a log: errors include at most this many characters of it."""
_REASON_LIMIT = 400
"""Reasons quote the values they are about, which come from the other side too."""


def _bounded(text: str, limit: int = _SAMPLE_LIMIT) -> str:
    """Untrusted text, truncated; lone surrogates would make the error itself impossible to log."""
    return text[:limit].encode(errors="replace").decode()


class QtUpbitError(Exception):
    """Base of all errors of this library."""


class ConfigError(QtUpbitError, ValueError):
    """A setting, key or environment variable is unusable; the message names it and a valid value."""


class LocalProtocolError(QtUpbitError):
    """The application requested something that the protocol does not support."""


class InvalidSubscriptionError(LocalProtocolError, ValueError):
    """A code, unit, depth, level or option of a subscription or REST query is wrong."""


class InvalidRequestError(InvalidSubscriptionError, TypeError):
    """An argument of a REST call is empty, out of range or of the wrong type; nothing was sent.

    The message says what is valid. It is both a ValueError and a TypeError, so catching either works.
    """


class CredentialsRequiredError(LocalProtocolError):
    """A private stream was requested and no keys are configured."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.stream = stream

    def __str__(self) -> str:
        return (
            f"{self.stream} needs API keys: pass Credentials to GlobalWebSocketManager.configure(...) "
            "or set UPBIT_ACCESS_KEY and UPBIT_SECRET_KEY"
        )


class InvalidOrderError(LocalProtocolError, ValueError):
    """An order that Upbit would refuse; nothing was sent.

    Attributes:
        field: the argument that is wrong, for example ``price``.
        value: what was given, as text.
        reason: the rule, and a valid value.
        market_rule: which rule of the market is broken, as a field of `OrderRules`; empty for any other.
        is_documented: that rule is taken from the documentation, because the exchange's own is not known.
    """

    def __init__(
        self,
        field: str,
        value: object,
        reason: str,
        market_rule: str = "",
        is_documented: bool = False,
    ) -> None:
        self.field = field
        self.value = str(value)[:_SAMPLE_LIMIT]
        self.reason = reason
        self.market_rule = market_rule
        self.is_documented = is_documented
        super().__init__(field, self.value, reason, market_rule, is_documented)

    def __str__(self) -> str:
        source = " (as documented; the exchange's own rule is not known yet)" if self.is_documented else ""
        return f"{self.field} {self.value}: {self.reason}{source}"


class ProxyClosedError(QtUpbitError, RuntimeError):
    """The proxy, subscription or manager was already closed."""


class WrongThreadError(QtUpbitError, RuntimeError):
    """A QObject of this library was used outside the thread it lives in."""


class WrongLoopError(QtUpbitError, RuntimeError):
    """The asyncio loop that runs is not one that works inside Qt's; the message has the line that helps."""


class WaitTimeoutError(QtUpbitError, TimeoutError):
    """What was awaited did not come in the time allowed. What it waited for goes on, except a snapshot.

    Attributes:
        what: what was awaited, and the codes that are missing.
        waited_s: for how long, seconds.
        reason: the last cause that is known, for example why there is no connection; None if there is none.
    """

    def __init__(self, what: str, waited_s: float, reason: QtUpbitError | None = None) -> None:
        self.what = _bounded(what, _REASON_LIMIT)
        self.waited_s = waited_s
        self.reason = reason
        super().__init__(self.what, waited_s, reason)

    def __str__(self) -> str:
        why = f": {self.reason}" if self.reason is not None else ""
        return f"{self.what} did not come within {self.waited_s:g} s{why}"


class SubscriptionError(QtUpbitError):
    """Codes of a subscription never delivered.

    Upbit silently ignores unknown codes, lower-case codes and unsupported levels
    (protocol section 4), so the missing data is the only sign.

    Attributes:
        codes: the codes without data, sorted.
        stream: the wire type, for example ``ticker``.
        waited_s: how long we waited for the first frame, seconds.
    """

    def __init__(self, stream: str, codes: Iterable[str], waited_s: float) -> None:
        self.stream = stream
        self.codes = tuple(sorted(codes))
        self.waited_s = waited_s
        super().__init__(stream, self.codes, waited_s)

    def __str__(self) -> str:
        return (
            f"no {self.stream} data for {', '.join(self.codes) or 'this stream'} in {self.waited_s:g} s: "
            "check the codes against the list of markets (unknown codes and levels are ignored by Upbit)"
        )


class RemoteError(QtUpbitError):
    """The exchange, or the way to it, did something unexpected."""


class ServerError(RemoteError):
    """Upbit answered with an error frame; it closes the connection about 0.2 s later.

    Attributes:
        name: Upbit's error name, for example ``INVALID_PARAM`` (protocol section 4).
        message: Upbit's own text, usually Korean.
    """

    def __init__(self, name: str, message: str = "") -> None:
        self.name = _bounded(name)
        self.message = _bounded(message)
        super().__init__(self.name, self.message)

    def __str__(self) -> str:
        return f"Upbit refused the request: {self.name} ({self.message})"


class AuthenticationError(RemoteError):
    """Upbit refused the key or the token; no retry until the keys change or you call `reconnect`.

    Attributes:
        status: HTTP status of the handshake, or None when the refusal came as a frame.
        name: Upbit's error name if there is one, for example ``no_authorization_ip``.
    """

    def __init__(self, name: str = "", status: int | None = None) -> None:
        self.name = _bounded(name)
        self.status = status
        super().__init__(self.name, status)

    @property
    def advice(self) -> str:
        """What the name means and what to do."""
        return _AUTH_ADVICE.get(
            self.name, "check the key, its expiry, its allowed IP addresses and its permissions"
        )

    def __str__(self) -> str:
        how = f"HTTP {self.status}" if self.status is not None else "error frame"
        reason = f" {self.name}" if self.name else ""
        return f"Upbit refused the API key ({how}{reason}): {self.advice}"


_BAD_KEY = "access key and secret key do not match or do not exist: copy both again"
_AUTH_ADVICE = {
    "invalid_access_key": _BAD_KEY,
    "jwt_verification": _BAD_KEY,
    "expired_access_key": "the key has expired (keys live for a year): issue a new one",
    "no_authorization_ip": "this computer's IP address is not on the key's list: add it on Upbit's page",
    "out_of_scope": "the key lacks a permission (자산조회, 주문조회 or 주문하기): issue one that has it",
    "nonce_used": "the token was used before: connect again",
}


class ConnectionFailedError(RemoteError):
    """A connection could not be opened, or it broke.

    Attributes:
        reason: what happened, without secrets.
        status: HTTP status of a refused handshake, else None.
        retry_after_s: seconds the server asked us to wait, else None.
    """

    def __init__(self, reason: str, status: int | None = None, retry_after_s: float | None = None) -> None:
        self.reason = _bounded(reason, _REASON_LIMIT)
        self.status = status
        self.retry_after_s = retry_after_s
        super().__init__(self.reason, status, retry_after_s)

    def __str__(self) -> str:
        status = f" (HTTP {self.status})" if self.status is not None else ""
        return f"connection failed{status}: {self.reason}"


class DecodeError(RemoteError, ValueError):
    """A frame does not match the documentation.

    Attributes:
        reason: what was expected and what was found, with the field's path, size-bounded.
        sample: the beginning of the frame, size-bounded.
    """

    def __init__(self, reason: str, raw: bytes | str = b"") -> None:
        self.reason = _bounded(reason, _REASON_LIMIT)
        text = raw if isinstance(raw, str) else raw[: _SAMPLE_LIMIT * 4].decode("utf-8", "replace")
        self.sample = _bounded(text)
        super().__init__(self.reason, self.sample)

    def __str__(self) -> str:
        return f"cannot read frame: {self.reason}; frame begins {self.sample!r}"


class OddFieldError(RemoteError):
    """A field of an event does not match the documentation: it is None, and the rest of the event arrives.

    Reported once for each field of each type; `Metrics.odd_fields` counts.

    Attributes:
        type: of the event, ``candle.1m`` with its unit.
        field: its name in the event.
        problem: what the frame said, size-bounded.
    """

    def __init__(self, type: str, field: str, problem: str) -> None:
        self.type = _bounded(type)
        self.field = field
        self.problem = _bounded(problem)
        super().__init__(self.type, self.field, self.problem)

    def __str__(self) -> str:
        return f"{self.type}: {self.field} is not what Upbit documents and is None now: {self.problem}"


class RestError(RemoteError):
    """Upbit answered a REST call with an error, or with something undocumented.

    Attributes:
        status: HTTP status; None when no answer came.
        name: Upbit's error name as text, for example ``insufficient_funds_bid``; the Quotation API
            gives the status instead (protocol section 9.5).
        message: Upbit's own text, usually Korean.
        call: method and path.
        was_sent: the request may have reached Upbit; False when it certainly never left.
    """

    def __init__(
        self,
        call: str,
        status: int | None,
        name: str = "",
        message: str = "",
        *,
        was_sent: bool = True,
    ) -> None:
        self.call = call
        self.status = status
        self.name = _bounded(name)
        self.message = _bounded(message, _REASON_LIMIT)
        self.was_sent = was_sent
        super().__init__(call, status, self.name, self.message)

    def __str__(self) -> str:
        status = "no answer" if self.status is None else f"HTTP {self.status}"
        detail = " ".join(part for part in (self.name, f"({self.message})" if self.message else "") if part)
        return f"{self.call}: {status} {detail}".rstrip()


class RateLimitedError(RestError):
    """Too many calls (429), or blocked after too many (418).

    Attributes:
        retry_after_s: seconds to wait; calls of this group raise at once until then.
    """

    def __init__(
        self,
        call: str,
        status: int | None,
        name: str = "",
        message: str = "",
        retry_after_s: float = 1.0,
        *,
        was_sent: bool = True,
    ) -> None:
        super().__init__(call, status, name, message, was_sent=was_sent)
        self.retry_after_s = retry_after_s
        self.args = (call, status, self.name, self.message, retry_after_s)

    def __str__(self) -> str:
        return f"{super().__str__()}; wait {self.retry_after_s:g} s"


class OrderOutcomeError(RemoteError):
    """An order was sent, its outcome is unknown, and looking it up did not find it.

    Attributes:
        identifier: of the order; `get_order(identifier=…)` asks again.
        asked_for_s: how long it was looked up, seconds.
        found_none: Upbit's last answer was that no such order exists, so it very probably was not placed;
            False when Upbit could not be asked.
        answer: what came instead of Upbit's answer, for example ``HTTP 502``; empty when nothing came.
        uuid: Upbit's id of the order if it was found but the order that it replaces could not be read; empty
            when it was not found.
        replaced_state: state of the order that was to be replaced, ``wait``, ``done`` or ``cancel``, after
            the look-up; empty if there is none, or it could not be read.
    """

    def __init__(
        self,
        identifier: str,
        asked_for_s: float,
        found_none: bool,
        *,
        answer: str = "",
        uuid: str = "",
        replaced_state: str = "",
    ) -> None:
        self.identifier = identifier
        self.asked_for_s = asked_for_s
        self.found_none = found_none
        self.answer = _bounded(answer)
        self.uuid = _bounded(uuid)
        self.replaced_state = _bounded(replaced_state)
        super().__init__(identifier, asked_for_s, found_none)

    def __str__(self) -> str:
        if self.uuid:
            return (
                f"the order {self.identifier} was placed as {self.uuid}, but the order that it replaces "
                f"could not be read in {self.asked_for_s:g} s"
            )
        answer = f"no clear answer ({self.answer})" if self.answer else "no answer"
        what = "Upbit knows no such order" if self.found_none else "Upbit cannot be asked"
        old = f"; the order that it replaces is in state {self.replaced_state}" if self.replaced_state else ""
        return (
            f"{answer} to the order {self.identifier}, and {what} after {self.asked_for_s:g} s{old}; it is "
            "not sent again: ask for it by this identifier before you place another"
        )


class CancelOutcomeError(OrderOutcomeError):
    """Orders were to be cancelled, and of some it is unknown whether they are, or they are still open.

    Each id that was asked for is in one of the four lists; after a call that names no ids, the orders that
    were open when it began. Ids are those of the call: Upbit's, or yours.

    Attributes:
        cancelled: Upbit has accepted their cancellation, or they are cancelled.
        ended: they ended otherwise, or Upbit could not cancel them.
        still_open: they were open at the last look-up. A request still in flight may cancel them yet.
        unknown: could not be looked up; with `found_none`, Upbit knows no such order.

    If all are empty, the open orders could not be read before; with `found_none`, none is open now.
    """

    def __init__(
        self,
        asked_for_s: float,
        *,
        found_none: bool = False,
        answer: str = "",
        cancelled: Iterable[str] = (),
        ended: Iterable[str] = (),
        still_open: Iterable[str] = (),
        unknown: Iterable[str] = (),
    ) -> None:
        self.cancelled = tuple(cancelled)
        self.ended = tuple(ended)
        self.still_open = tuple(still_open)
        self.unknown = tuple(unknown)
        in_doubt = (*self.still_open, *self.unknown)
        super().__init__(in_doubt[0] if in_doubt else "", asked_for_s, found_none, answer=answer)

    def __str__(self) -> str:
        answer = f"no clear answer ({self.answer})" if self.answer else "no clear answer"
        parts = (
            ("still open", self.still_open),
            ("unknown to Upbit" if self.found_none else "unknown", self.unknown),
            ("cancelled", self.cancelled),
            ("ended otherwise", self.ended),
        )
        known = "; ".join(f"{what}: {_named(ids)}" for what, ids in parts if ids)
        if not known:
            known = "no such order is open" if self.found_none else "the open orders cannot be read"
        return f"{answer} to a cancellation; after {self.asked_for_s:g} s {known}; look at the open orders"


def _named(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - 3} more" if len(ids) > 3 else ""
    return ", ".join(_bounded(each, 64) for each in ids[:3]) + more


class CallbackError(QtUpbitError):
    """A callback of the application raised; the other receivers were still served.

    Attributes:
        owner: name of the proxy whose callback raised.
        callback: the callback's qualified name. ``__cause__`` is the exception itself.
    """

    def __init__(self, owner: str, callback: str) -> None:
        self.owner = owner
        self.callback = callback
        super().__init__(owner, callback)

    def __str__(self) -> str:
        cause = f": {type(self.__cause__).__name__}: {self.__cause__}" if self.__cause__ else ""
        return f"callback {self.callback} of {self.owner} raised{cause}"


def is_retryable(error: BaseException) -> bool:
    """Whether waiting and trying again can help. Decided here and nowhere else."""
    if isinstance(error, RestError):
        return error.status is None or error.status >= 500 or isinstance(error, RateLimitedError)
    return isinstance(error, RemoteError) and not isinstance(error, AuthenticationError | OrderOutcomeError)

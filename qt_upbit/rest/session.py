"""`RestSession`: signed calls through Upbit's official SDK within the rate limits, as bytes or our errors.

The SDK signs, sends and knows the URLs. Its exceptions stop here: they contain the request and the token.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import importlib.util
import itertools
import re
import ssl
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from qt_upbit.config import WebSocketConfig
from qt_upbit.error_log import logger_of
from qt_upbit.exceptions import (
    AuthenticationError,
    ConfigError,
    CredentialsRequiredError,
    ProxyClosedError,
    RateLimitedError,
    RestError,
    is_retryable,
)
from qt_upbit.network import failures
from qt_upbit.network.background import call_in_thread
from qt_upbit.network.network import Network
from qt_upbit.protocol.error_table import ORDER_NOT_FOUND
from qt_upbit.rest.endpoints import Endpoint
from qt_upbit.rest.rate_groups import RateGroups
from qt_upbit.rest.running_calls import RunningCalls

if TYPE_CHECKING:
    from upbit import AsyncUpbit

__all__ = ["RestSession"]

_log: Final = logger_of("rest")
_ATTEMPTS: Final = 3
_PAUSE_S: Final = 0.25
_BLOCK_S: Final = 60.0
"""Block time after a 418 that does not say how long (protocol section 6.1)."""
_SECONDS: Final = re.compile(r"(\d+)\s*(?:초|sec)")
_NEVER_LEFT: Final = frozenset(
    ("ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol")
)
"""Errors of the HTTP library from before there was a connection to send the request on."""
_CONNECTING: Final = frozenset(
    ("connect_tcp", "setup_socks5_connection", "start_tls", "retry", "close", "response_closed")
)
"""What the HTTP library traces before a request leaves; anything else means that it may have left."""
_departure: ContextVar[_Departure] = ContextVar("qt_upbit REST departure")


@dataclass
class _Departure:
    """Whether a request may have left this machine.

    Attributes:
        is_traced: the HTTP library has told about it.
        is_under_way: it has begun to leave; a connection, or a proxy asked for one, is not that yet.
    """

    is_traced: bool = False
    is_under_way: bool = False

    async def note(self, event: str, about: Mapping[str, Any]) -> None:
        """Take note of an event such as ``http11.send_request_headers.started``."""
        self.is_traced = True
        step, _, phase = event.rpartition(".")
        is_connecting = step.rpartition(".")[2] in _CONNECTING
        is_connect = getattr(about.get("request"), "method", b"") == b"CONNECT"
        if phase == "started" and not is_connecting and not is_connect:
            self.is_under_way = True

    def never_left(self, error_name: str) -> bool:
        """Whether it is certain that nothing left, given the HTTP library's error."""
        return error_name in _NEVER_LEFT or (self.is_traced and not self.is_under_way)


class RestSession:
    """Makes calls: waits for their turn, has the SDK sign and send them, retries what may be retried.

    Args:
        config: URLs, keys, timeouts.
        clock: seconds, monotonic.
        sleep: waits the given number of seconds.

    Attributes:
        groups: the rate limit groups.
        running: calls in progress; enter it around a sequence of calls.

    Raises:
        ConfigError: the extra ``rest`` is not installed.
    """

    def __init__(
        self,
        config: WebSocketConfig,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        if not self.is_available():
            raise ConfigError("REST calls need Upbit's SDK: pip install 'qt-upbit[rest]'")
        self._config = config
        self._network = Network(config)
        self._host = urlsplit(config.rest_url).hostname or ""
        self._sleep = sleep
        self.groups = RateGroups(clock, sleep)
        self._sdk: Any = None
        self._client: AsyncUpbit | None = None
        self._loading = asyncio.Lock()
        self.running = RunningCalls(clock, sleep)
        self._requests: set[asyncio.Task[tuple[str | None, bytes]]] = set()
        self._closed = False
        self.on_order_not_found: Callable[[str], object] = lambda key: None
        """Called with the uuid or identifier of an order that the exchange says it does not know."""

    @staticmethod
    def is_available() -> bool:
        """Whether the extra ``rest`` is installed."""
        return importlib.util.find_spec("upbit") is not None

    async def aclose(self) -> None:
        """Close the HTTP connections; waiting calls fail. Idempotent."""
        self._closed = True
        # Cancelled first: a connection opened after the HTTP library has closed all of them would stay open.
        requests = tuple(self._requests)
        for request in requests:
            request.cancel()
        if requests:
            await asyncio.wait(requests)
            # What was connecting is closed in the loop's next turn, which may be its last.
            await asyncio.sleep(0)
        client, self._client = self._client, None
        if client is not None:
            await client.close()
            await asyncio.sleep(0)

    async def retire(self) -> None:
        """Close once the running calls, and the calls that follow from them, are done. Idempotent."""
        await self.running.wait_until_over()
        await self.aclose()

    async def ask(self, endpoint: Endpoint, **query: Any) -> bytes:
        """Make a call; returns the body of a successful response.

        Raises:
            AuthenticationError, RateLimitedError, RestError: the exchange refused, or did not answer.
            CredentialsRequiredError: the endpoint is private and there are no keys.
            ProxyClosedError: after `aclose`.
        """
        with self.running:
            return await self._answer(endpoint, query)

    async def _answer(self, endpoint: Endpoint, query: Mapping[str, Any]) -> bytes:
        if endpoint.is_private and self._config.credentials is None:
            raise CredentialsRequiredError(endpoint.name)
        self._check_open()
        # Before the wait: it takes long the first time, and calls are counted when they leave.
        await self._connected(endpoint)
        for attempt in itertools.count(1):
            await self.groups.wait(endpoint.group, endpoint.name)
            client = await self._connected(endpoint)  # after the wait: we may have been closed meanwhile
            departure = _Departure()
            try:
                remaining, body = await self._request(client, endpoint, query, departure)
            except self._sdk.APIError as exc:
                error = self._translate(endpoint, exc, departure)
            except RestError as exc:
                error = exc
            else:
                self.groups.note(endpoint.group, remaining)
                _log.debug("%s: answered, %d bytes", endpoint.name, len(body))
                return body
            _log.debug("%s: attempt %d failed: %s", endpoint.name, attempt, error)
            if attempt == _ATTEMPTS or not self._may_repeat(endpoint, error):
                self._notify_if_not_found(error, query)
                # Without a cause: the SDK's exceptions contain the request and thereby the token.
                raise error
            if not isinstance(error, RateLimitedError):
                await self._sleep(_PAUSE_S * 2**attempt)
        raise AssertionError("itertools.count never ends")

    def _notify_if_not_found(self, error: Exception, query: Mapping[str, Any]) -> None:
        if isinstance(error, RestError) and error.name == ORDER_NOT_FOUND:
            for key, value in query.items():
                if key.endswith(("uuid", "identifier")) and isinstance(value, str):
                    self.on_order_not_found(value)

    async def _request(
        self, client: AsyncUpbit, endpoint: Endpoint, query: Mapping[str, Any], departure: _Departure
    ) -> tuple[str | None, bytes]:
        """Send a request, which is cancelled with this session or with the calling task."""
        request = asyncio.create_task(_send(client, endpoint, query, self._sdk.APIError, departure))
        self._requests.add(request)
        request.add_done_callback(self._requests.discard)
        try:
            return await request
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not self._closed or (task is not None and task.cancelling()):
                raise
            raise RestError(
                endpoint.name, None, "closed", "the client was closed before the answer",
                was_sent=not departure.never_left(""),
            ) from None  # fmt: skip

    @staticmethod
    def _may_repeat(endpoint: Endpoint, error: Exception) -> bool:
        # What changes something is looked up before it is sent again, after 429 too (`rest.look_up`).
        if not endpoint.is_safe:
            return False
        if isinstance(error, RateLimitedError):
            return error.status == 429  # the group is paused
        return isinstance(error, RestError) and is_retryable(error)

    def _translate(
        self, endpoint: Endpoint, exc: Any, departure: _Departure
    ) -> AuthenticationError | ConfigError | RestError:
        sdk = self._sdk
        if isinstance(exc, sdk.APIStatusError):
            return self._translate_status(endpoint, exc)
        if (wrong := failures.config_error_in(exc)) is not None:
            return wrong.with_traceback(None)
        cause = exc.__cause__ if exc.__cause__ is not None else exc
        what = type(cause).__name__
        if departure.never_left(what):
            said = self._network.describe(cause, self._host)
            return RestError(endpoint.name, None, what, f"no connection: {said}", was_sent=False)
        return RestError(endpoint.name, None, what, "the exchange did not answer")

    def _translate_status(self, endpoint: Endpoint, exc: Any) -> AuthenticationError | RestError:
        status = int(exc.status_code)
        error = exc.body.get("error", {}) if isinstance(exc.body, Mapping) else {}
        error = error if isinstance(error, Mapping) else {}
        name, message = str(error.get("name", "")), str(error.get("message", ""))
        headers = exc.response.headers
        self.groups.note(endpoint.group, headers.get("remaining-req"))
        if status == 429:
            wait = _seconds(headers.get("retry-after"), "") or 1.0
            self.groups.pause(endpoint.group, wait)
            return RateLimitedError(endpoint.name, status, name, message, wait)
        if status == 418:
            wait = _seconds(headers.get("retry-after"), message) or _BLOCK_S
            self.groups.penalise(endpoint.group, wait)
            return RateLimitedError(endpoint.name, status, name, message, wait)
        if status == 401 or (status == 403 and name == "out_of_scope"):
            return AuthenticationError(name, status)
        return RestError(endpoint.name, status, name, message)

    def _check_open(self) -> None:
        if self._closed:
            raise ProxyClosedError("this RestClient is closed: make a new one")

    async def _connected(self, endpoint: Endpoint) -> AsyncUpbit:
        async with self._loading:
            try:
                if self._sdk is None:
                    # It takes longer to import than everything else together: the GUI must not wait for it.
                    self._sdk = await call_in_thread(_load_sdk, "qt_upbit REST imports")
                self._check_open()
                if self._client is None:
                    client = await self._make_client()
                    if self._closed:
                        await client.close()
                        self._check_open()
                    self._client = client
                return self._client
            except OSError as exc:  # certificates that cannot be read, no file handle left
                said = self._network.describe(exc, self._host)
                raise RestError(
                    endpoint.name, None, type(exc).__name__, f"no connection: {said}", was_sent=False
                ) from None

    async def _make_client(self) -> AsyncUpbit:
        config = self._config
        context = None
        if config.rest_url.startswith("https:"):
            context = await self._network.tls_context()
        return await call_in_thread(lambda: self._client_with(context), "qt_upbit REST client")

    def _client_with(self, context: ssl.SSLContext | None) -> AsyncUpbit:
        # It imports the HTTP library, which the base package does not have.
        from qt_upbit.rest.http_transport import HttpTransport

        config, keys = self._config, self._config.credentials
        # Proxies and trust are the transport's. Redirects are not followed: they could carry an order to
        # another server. Upbit sends none.
        http = self._sdk.DefaultAsyncHttpxClient(
            transport=HttpTransport(config, self._network, context),
            trust_env=False,
            follow_redirects=False,
            event_hooks={"request": [_watch]},
        )
        # Keys are always passed: without them the SDK would read the environment.
        client: AsyncUpbit = self._sdk.AsyncUpbit(
            access_key="" if keys is None else keys.access_key.get_secret_value(),
            secret_key="" if keys is None else keys.secret_key.get_secret_value(),
            base_url=config.rest_url.removesuffix("/v1"),
            timeout=config.rest_timeout_s,
            max_retries=0,
            http_client=http,
        )
        return client


async def _watch(request: Any) -> None:
    """Have the HTTP library tell when a request of this task leaves."""
    request.extensions["trace"] = _departure.get().note


async def _send(
    client: AsyncUpbit,
    endpoint: Endpoint,
    query: Mapping[str, Any],
    api_error: type[Exception],
    departure: _Departure,
) -> tuple[str | None, bytes]:
    """Send a request; returns the header ``remaining-req`` and the body of the response."""
    _departure.set(departure)  # this task's own
    try:
        resource, _, method = endpoint.method.partition(".")
        answer = await getattr(getattr(client, resource).with_raw_response, method)(**query)
        return answer.headers.get("remaining-req"), bytes(await answer.read())
    except api_error:
        raise
    except BaseException as exc:
        # A cancellation above all. The SDK's stack frames contain the keys and the token in local variables,
        # which error trackers show: cut them off here.
        exc.__cause__ = exc.__context__ = None
        raise exc.with_traceback(None) from None


def _load_sdk() -> ModuleType:
    """Import the SDK and what it would otherwise import at the first call, in the middle of a frame."""
    for late in ("upbit.resources", "anyio._backends._asyncio"):
        with contextlib.suppress(ImportError):  # moved in another version: imported later then
            importlib.import_module(late)
    return importlib.import_module("upbit")


def _seconds(header: str | None, message: str) -> float | None:
    """How long to wait, from the header or the text of the response."""
    if header is not None and header.isdecimal():
        return float(header)
    match = _SECONDS.search(message)
    return None if match is None else float(match[1])

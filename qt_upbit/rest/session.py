"""`RestSession`: signed calls through Upbit's official SDK, within the limits, as bytes or our errors.

The SDK signs, sends and knows the addresses. Its exceptions end here: they hold the request and the token.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import importlib.util
import itertools
import re
from collections.abc import Awaitable, Callable, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from qt_upbit.config import WebSocketConfig
from qt_upbit.exceptions import (
    AuthenticationError,
    ConfigError,
    CredentialsRequiredError,
    ProxyClosedError,
    RateLimitedError,
    RestError,
    is_retryable,
)
from qt_upbit.rest.endpoints import Endpoint
from qt_upbit.rest.rate_groups import RateGroups
from qt_upbit.rest.running_calls import RunningCalls

if TYPE_CHECKING:
    from upbit import AsyncUpbit

__all__ = ["RestSession"]

_ATTEMPTS: Final = 3
_PAUSE_S: Final = 0.25
_BLOCK_S: Final = 60.0
"""After 418 without a time in the answer (protocol section 6.1)."""
_SECONDS: Final = re.compile(r"(\d+)\s*(?:초|sec)")
_NEVER_LEFT: Final = frozenset(
    ("ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol")
)
"""Errors of the HTTP library before there was a connection to send the request on."""


class RestSession:
    """Makes calls: waits for their turn, has the SDK sign and send them, repeats what may be repeated.

    Args:
        config: addresses, keys, times.
        clock: seconds, steady.
        sleep: waits the number of seconds.

    Attributes:
        groups: of the rate limits.
        running: the calls that run; what makes several of them in a row holds it from the first to the last.

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
        self._sleep = sleep
        self.groups = RateGroups(clock, sleep)
        self._sdk: Any = None
        self._client: AsyncUpbit | None = None
        self._loading = asyncio.Lock()
        self.running = RunningCalls(clock, sleep)
        self._requests: set[asyncio.Task[tuple[str | None, bytes]]] = set()
        self._closed = False

    @staticmethod
    def is_available() -> bool:
        """Whether the extra ``rest`` is installed."""
        return importlib.util.find_spec("upbit") is not None

    async def aclose(self) -> None:
        """Close the HTTP connections; calls that wait fail. Idempotent."""
        self._closed = True
        # Ended first: a connection that is made after the HTTP library has closed all of them stays open.
        requests = tuple(self._requests)
        for request in requests:
            request.cancel()
        if requests:
            await asyncio.wait(requests)
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def retire(self) -> None:
        """Close as soon as the calls that run have their answers, and those that they lead to. Idempotent."""
        await self.running.wait_until_over()
        await self.aclose()

    async def ask(self, endpoint: Endpoint, **query: Any) -> bytes:
        """The body of a successful answer.

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
        for attempt in itertools.count(1):
            await self.groups.wait(endpoint.group, endpoint.name)
            client = await self._connected()  # after the wait, which may outlast us
            try:
                remaining, body = await self._request(client, endpoint, query)
            except self._sdk.APIError as exc:
                error = self._translate(endpoint, exc)
            except RestError as exc:
                error = exc
            else:
                self.groups.note(endpoint.group, remaining)
                return body
            if attempt == _ATTEMPTS or not self._may_repeat(endpoint, error):
                # Without cause: the SDK's exceptions hold the request, and with it the token.
                raise error
            if not isinstance(error, RateLimitedError):
                await self._sleep(_PAUSE_S * 2**attempt)
        raise AssertionError("counting never ends")

    async def _request(
        self, client: AsyncUpbit, endpoint: Endpoint, query: Mapping[str, Any]
    ) -> tuple[str | None, bytes]:
        """Send a request, which ends with this session or with whoever waits for it."""
        request = asyncio.create_task(_send(client, endpoint, query, self._sdk.APIError))
        self._requests.add(request)
        request.add_done_callback(self._requests.discard)
        try:
            return await request
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not self._closed or (task is not None and task.cancelling()):
                raise
            raise RestError(
                endpoint.name, None, "closed", "the client was closed before the answer"
            ) from None

    @staticmethod
    def _may_repeat(endpoint: Endpoint, error: Exception) -> bool:
        if isinstance(error, RateLimitedError):
            # Refused before it was carried out; the group waits.
            return error.status == 429 and not endpoint.places_order
        return endpoint.is_safe and isinstance(error, RestError) and is_retryable(error)

    def _translate(self, endpoint: Endpoint, exc: Any) -> AuthenticationError | RestError:
        sdk = self._sdk
        if isinstance(exc, sdk.APIStatusError):
            return self._translate_status(endpoint, exc)
        cause = exc.__cause__ if exc.__cause__ is not None else exc
        what = type(cause).__name__
        if what in _NEVER_LEFT:
            return RestError(endpoint.name, None, what, str(cause) or "no connection", was_sent=False)
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

    async def _connected(self) -> AsyncUpbit:
        async with self._loading:
            if self._sdk is None:
                # It takes longer to import than all the rest together: a window need not wait for it.
                self._sdk = await asyncio.to_thread(_load_sdk)
            self._check_open()
            if self._client is None:
                # Reading the certificates takes longer than a frame.
                client = await asyncio.to_thread(self._make_client)
                if self._closed:
                    await client.close()
                    self._check_open()
                self._client = client
            return self._client

    def _make_client(self) -> AsyncUpbit:
        config, keys = self._config, self._config.credentials
        # No redirect is followed: it would carry an order to wherever it points. Upbit sends none.
        http = self._sdk.DefaultAsyncHttpxClient(trust_env=config.follows_proxy, follow_redirects=False)
        # Keys are always given: without, the SDK would look for some in the environment.
        client: AsyncUpbit = self._sdk.AsyncUpbit(
            access_key="" if keys is None else keys.access_key.get_secret_value(),
            secret_key="" if keys is None else keys.secret_key.get_secret_value(),
            base_url=config.rest_url.removesuffix("/v1"),
            timeout=config.rest_timeout_s,
            max_retries=0,
            http_client=http,
        )
        return client


async def _send(
    client: AsyncUpbit, endpoint: Endpoint, query: Mapping[str, Any], api_error: type[Exception]
) -> tuple[str | None, bytes]:
    """The header ``remaining-req`` and the body of an answer."""
    try:
        resource, _, method = endpoint.method.partition(".")
        answer = await getattr(getattr(client, resource).with_raw_response, method)(**query)
        return answer.headers.get("remaining-req"), bytes(await answer.read())
    except api_error:
        raise
    except BaseException as exc:
        # A cancellation above all. The SDK's frames below have the keys and the token in variables, which
        # tools that report errors show: they end here.
        exc.__cause__ = exc.__context__ = None
        raise exc.with_traceback(None) from None


def _load_sdk() -> ModuleType:
    """The SDK and what it would import at the first call only, in the middle of a frame."""
    for late in ("upbit.resources", "anyio._backends._asyncio"):
        with contextlib.suppress(ImportError):  # then it is somewhere else, and comes late
            importlib.import_module(late)
    return importlib.import_module("upbit")


def _seconds(header: str | None, message: str) -> float | None:
    """The time to stay away, from the header or from the text of the answer."""
    if header is not None and header.isdecimal():
        return float(header)
    match = _SECONDS.search(message)
    return None if match is None else float(match[1])

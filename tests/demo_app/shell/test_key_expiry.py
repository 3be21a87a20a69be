"""The terminal warns in time when the API key in use expires, and only then."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from demo_app.shell.key_expiry import KeyExpiry
from demo_app.terminal_state import TerminalState
from qt_upbit import Credentials, GlobalWebSocketManager, WebSocketConfig
from qt_upbit.simulator import (
    SIMULATED_ACCESS_KEY,
    SIMULATED_SECRET_KEY,
    SimulatedServer,
    SimulatorSettings,
)
from tests.support.wait import until

KEYS = Credentials(access_key=SIMULATED_ACCESS_KEY, secret_key=SIMULATED_SECRET_KEY)
Exchange = Callable[..., Awaitable[SimulatedServer]]


@pytest_asyncio.fixture
async def exchange() -> AsyncIterator[Exchange]:
    """Starts an exchange whose keys expire after some days, and the application's manager on it."""
    async with AsyncExitStack() as stack:

        async def start(days: int, keys: Credentials | None = KEYS) -> SimulatedServer:
            settings = SimulatorSettings(
                markets=2, market_running=False, account_running=False, api_key_lifetime_days=days
            )
            server = await stack.enter_async_context(SimulatedServer(settings))
            config = WebSocketConfig(base_url=server.url, credentials=keys, use_system_proxy=False)
            GlobalWebSocketManager.configure(config)
            stack.push_async_callback(GlobalWebSocketManager.close_instance)
            return server

        yield start


def notices_of(state: TerminalState) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    state.noticed.connect(lambda title, text: found.append((title, text)))
    return found


@pytest.mark.parametrize(
    ("days", "title", "text"),
    [(3, "API key expires soon", "in 3 day(s)"), (14, "API key expires soon", "in 14 day(s)"),
     (-1, "API key expired", "issue a new one")],
)  # fmt: skip
async def test_a_key_that_expires_is_reported(
    exchange: Exchange, state: TerminalState, days: int, title: str, text: str
) -> None:
    await exchange(days)
    notices = notices_of(state)
    expiry = KeyExpiry(state)
    expiry.start()
    await until(lambda: notices)
    ((said, why),) = notices
    assert said == title
    assert text in why
    await expiry.aclose()
    await expiry.aclose()


async def test_a_key_that_lasts_is_not_mentioned_until_the_time_comes(
    exchange: Exchange, state: TerminalState
) -> None:
    await exchange(365)
    now = [datetime.now(UTC)]
    notices = notices_of(state)
    expiry = KeyExpiry(state, now=lambda: now[0])
    expiry.start()
    keys = await state.rest.get_api_keys()
    now[0] += timedelta(days=360)
    assert not notices
    # Other keys: it asks at once.
    state.manager.set_credentials(KEYS)
    await until(lambda: notices)
    assert keys[0].expires_within(timedelta(days=14), now[0])
    await expiry.aclose()


async def test_without_keys_there_is_no_request(exchange: Exchange, state: TerminalState) -> None:
    server = await exchange(3, None)
    notices = notices_of(state)
    expiry = KeyExpiry(state)
    expiry.start()
    task: Any = expiry._task
    await until(task.done)
    assert (notices, server.exchange.violations["rest"]) == ([], 0)
    await expiry.aclose()

"""The transport runs on plain asyncio: nothing here imports Qt."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from tests.conftest import FAILED
from tests.support import leaks


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> dict[str, Any]:
    return {"asyncio": asyncio.new_event_loop}


@pytest_asyncio.fixture
async def _no_tasks_left() -> AsyncIterator[None]:
    before = set(leaks.running_tasks())
    yield
    await leaks.check_tasks(before)


@pytest.fixture(autouse=True)
def _nothing_left(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    if inspect.iscoroutinefunction(getattr(request, "function", None)):
        # Creates the loop as well, so that the loop's own sockets do not count as a leak.
        request.getfixturevalue("_no_tasks_left")
    sockets = leaks.open_sockets()
    yield
    if request.node.stash.get(FAILED, False):
        return
    leaks.check_sockets(sockets)
    marker = request.node.get_closest_marker("logs")
    leaks.check_logs(caplog, marker.args if marker else ())

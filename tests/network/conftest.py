"""The network room runs on plain asyncio; its journeys, which need Qt, are in tests/qt/test_journeys.py."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from qt_upbit.network.trust import forget_contexts
from tests.support import leaks
from tests.support.world import Authority

_NAMES = ("http_proxy", "https_proxy", "all_proxy", "ws_proxy", "wss_proxy", "socks_proxy", "no_proxy")


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> dict[str, Any]:
    return {"asyncio": asyncio.new_event_loop}


@pytest.fixture(autouse=True)
def _own_world(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in _NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    forget_contexts()


@pytest_asyncio.fixture(autouse=True)
async def _nothing_left() -> AsyncIterator[None]:
    sockets = leaks.open_sockets()
    before = set(leaks.running_tasks())
    yield
    await leaks.check_tasks(before)
    leaks.check_sockets(sockets)


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def ca_file(authority: Authority, tmp_path: Path) -> str:
    return authority.file(tmp_path)

"""`NetworkWatch`: what Qt says of the network, from an injected fake, and what the manager does then."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from enum import Enum, auto
from typing import Any

import pytest
from PySide6.QtCore import QObject, Signal

from qt_upbit import ConnectionState, WebSocketClientProxy
from qt_upbit.qt import network_watch
from qt_upbit.qt.network_watch import NetworkWatch, load_information
from qt_upbit.simulator.server.server import SimulatedServer
from tests.qt.conftest import MakeManager, MakeServer
from tests.support.wait import turns, until
from tests.support.world import fake_names


class Reachability(Enum):
    Unknown = auto()
    Disconnected = auto()
    Local = auto()
    Site = auto()
    Online = auto()


class Information(QObject):
    """Stands in for QNetworkInformation, which has one instance in a process and follows the real network."""

    reachabilityChanged = Signal(object)
    transportMediumChanged = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.now = Reachability.Online

    def reachability(self) -> Reachability:
        return self.now

    def become(self, reachability: Reachability) -> None:
        self.now = reachability
        self.reachabilityChanged.emit(reachability)


@pytest.fixture
def information(monkeypatch: pytest.MonkeyPatch) -> Iterator[Information]:
    fake = Information()
    monkeypatch.setattr(network_watch, "load_information", lambda: fake)
    yield fake
    fake.deleteLater()


async def watched(parent: QObject) -> list[str]:
    told: list[str] = []
    watch = NetworkWatch(parent)
    watch.network_returned.connect(lambda: told.append("returned"))
    watch.begin()
    watch.begin()
    await turns()
    return told


@pytest.mark.parametrize(
    ("steps", "times"),
    [
        (["Disconnected", "Online"], 1),
        (["Disconnected", "Local"], 1),
        (["Disconnected", "Local", "Site", "Online"], 2),
        (["Disconnected", "Disconnected", "Unknown"], 1),
        (["Disconnected"], 0),
        (["Local", "Site", "Unknown"], 0),
        (["Disconnected", "Online"] * 3, 3),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
async def test_the_return_of_the_network_is_told(
    steps: list[str], times: int, information: Information
) -> None:
    parent = QObject()
    told = await watched(parent)
    await until(lambda: parent.findChildren(NetworkWatch))
    await turns(20)
    for step in steps:
        information.become(Reachability[step])
    assert len(told) == times
    parent.deleteLater()


async def test_another_network_is_told_but_not_while_there_is_none(information: Information) -> None:
    parent = QObject()
    told = await watched(parent)
    await turns(20)
    information.transportMediumChanged.emit("WiFi")
    assert len(told) == 1
    information.become(Reachability.Disconnected)
    information.transportMediumChanged.emit("Unknown")
    assert len(told) == 1
    parent.deleteLater()


async def test_without_qts_module_or_backend_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PySide6.QtNetwork", None)
    assert load_information() is None
    parent = QObject()
    assert await watched(parent) == []
    parent.deleteLater()


async def test_qts_own_has_what_is_listened_to() -> None:
    information = load_information()
    if information is not None:  # a backend is there
        assert information.reachability().name in Reachability.__members__
        for name in ("reachabilityChanged", "transportMediumChanged"):
            assert hasattr(information, name)


async def test_a_manager_connects_at_once_when_the_network_is_back(
    make_server: MakeServer,
    make_manager: MakeManager,
    information: Information,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = await make_server(hosts=["exchange.test"])
    port = server.url.rpartition(":")[2]
    with fake_names(monkeypatch, {}) as names:
        manager = make_manager(
            server,
            base_url=f"http://exchange.test:{port}",
            allow_insecure=True,
            backoff_initial_s=1000.0,
            backoff_max_s=1000.0,
        )
        proxy, seen = WebSocketClientProxy("chart", manager=manager), list[Any]()
        proxy.subscribe_ticker(["KRW-BTC"], callback=seen.append)
        await until(lambda: manager.public_state is ConnectionState.RECONNECTING)
        names.addresses["exchange.test"] = ["127.0.0.1"]
        information.become(Reachability.Disconnected)
        information.become(Reachability.Online)
        await until(lambda: seen)
        proxy.close()


async def test_a_manager_of_an_exchange_on_this_machine_does_not_listen(
    server: SimulatedServer, make_manager: MakeManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[bool] = []
    monkeypatch.setattr(network_watch, "load_information", lambda: loaded.append(True))
    proxy = WebSocketClientProxy("chart", manager=make_manager(server))
    await proxy.subscribe_ticker(["KRW-BTC"])
    assert not loaded
    proxy.close()

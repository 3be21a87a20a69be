"""Silent sockets are cut, and PING is answered with a rhythm (protocol section 5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from qt_upbit.protocol import wire
from qt_upbit.simulator.sessions.session import Close
from qt_upbit.types import Scope
from tests.simulator.conftest import Gateway

MakeGateway = Callable[..., Gateway]
STATUS = wire.encode_status()
QUIET: dict[str, Any] = {"market_running": False, "idle_timeout_s": 120.0, "up_interval_s": 10.0}


@pytest.mark.parametrize("scope", list(Scope))
def test_a_socket_without_data_is_cut_in_time_and_without_a_close_frame(
    gateway: MakeGateway, scope: Scope
) -> None:
    table = gateway(**QUIET)
    session = table.connect(scope)
    table.run(119.0)
    assert table.output[session] == []
    table.run(2.0)
    assert table.output[session] == [Close(None, "idle")]


def test_a_message_keeps_it_open(gateway: MakeGateway) -> None:
    table = gateway(**QUIET)
    session = table.connect()
    table.run(100.0)
    table.send(session, wire.PING_TEXT)
    table.run(115.0)
    assert not [each for each in table.output[session] if isinstance(each, Close)]


def test_status_up_comes_in_a_rhythm_from_the_first_ping_on(gateway: MakeGateway) -> None:
    table = gateway(**QUIET)
    session = table.connect()
    table.run(30.0)
    assert STATUS not in table.frames(session)
    table.send(session, wire.PING_TEXT)
    table.run(100.0)
    assert table.frames(session).count(STATUS) == 10
    table.send(session, wire.PING_TEXT)
    table.run(100.0)
    assert table.frames(session).count(STATUS) == 20, "a second PING changes nothing"


def test_the_rhythm_is_that_of_the_socket_and_not_of_the_ping(gateway: MakeGateway) -> None:
    times = []
    for wait_s in (1.0, 4.0, 12.0):
        table = gateway(**QUIET)
        session = table.connect()
        began = table.now
        table.run(wait_s)
        table.send(session, wire.PING_TEXT)
        while STATUS not in table.frames(session):
            table.run(0.02)
        times.append((table.now - began) % 10.0)
    assert times == pytest.approx([times[0]] * 3, abs=0.05)


def test_who_plays_dead_neither_cuts_nor_answers(gateway: MakeGateway) -> None:
    table = gateway(**QUIET)
    session = table.connect()
    table.send(session, wire.PING_TEXT)
    session.silent = True
    table.run(300.0)
    assert table.output[session] == []

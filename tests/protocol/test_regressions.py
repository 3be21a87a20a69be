"""Defects of an earlier Python manager in the rules of a connection; others: tests/qt/test_regressions.py."""

from __future__ import annotations

import itertools

import pytest

from qt_upbit.exceptions import ConnectionFailedError
from qt_upbit.protocol.connection import OpenSocket
from qt_upbit.types import Scope
from tests.support.model_server import RSI, Rig, stream_requests


def test_a_failed_reconnect_is_followed_by_others_with_growing_pauses() -> None:
    """Its reconnect swallowed its own failure: the first one counted as success and backoff never ran."""
    rig = Rig(backoff_initial_s=0.25, backoff_max_s=30.0)
    rig.add(*stream_requests("ticker", "KRW-BTC"))
    rig.run(10.0)
    assert rig.state == "LIVE"
    rig.server.admit = lambda now: ConnectionFailedError("refused")
    rig.lose()
    rig.run(300.0)
    opens = rig.log.times(OpenSocket)[1:]
    pauses = [later - earlier for earlier, later in itertools.pairwise(opens)]
    assert len(pauses) > 8, "it goes on trying"
    assert max(pauses) <= 31.0
    # Jitter aside: the last ones are of another order than the first ones.
    assert sum(pauses[-4:]) > 8 * sum(pauses[:4])
    rig.server.admit = lambda now: None
    rig.run(60.0)
    assert rig.state == "LIVE"


@pytest.mark.parametrize("scope", [Scope.PRIVATE, Scope.INFO])
def test_a_private_socket_that_is_quiet_for_a_day_is_healthy(scope: Scope) -> None:
    """Sixty quiet seconds made its private socket unhealthy: it would have reconnected forever."""
    rig = Rig(scope)
    if scope is Scope.PRIVATE:
        rig.add(*stream_requests("my_order"), *stream_requests("my_asset"))
    else:
        rig.add(*stream_requests("indicator", "KRW-BTC", timeframe="5m", indicators=[RSI]))
    rig.run(5.0)
    rig.run_market(30.0, 0.5)  # a busy time before, by which silence might be measured
    assert len(rig.log.frames) > 50
    rig.run(24 * 3600.0)
    assert rig.log.states() == ["CONNECTING", "RESYNCING", "LIVE"]
    assert len(rig.log.times(OpenSocket)) == 1


def test_the_end_of_an_old_socket_says_nothing_about_the_new_one() -> None:
    """The old reader's `finally` set DISCONNECTED after the new connection was up."""
    rig = Rig()
    rig.add(*stream_requests("ticker", "KRW-BTC"))
    rig.run(3.0)
    old = rig.socket.epoch
    rig.lose()
    rig.run(10.0)
    assert rig.socket.epoch > old
    reported = rig.log.states()
    assert reported[-1] == "LIVE"
    rig.connection.lost(old, rig.now, ConnectionFailedError("late"))
    rig.connection.opened(old, rig.now)
    rig.connection.pong_received(old, rig.now)
    assert rig.connection.receive(b'{"type":"ticker","code":"KRW-BTC"}', old, rig.now) == []
    rig.carry_out(rig.scope)
    rig.run(10.0)
    assert rig.log.states() == reported
    assert len(rig.log.times(OpenSocket)) == 2

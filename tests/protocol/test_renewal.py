"""Renewing a connection: make before break; nothing is lost or reported twice, whatever happens."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_upbit.exceptions import AuthenticationError, ConnectionFailedError
from qt_upbit.models import decode
from qt_upbit.protocol import wire
from qt_upbit.protocol.connection import (
    CloseSocket,
    ErrorReported,
    FramesReleased,
    GapDetected,
    OpenSocket,
    RenewalFailed,
    TokenRenewed,
)
from qt_upbit.types import MyOrderEvent, OrderState, Scope
from tests.support.model_server import LATENCY_S, Rig, Socket, event, frame, stream_requests
from tests.support.profiles import examples


def live(**config: Any) -> Rig:
    rig = Rig(Scope.PRIVATE, **config)
    rig.add(*stream_requests("my_order"), owner="orders")
    rig.run(3.0)
    assert rig.state == "LIVE"
    return rig


def order(number: int, state: OrderState = OrderState.TRADE, ms: int = 1) -> bytes:
    return frame(
        event("myOrder", "KRW-BTC", ms, uuid=f"order-{number}", trade_uuid=f"trade-{number}", state=state)
    )


def sockets(rig: Rig) -> list[Socket]:
    return list(rig.open[rig.scope].values())


def reported(rig: Rig) -> list[str]:
    events = [decode(raw) for _, _, raw in rig.log.frames]
    return [event.uuid for event in events if isinstance(event, MyOrderEvent)]


def until_two(rig: Rig) -> None:
    """The successor is open and subscribed."""
    rig.run(5.0, stop=lambda: len(sockets(rig)) == 2 and bool(sockets(rig)[1].items))
    assert len(sockets(rig)) == 2


def test_the_new_socket_is_up_and_subscribed_before_the_old_one_closes() -> None:
    rig = live()
    (first,) = sockets(rig)
    assert rig.renew()
    assert rig.state == "LIVE"
    until_two(rig)
    second = sockets(rig)[1]
    assert second.items == first.items
    rig.run(1.0)
    assert sockets(rig) == [second]
    assert rig.log.of(TokenRenewed) == [TokenRenewed()]
    assert rig.log.states() == ["CONNECTING", "RESYNCING", "LIVE"], "the renewal is not visible outside"
    assert rig.log.of(GapDetected, ErrorReported) == []
    opened, closed = rig.log.times(OpenSocket)[1], rig.log.times(CloseSocket)[0]
    assert closed - opened >= 4 * LATENCY_S, "handshake, list, and the last pong of the old one"
    assert rig.connection.renewals == 1
    assert rig.connection.reconnects == 0
    rig.check_served()
    rig.check_limits()
    rig.run(120.0)
    assert rig.state == "LIVE"


def test_what_both_show_is_reported_once_and_at_once() -> None:
    rig = live()
    rig.renew()
    until_two(rig)
    old, new = sockets(rig)
    rig.send(order(1), socket=old)
    assert reported(rig) == ["order-1"], "not held up by the renewal"
    rig.send(order(1, ms=7), socket=new)
    rig.send(order(2), socket=new)
    assert reported(rig) == ["order-1"], "the old socket may still have it"
    rig.send(order(2), socket=old)
    rig.run(1.0)
    assert reported(rig) == ["order-1", "order-2"]
    assert not rig.log.of(FramesReleased)


def test_what_only_the_new_one_shows_is_reported_in_its_order_when_the_old_one_is_heard_out() -> None:
    rig = live()
    rig.renew()
    until_two(rig)
    old, new = sockets(rig)
    for number in (1, 2, 3):
        rig.send(order(number), socket=new)
    rig.send(order(2), socket=old)
    rig.run(1.0)
    assert reported(rig) == ["order-2", "order-1", "order-3"]
    rig.send(order(4))
    assert reported(rig)[-1] == "order-4"


def test_an_event_that_really_came_twice_is_reported_twice() -> None:
    rig = live()
    rig.renew()
    until_two(rig)
    old, new = sockets(rig)
    rig.send(order(1), socket=old)
    rig.send(order(1), socket=new)
    rig.send(order(1), socket=new)
    rig.run(1.0)
    assert reported(rig) == ["order-1", "order-1"]


def test_the_old_connection_breaks_when_the_new_one_is_ready() -> None:
    rig = live()
    rig.server.answers_pings = False  # so that the old socket is not heard out at once
    rig.renew()
    until_two(rig)
    old, new = sockets(rig)
    rig.run(2 * LATENCY_S)
    rig.send(order(1), socket=new)
    rig.connection.lost(old.epoch, rig.now, ConnectionFailedError("cut"))
    rig.carry_out(rig.scope)
    assert sockets(rig) == [new]
    assert reported(rig) == ["order-1"]
    assert rig.state == "LIVE"
    assert not rig.log.of(GapDetected)


def test_the_old_connection_breaks_before_the_new_one_is_ready() -> None:
    rig = live()
    rig.renew()
    rig.run(LATENCY_S / 2)
    rig.lose()
    rig.run(5.0)
    assert rig.state == "LIVE"
    assert len(sockets(rig)) == 1
    assert len(rig.log.of(GapDetected)) == 1, "an ordinary reconnect"
    assert not rig.log.of(TokenRenewed)


@pytest.mark.parametrize(
    "error", [ConnectionFailedError("no route"), AuthenticationError("expired_access_key", 401)]
)
def test_a_refused_renewal_leaves_the_old_connection_alone(error: Any) -> None:
    rig = live()
    rig.server.admit = lambda now: error
    rig.renew()
    rig.run(1.0)
    assert rig.log.of(RenewalFailed) == [RenewalFailed(error)]
    assert rig.log.of(ErrorReported) == [ErrorReported(error)]
    assert rig.state == "LIVE"
    rig.send(order(1))
    assert reported(rig) == ["order-1"]
    rig.run(100.0)
    assert len(rig.log.times(OpenSocket)) == 2, "the next try is not the connection's decision"


def test_a_refusal_by_frame_ends_the_renewal_only() -> None:
    rig = live()
    rig.renew()
    rig.run(5.0, stop=lambda: len(sockets(rig)) == 2 and sockets(rig)[1].opened <= rig.now)
    rig.send(wire.encode_error("INVALID_AUTH", "인증 정보가 올바르지 않습니다."), socket=sockets(rig)[1])
    rig.run(1.0)
    (failed,) = rig.log.of(RenewalFailed)
    assert isinstance(failed.error, AuthenticationError)
    assert rig.state == "LIVE"
    assert len(sockets(rig)) == 1


def test_a_request_during_a_renewal_reaches_both_sockets() -> None:
    rig = live()
    rig.renew()
    until_two(rig)
    rig.add(*stream_requests("my_asset"), owner="assets")
    rig.run(3.0)
    assert len(sockets(rig)) == 1
    assert {item.type for item in rig.socket.items} == {"myOrder", "myAsset"}
    assert rig.log.of(TokenRenewed)
    rig.check_served()
    rig.check_limits()


def test_everybody_leaves_during_a_renewal() -> None:
    rig = live(linger_s=0.0)
    rig.renew()
    until_two(rig)
    rig.remove("orders")
    rig.run(10.0)
    assert sockets(rig) == []
    assert rig.state == "IDLE"


def test_a_server_without_lists_and_pongs_holds_nothing_up_forever() -> None:
    rig = live(pong_timeout_s=50.0)
    rig.server.answers_lists = rig.server.answers_pings = False
    rig.renew()
    rig.run(15.0)
    assert rig.log.of(TokenRenewed)
    assert len(sockets(rig)) == 1


def test_copies_that_come_late_are_no_second_delivery() -> None:
    """A connection, or a machine, may be seconds behind; the pong that ends the copies comes after them."""
    rig = live(pong_timeout_s=50.0)
    rig.renew()
    until_two(rig)
    old, new = sockets(rig)
    for number in (1, 2, 3):
        rig.send(order(number), socket=old)
    rig.server.answers_pings = False
    rig.run(5.0, stop=lambda: bool(rig.log.of(TokenRenewed)))
    rig.run(5.0)
    for number in (1, 2, 3, 4):
        rig.send(order(number), socket=new)
    assert reported(rig) == ["order-1", "order-2", "order-3", "order-4"]


def test_a_successor_is_not_trusted_before_it_was_confirmed() -> None:
    """While a slow server has not read what the successor asks for, only the old socket has everything."""
    rig = live()
    rig.server.answers_lists = False
    rig.renew()
    until_two(rig)
    old, new = sockets(rig)
    new.items = ()  # it has not got that far
    rig.run(5.0)
    rig.send(order(1), socket=old)
    assert sockets(rig) == [old, new]
    assert reported(rig) == ["order-1"]
    rig.run(10.0)
    assert rig.log.of(TokenRenewed), "a server without lists holds nothing up forever"


def test_only_a_live_scope_is_renewed_and_once_at_a_time() -> None:
    rig = Rig(Scope.PRIVATE)
    assert not rig.renew()
    rig = live()
    assert rig.renew()
    assert not rig.connection.renew(rig.now)
    rig.run(0.01)
    rig.connection.close()
    rig.carry_out(rig.scope)
    assert sockets(rig) == []
    assert not rig.connection.renew(rig.now)


def test_garbage_on_the_successor_is_reported_and_survived() -> None:
    rig = live()
    rig.renew()
    until_two(rig)
    rig.send(b"[", socket=sockets(rig)[1])
    rig.run(2.0)
    assert len(rig.log.of(ErrorReported)) == 1
    assert rig.log.of(TokenRenewed)


@settings(max_examples=examples(150))
@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("traffic"), st.sampled_from([0.03, 0.1, 0.4])),
            st.tuples(st.just("run"), st.sampled_from([0.01, 0.06, 3.0])),
            st.tuples(st.just("renew"), st.just(0.0)),
            st.tuples(st.just("asset"), st.just(0.0)),
        ),
        max_size=40,
    ),
    lag=st.sampled_from([0.0, 0.02, 0.08]),
)
def test_each_event_once_and_in_order_under_any_traffic(steps: list[tuple[str, float]], lag: float) -> None:
    """Each event reaches every socket in the server's order; a successor's connection is slower by `lag`."""
    rig = live()
    sent: list[str] = []
    late: set[int] = set()

    def trade() -> None:
        number = len(sent) + 1
        sent.append(f"order-{number}")
        for index, socket in enumerate(sockets(rig)):
            if socket.items and socket.opened <= rig.now:
                late.update({socket.epoch} if index else ())
                rig.at(
                    lag if socket.epoch in late else 0.0,
                    lambda s=socket: None if s.closed else rig.send(order(number), socket=s),
                )
        rig.run(0.0)

    for what, value in steps:
        if what == "run":
            rig.run(value)
        elif what == "renew":
            rig.renew()
        elif what == "asset":
            rig.remove("assets")
            rig.add(*stream_requests("my_asset"), owner="assets")
        else:
            for _ in range(int(value / 0.01)):
                trade()
                rig.run(0.01)
    rig.run(20.0)
    assert Counter(reported(rig)) == Counter(sent), "all, and once each"
    assert reported(rig) == sent
    rig.check_limits()
    assert len(sockets(rig)) == 1
    assert not rig.log.of(GapDetected, ErrorReported)

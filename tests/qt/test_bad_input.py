"""Garbage on a real socket: counted exactly, reported sparingly, and no good frame is lost over it."""

from __future__ import annotations

import asyncio
import gc
import json
import time
import tracemalloc
from typing import Any

import pytest

from qt_upbit import DecodeError, Delivery, WebSocketClientProxy, WireFormat
from qt_upbit.models import encode
from qt_upbit.qt.error_reporter import _DECODE_ERRORS_PER_SECOND
from qt_upbit.simulator.server.server import SimulatedServer
from qt_upbit.types import ConnectionState, Scope
from tests.fuzz.targets import check_error
from tests.qt.conftest import MakeManager, MakeServer
from tests.support import events, exchange
from tests.support.wait import HANG_S, until

GARBAGE = (
    b"not json",
    b"\xff\xfe\xfd",
    b"{",
    b"null",
    b'{"type":"ticker","code":"KRW-BTC"}',
    b'{"type":"trade","code":"KRW-BTC","trade_price":1e999999999}',
    b'{"type":"sunshine","code":"KRW-BTC"}',
    b'{"type":"ticker","code":"KRW-BTC","ask_bid":"%s"}' % (b"A" * 3000),
    b'{"error":5}',
    b'{"method":"LIST_SUBSCRIPTIONS","result":7}',
)
COUNT = 20_000
GOOD_EVERY = 20


def buffers_no_frame(error: BaseException | None) -> bool:
    """A traceback holds the functions' variables, the whole message among them."""
    while error is not None:
        if error.__traceback__ is not None:
            return False
        error = error.__cause__ or error.__context__
    return True


@pytest.mark.long
async def test_twenty_thousand_garbage_frames_among_good_ones(
    server: SimulatedServer, make_manager: MakeManager
) -> None:
    manager = make_manager(server)
    proxy = WebSocketClientProxy("proxy", manager=manager)
    seen: list[int] = []
    errors: list[type] = []
    at_manager: list[str] = []

    def take(error: Any) -> None:
        check_error(error)
        assert buffers_no_frame(error)
        errors.append(type(error))

    proxy.error_occurred.connect(take)
    manager.error_occurred.connect(lambda owner, error: at_manager.append(owner))

    def take_trade(event: Any) -> None:
        if 10_000 < event.sequential_id < 20_000:  # and not the first snapshot
            seen.append(event.sequential_id)

    trades = proxy.subscribe_trade(["KRW-BTC"], delivery=Delivery.EVERY, callback=take_trade)
    # Tickers are read although no subscriber gets every one: an unreadable one is an error all the same.
    tickers = proxy.subscribe_ticker(["KRW-BTC"], delivery=Delivery.EVERY)
    await trades
    await tickers
    session = exchange.session(server)
    before = manager.metrics().errors
    # What the loop costs is time of its own: while others compute, it stands still through no fault of ours.
    longest, last_turn = 0.0, time.process_time()
    memory: list[int] = []
    started = time.monotonic()
    good = 0
    tracemalloc.start()
    try:
        for number in range(COUNT):
            server.exchange.send_raw(session, GARBAGE[number % len(GARBAGE)])
            if number % GOOD_EVERY == 0:
                good += 1
                server.exchange.publish(events.trade("KRW-BTC", number=10_000 + good))
            if number % 100 == 99:
                sent = number + 1
                # The sender is as fast as the reader, or this would measure the sender's buffer.
                while manager.metrics().errors - before < sent:
                    await asyncio.sleep(0)
                    now = time.process_time()
                    longest, last_turn = max(longest, now - last_turn), now
                    assert time.monotonic() - started < HANG_S, "errors are missing"
            if number % 5000 == 4999:
                gc.collect()
                memory.append(tracemalloc.get_traced_memory()[0])
                last_turn = time.process_time()
    finally:
        tracemalloc.stop()
    await until(lambda: len(seen) >= good)
    elapsed = time.monotonic() - started
    assert seen == list(range(10_001, 10_001 + good)), "every good frame, in order"
    assert manager.metrics().errors - before == COUNT, "each is counted, once"
    assert manager.metrics().scopes[Scope.PUBLIC].errors - before == COUNT
    assert 0 < len(errors) <= _DECODE_ERRORS_PER_SECOND * (elapsed + 1)
    assert len(at_manager) == len(errors)
    assert set(errors) == {DecodeError}
    # `seen` grows by some kilobytes; a report for each would be megabytes.
    assert memory[-1] - memory[0] < 500_000, memory
    assert longest < 0.5, f"the loop stood still for {longest:.2f} s"
    assert manager.state(Scope.PUBLIC) is ConnectionState.LIVE
    assert server.exchange.total_connections(Scope.PUBLIC) == 1
    proxy.close()


async def test_each_bad_object_of_an_array_is_counted(
    make_server: MakeServer, make_manager: MakeManager
) -> None:
    server = await make_server()
    manager = make_manager(server, wire_format=WireFormat.JSON_LIST)
    proxy = WebSocketClientProxy("proxy", manager=manager)
    errors: list[Any] = []
    proxy.error_occurred.connect(errors.append)
    prices: list[Any] = []
    await proxy.subscribe_ticker(["KRW-BTC"], callback=lambda e: prices.append(e.trade_price))
    good = encode(events.ticker("KRW-BTC", 42))
    # A list session puts brackets around what it sends: many objects in one frame.
    server.exchange.send_raw(exchange.session(server), b",".join([b"{}"] * 40 + [good]))
    await until(lambda: prices and prices[-1] == 42)
    assert manager.metrics().errors == 40
    # After so many that nothing good is to be expected, the rest of the message is dropped and counted.
    server.exchange.send_raw(exchange.session(server), b",".join([b"{}"] * 3000))
    better = encode(events.ticker("KRW-BTC", 43))
    server.exchange.send_raw(exchange.session(server), better)
    await until(lambda: prices[-1] == 43)
    await until(lambda: bool(errors))
    assert manager.metrics().errors == 3040
    assert len(errors) <= _DECODE_ERRORS_PER_SECOND
    proxy.close()


async def test_a_huge_error_frame_is_reported_in_few_words(
    make_server: MakeServer, make_manager: MakeManager
) -> None:
    server = await make_server()
    manager = make_manager(server)
    proxy = WebSocketClientProxy("proxy", manager=manager)
    errors: list[Any] = []
    proxy.error_occurred.connect(errors.append)
    await proxy.subscribe_ticker(["KRW-BTC"])
    text = "A" * 900_000
    frame = json.dumps({"error": {"name": text, "message": text}}).encode()
    server.exchange.send_raw(exchange.session(server), frame)
    await until(lambda: bool(errors))
    for error in errors:
        check_error(error)
    await until(lambda: manager.state(Scope.PUBLIC) is ConnectionState.LIVE)
    proxy.close()

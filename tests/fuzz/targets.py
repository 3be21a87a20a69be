"""What any input whatever must not break, one plain function per part.

Each takes bytes and raises only when an invariant is broken. Nothing here knows Qt, a socket or a clock.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import msgspec

from qt_upbit.config import WebSocketConfig
from qt_upbit.exceptions import ConnectionFailedError, DecodeError, QtUpbitError
from qt_upbit.models import decode, decode_all, encode, from_dict, peek, split, to_dict
from qt_upbit.protocol import wire
from qt_upbit.protocol.connection import (
    CloseSocket,
    ErrorReported,
    FramesReleased,
    OpenSocket,
    RequestSent,
    SendPing,
    UpbitConnection,
)
from qt_upbit.protocol.simple_format_converter import SimpleFormatConverter
from qt_upbit.protocol.subscription_request import requests_for
from qt_upbit.protocol.subscription_state_manager import SubscriptionStateManager
from qt_upbit.protocol.timing import RollingWindowLimiter
from qt_upbit.rest import parsers as rows
from qt_upbit.routing.data_routing_engine import DataRoutingEngine, Target
from qt_upbit.routing.fanout_hub import FanoutHub, Gap, Subscriber
from qt_upbit.types import (
    EVENT_TYPES,
    BaseWebSocketEvent,
    CandleEvent,
    ConnectionState,
    Delivery,
    OrderbookEvent,
    Scope,
    WireFormat,
)

__all__ = ["TARGETS"]

ERROR_LIMIT: Final = 2_000
"""Characters that the text of an error may have, whatever the frame was."""


def check_error(error: QtUpbitError) -> None:
    """An error may be shown, logged and sent on: bounded, and text that can be encoded."""
    for text in (str(error), repr(error), *map(str, error.args), *map(str, vars(error).values())):
        assert len(text) <= ERROR_LIMIT, f"{type(error).__name__} carries {len(text)} characters"
        text.encode()


def _tried(call: Callable[[], Any]) -> Any:
    """What it returns; None where the library's own error came out."""
    try:
        return call()
    except DecodeError as error:
        check_error(error)
        return None


# --- models ---------------------------------------------------------------------------------------

_LAZY: Final = ("time", "traded_at", "ordered_at", "start", "orderbook_units", "asks", "bids", "float_levels")


def read_all(event: BaseWebSocketEvent) -> bool:
    """Read everything that is read lazily; whether all of it could be."""
    good = True
    for name in _LAZY:
        try:
            getattr(event, name, None)
        except DecodeError as error:
            check_error(error)
            good = False
    _ = event.is_snapshot, event.is_recovered, event.spec, event.stream_key
    _ = event.identity
    if isinstance(event, CandleEvent):
        _ = event.period or event.unit
    if isinstance(event, OrderbookEvent):
        for depth in (0, 1, 5):
            _tried(lambda depth=depth: event.truncated(depth))
    return good


def target_models(data: bytes) -> None:
    """Only DecodeError comes out; what is read is written and read again as the same."""
    peek(data)
    for item in _tried(lambda: split(data)) or ():
        peek(item)
        if (event := _tried(lambda item=item: decode(item))) is not None:
            _check_event(event)
    _tried(lambda: decode_all(data))
    try:
        payload = msgspec.json.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return
    if isinstance(payload, dict):
        _tried(lambda: from_dict(payload))


def _check_event(event: BaseWebSocketEvent) -> None:
    read_all(event)
    repr(event)
    if isinstance(event, OrderbookEvent) and _tried(lambda: event.orderbook_units) is None:
        return  # its rows are unreadable, and so there is nothing to write
    hash(event)
    for format in WireFormat:
        again = decode_all(encode(event, format))
        assert again == [event], f"{format}: {event!r} came back as {again!r}"
    for format in (WireFormat.DEFAULT, WireFormat.SIMPLE):
        payload = to_dict(event, format)
        assert from_dict(payload) == event
        _format_numbers(payload)


def _format_numbers(value: Any) -> None:
    if isinstance(value, Decimal):
        assert len(f"{value:,f}") < 100_000
    elif isinstance(value, dict):
        for each in value.values():
            _format_numbers(each)
    elif isinstance(value, list):
        for each in value:
            _format_numbers(each)


# --- wire -----------------------------------------------------------------------------------------

_converter: Final = SimpleFormatConverter()


def target_wire(data: bytes) -> None:
    """Control frames and requests are understood or refused; both halves agree; keys come back."""
    control = _tried(lambda: wire.decode_control(data))
    if isinstance(control, wire.ErrorFrame):
        again = wire.decode_control(wire.encode_error(control.name, control.message))
        assert again == control
    for flags in (True, False):
        try:
            request = wire.decode_request(data, camel_case_flags=flags)
        except wire.RequestRefused as refusal:
            refusal.message.encode()
            continue
        assert wire.decode_request(wire.encode_request(request)) == request
    try:
        payload = msgspec.json.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return
    _converter.to_simple(payload)
    _converter.to_default(payload)
    if (event := _tried(lambda: decode(data))) is not None and _tried(lambda: to_dict(event)) is not None:
        for there, back, format in (
            (_converter.to_simple, _converter.to_default, WireFormat.DEFAULT),
            (_converter.to_default, _converter.to_simple, WireFormat.SIMPLE),
        ):
            body = to_dict(event, format)
            assert back(there(body)) == body


# --- connection -----------------------------------------------------------------------------------

WANTED: Final[dict[Scope, tuple[tuple[str, list[str] | None, dict[str, Any]], ...]]] = {
    Scope.PUBLIC: (
        ("ticker", ["KRW-BTC", "KRW-ETH"], {}),
        ("trade", ["KRW-BTC"], {}),
        ("orderbook", ["KRW-BTC"], {"depth": 5}),
        ("candle", ["KRW-BTC"], {"unit": "1m"}),
    ),
    Scope.PRIVATE: (("my_order", None, {}), ("my_asset", None, {}), ("announcement", None, {})),
    Scope.INFO: (
        (
            "indicator",
            ["KRW-BTC"],
            {"timeframe": "5m", "indicators": [{"type": "rsi", "params": {"period": 14}}]},
        ),
    ),
}
ACTIONS_PER_SECOND: Final = 50
"""Of simulated time; the limits of Upbit allow 5 messages and 5 connections, pings come on top."""
EVENTS_PER_CALL: Final = 50


class World:
    """A connection, the routing behind it and a reader, joined as the manager joins them."""

    def __init__(self, scope: Scope, format: WireFormat) -> None:
        self.scope = scope
        self.now = 1_000.0
        self.errors: list[QtUpbitError] = []
        self.counted = 0
        self.shown: list[BaseWebSocketEvent] = []
        self.actions = 0
        self._subscriptions = SubscriptionStateManager()
        self._hub = FanoutHub(lambda delivery: None)
        self._engine = DataRoutingEngine(self._hub)
        tickets = map(str, itertools.count(1))
        self.connection = UpbitConnection(
            scope,
            WebSocketConfig(wire_format=format, backoff_initial_s=0.1),
            self._subscriptions,
            RollingWindowLimiter(((5, 1.0),)),
            random.Random(0),
            tickets.__next__,
        )
        owners = itertools.count()
        for name, codes, options in WANTED[scope]:
            row = EVENT_TYPES[name]
            for delivery in Delivery:
                owner = next(owners)
                stream_requests = requests_for(row, codes, **options)
                subscriber = Subscriber(
                    owner, name, delivery, depth=stream_requests[0].depth, high_water_mark=100
                )
                unserved = self._engine.attach(
                    subscriber,
                    [
                        Target(stream_request.key, stream_request.options)
                        for stream_request in stream_requests
                    ],
                )
                self._subscriptions.add(owner, stream_requests, unserved)
        self.connection.subscriptions_changed(self.now)
        self.carry_out()

    def carry_out(self) -> None:
        """Do what the connection asks, as a socket that always opens at once."""
        connection = self.connection
        for _ in range(10):
            self._hear()
            actions = connection.take_actions()
            if not actions:
                break
            for action in actions:
                self.actions += not isinstance(action, CloseSocket)
                if isinstance(action, OpenSocket):
                    connection.opened(action.epoch, self.now)
                elif isinstance(action, SendPing):
                    connection.pong_received(action.epoch, self.now)
        else:
            raise AssertionError("a tight loop of actions")
        due = connection.next_deadline()
        assert due is None or due == due, "a deadline that is not a number"

    def _hear(self) -> None:
        events = self.connection.take_events()
        assert len(events) <= EVENTS_PER_CALL, f"{len(events)} events of one call"
        for event in events:
            if isinstance(event, ErrorReported):
                self._report(event.error)
                self.counted += event.times - 1
            elif isinstance(event, FramesReleased):
                self._route(event.frames)
            elif isinstance(event, RequestSent):
                self._engine.streams_asked_for(self.scope, event.keys)

    def _report(self, error: QtUpbitError) -> None:
        check_error(error)
        self.errors.append(error)
        self.counted += 1

    def _route(self, frames: Any) -> None:
        for head, raw in frames:
            try:
                self._engine.route(head, raw, self.now)
            except DecodeError as error:
                self._report(error)

    def receive(self, data: bytes) -> None:
        """One frame, as `ScopeLink` hands it on."""
        frames = self.connection.receive(data, self.connection.epoch, self.now)
        self.carry_out()
        self._route(frames)

    def read(self) -> None:
        """What the frame clock does, and what a widget may."""
        for delivery in (Delivery.LATEST, Delivery.EVERY):
            while (subscriber := self._hub.turn(delivery)) is not None:
                while (item := subscriber.take()) is not None:
                    self._show(subscriber, item)
                self._hub.turn_over(subscriber)
        while (batch := self._hub.pop_batch()) is not None:
            for item in batch[1]:
                self._show(batch[0], item)

    def _show(self, subscriber: Subscriber, item: Any) -> None:
        if isinstance(item, Gap):
            return
        try:
            event = subscriber.view(item)
        except DecodeError as error:
            self._report(error)
            return
        read_all(event)
        self.shown.append(event)

    def wait(self, seconds: float) -> None:
        """Let time pass, tick by tick as deadlines come; too many are a tight loop."""
        end, before, ticks = self.now + seconds, self.actions, 0
        while (due := self.connection.next_deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            self.connection.tick(self.now)
            self.carry_out()
            ticks += 1
            assert ticks <= ACTIONS_PER_SECOND * (seconds + 1), "a tight loop of deadlines"
        self.now = end
        assert self.actions - before <= ACTIONS_PER_SECOND * (seconds + 1), "a tight loop of actions"


_FRAME_OF: Final[dict[Scope, bytes]] = {
    Scope.PUBLIC: b'{"type":"trade","code":"KRW-BTC","timestamp":1,"trade_date":"2026-01-01",'
    b'"trade_time":"00:00:00","trade_timestamp":1,"trade_price":7,"trade_volume":1,"ask_bid":"BID",'
    b'"prev_closing_price":1,"change":"RISE","change_price":6,"sequential_id":%d,"stream_type":"REALTIME"}',
    Scope.PRIVATE: b'{"type":"myAsset","asset_uuid":"fuzz","assets":[],"asset_timestamp":1,"timestamp":%d,'
    b'"stream_type":"REALTIME"}',
    Scope.INFO: b'{"type":"indicator","code":"KRW-BTC","timeframe":"5m","indicator":"rsi",'
    b'"params":{"period":14},"candle_date_time_utc":"2026-01-01T00:00:00","value":{"rsi":50},"timestamp":%d}',
}
_SCOPES: Final = tuple(Scope)
_FORMATS: Final = tuple(WireFormat)
GOOD_ID: Final = 4_242_424_242


def _in_format(frame: bytes, format: WireFormat) -> bytes:
    return encode(decode(frame), format)


def target_connection(data: bytes) -> None:
    """Frames in any order and any state: the stream goes on, and a good frame comes through.

    The first byte chooses scope and format; the rest is frames, separated by line ends. A line that begins
    with NUL is time passing.
    """
    kind = data[0] if data else 0
    scope, format = _SCOPES[kind % len(_SCOPES)], _FORMATS[kind // 4 % len(_FORMATS)]
    world = World(scope, format)
    good = _FRAME_OF[scope]
    world.wait(0.5)
    world.receive(_in_format(good % 1, format))
    for line in itertools.islice(data[1:].split(b"\n"), 200):
        if line.startswith(b"\x00"):
            world.wait(len(line) * 0.5)
        else:
            reported = len(world.errors)
            world.receive(line)
            assert len(world.errors) - reported <= 1 + line.count(b",")
        if len(world.shown) % 3 == 0:
            world.read()
        assert isinstance(world.connection.state, ConnectionState)
    world.read()
    if world.connection.state is ConnectionState.REJECTED:
        world.connection.retry(world.now)  # the server said so; it is the application's turn
        world.carry_out()
    # An error frame may have ended the socket, and a blocked address stays away for a minute.
    for _ in range(100):
        if world.connection.is_open:
            break
        world.wait(2.0)
    assert world.connection.is_open, f"{world.connection.state} forever: {world.connection.error}"
    world.shown.clear()
    world.receive(_in_format(good % GOOD_ID, format))
    world.read()
    assert len(world.shown) >= 1, "a good frame is lost"
    world.connection.lost(world.connection.epoch, world.now, ConnectionFailedError("the end"))
    world.connection.close()
    assert world.connection.state is ConnectionState.CLOSED


# --- REST -----------------------------------------------------------------------------------------

_CONVERTERS: Final[tuple[Callable[[Any], Any], ...]] = (
    rows.ticker,
    rows.orderbook,
    rows.trade,
    lambda row: rows.candle(row, "1m"),
    lambda row: rows.candle(row, "1d"),
    rows.market,
    rows.instrument,
    rows.balance,
    rows.order,
    rows.order_chance,
    rows.cancel_result,
)


def _parse_list(data: bytes, convert: Callable[[Any], Any]) -> list[Any]:
    """Without a loop: what it waits for is only its next turn."""
    reading = rows.parse_list(data, convert)
    while True:
        try:
            reading.send(None)
        except StopIteration as end:
            return list(end.value)


def target_rest(data: bytes) -> None:
    """Answers of REST calls: only the library's own error comes out."""
    for convert in _CONVERTERS:
        for parse in (rows.parse, _parse_list):
            found = _tried(lambda parse=parse, convert=convert: parse(data, convert))
            for each in found if isinstance(found, list) else (found,):
                if isinstance(each, BaseWebSocketEvent):
                    read_all(each)


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    "models": target_models,
    "wire": target_wire,
    "connection": target_connection,
    "rest": target_rest,
}

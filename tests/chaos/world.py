"""`World`: widgets with changing requests on an exchange where everything goes wrong, and what must hold."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import math
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import shiboken6
from PySide6.QtCore import QObject

from qt_upbit import (
    Account,
    BaseWebSocketEvent,
    CandleEvent,
    ConnectionState,
    Credentials,
    Delivery,
    GlobalWebSocketManager,
    OrderbookEvent,
    QtUpbitError,
    Scope,
    StreamKey,
    Subscription,
    TickerEvent,
    TradeEvent,
    WebSocketClientProxy,
    WebSocketConfig,
)
from qt_upbit.models import Head, decode
from qt_upbit.protocol.connection import TRANSITIONS
from qt_upbit.simulator.faults import faults
from qt_upbit.simulator.faults.faults import Fault
from qt_upbit.simulator.server.server import SimulatedServer
from qt_upbit.simulator.settings import SIMULATED_ACCESS_KEY, SIMULATED_SECRET_KEY, SimulatorSettings
from tests.chaos.departures import Departures
from tests.chaos.loop_watch import LoopWatch
from tests.chaos.server_thread import ServerThread
from tests.support.account import differences
from tests.support.names import resolver

CODES = ("KRW-BTC", "KRW-ETH", "KRW-XRP", "KRW-SOL", "KRW-USDT")
QUIET_WITHIN_S = 25.0
"""After the last fault: the longest watchdog, a reconnect, and REST."""
HISTORY = 60
FLUSHED_WITHIN_S = 8.0
STRETCHED_AT_MOST = 4.0
"""Factor by which a bound may be stretched before the machine is reported as too busy to judge."""
UNDER_WAY_S = 30.0
"""Trades of an outage come after it, and after what REST takes."""
_LEGAL = {(old, new) for (old, _), new in TRANSITIONS.items()}
_GAP_SLACK_S = 2.0
_OVERTAKEN_S = 0.1
_TRIES = 3
"""Of a run that the machine starved."""

SETTINGS = SimulatorSettings(
    markets=12, rate=3.0, order_interval_s=0.7, announcement_interval_s=3.0, trade_disorder=0.2,
    max_late_frames=2, rest_limit=10,
)  # fmt: skip
CONFIG: dict[str, Any] = {
    "ping_interval_s": 1.0,
    "pong_timeout_s": 1.0,
    "silence_timeout_s": 3.0,
    "audit_interval_s": 6.0,
    "silent_code_timeout_s": 4.0,
    "connect_timeout_s": 2.0,
    "close_timeout_s": 0.3,
    "linger_s": 0.5,
    "token_lifetime_s": 60.0,
}


class Broken(AssertionError):
    """An invariant does not hold."""


class Starved(Exception):
    """Something was late or came in a burst, but the process had too little CPU time to judge."""


@dataclass(eq=False)
class StreamRequest:
    """One subscription of a widget and what it was reported."""

    name: str
    codes: tuple[str, ...]
    delivery: Delivery
    subscription: Subscription
    depth: int = 0
    latest: dict[tuple[str, object], BaseWebSocketEvent] = field(default_factory=dict)
    trades: defaultdict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    delivered: int = 0

    def take(self, event: Any) -> None:
        """The callback."""
        for one in event if isinstance(event, tuple) else (event,):
            self.delivered += 1
            if isinstance(one, TradeEvent):
                self.trades[one.code][one.sequential_id] += 1
            extra = one.candle_date_time_utc if isinstance(one, CandleEvent) else None
            self.latest[one.code, extra] = one


class Widget(QObject):
    """Something on a screen."""

    def __init__(self, name: str, manager: GlobalWebSocketManager) -> None:
        super().__init__()
        self.proxy = WebSocketClientProxy(name, self, manager=manager)
        self.stream_requests: list[StreamRequest] = []
        self.gaps: list[tuple[Scope, tuple[str, ...], datetime, datetime]] = []
        self.lost = 0
        self.proxy.gap_detected.connect(self._on_gap)
        self.proxy.overflowed.connect(self._on_overflow)

    def _on_gap(self, scope: Scope, codes: tuple[str, ...], begin: datetime, end: datetime) -> None:
        self.gaps.append((scope, codes, begin, end))

    def _on_overflow(self, kind: str, lost: int) -> None:
        self.lost += lost


@dataclass
class Figures:
    """What a run showed; sums over runs with ``+``."""

    seeds: int = 0
    seconds: float = 0.0
    actions: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    frames_sent: int = 0
    delivered: int = 0
    trades_checked: int = 0
    fills_checked: int = 0
    trades_in_reported_gaps: int = 0
    reported_gaps: int = 0
    duplicated: int = 0
    reconnects: int = 0
    requests: int = 0
    errors_reported: int = 0
    violations: int = 0
    quiet_after_s: list[float] = field(default_factory=list)
    longest_block_s: float = 0.0
    longest_collection_s: float = 0.0
    ran_s: float = 0.0
    waited_s: float = 0.0
    longest_wait_s: float = 0.0
    starved: list[str] = field(default_factory=list)
    """What could only be kept because the bound was stretched by what the machine did not give."""

    @property
    def cpu_share(self) -> float:
        """What the two loops got of the processor of what they wanted, from 0 to 1."""
        wanted = self.ran_s + self.waited_s
        return self.ran_s / wanted if wanted > 0 else 1.0

    def __add__(self, other: Figures) -> Figures:
        joined = {name: mine + getattr(other, name) for name, mine in vars(self).items()}
        for name in ("longest_block_s", "longest_collection_s", "longest_wait_s"):
            joined[name] = max(getattr(self, name), getattr(other, name))
        return Figures(**joined)


class World:
    """One run.

    Args:
        seed: the actions and their order follow from it.
        server: running.
        switch_names: turns name resolution off and on.
    """

    def __init__(self, seed: int, server: ServerThread, switch_names: Callable[[bool], None]) -> None:
        self.rng = random.Random(seed)
        self.server = server
        self.figures = Figures(seeds=1)
        self.history: list[str] = []
        self._began = time.monotonic()
        self._switch_names = switch_names
        self._slept_s = 0.0
        credentials = Credentials(access_key=SIMULATED_ACCESS_KEY, secret_key=SIMULATED_SECRET_KEY)
        self.manager = GlobalWebSocketManager(
            WebSocketConfig.preset("testing", base_url=server.url, credentials=credentials, **CONFIG),
            wall_clock=lambda: time.time() + self._slept_s,
            rng=random.Random(seed),
        )
        self.departures = Departures(self.manager)
        self.widgets: list[Widget] = []
        self.states: dict[Scope, ConnectionState] = dict.fromkeys(Scope, ConnectionState.IDLE)
        self.broken: list[str] = []
        self.delisted: list[tuple[str, float]] = []
        self.watch = LoopWatch()
        server.after_call = self.watch.waits.skip
        self.manager.state_changed.connect(self._on_state)
        self.manager.error_occurred.connect(self._on_error)
        self.account = Account.instance(self.manager)
        self.fills: Counter[str] = Counter()
        self.account.filled.connect(lambda fill: self.fills.update((fill.uuid,)))
        self.account_gaps = 0
        self._known_fills: set[str] | None = None
        self.account.gap_detected.connect(self._on_account_gap)
        self._widgets_made = 0

    def _note(self, what: str) -> None:
        self.history.append(f"{time.monotonic() - self._began:.2f} {what}")

    # --- what is reported -------------------------------------------------------------------------------

    def _on_state(self, scope: Scope, new: ConnectionState) -> None:
        self._note(f"{scope.value} {new.name}")
        if (self.states[scope], new) not in _LEGAL:
            self.broken.append(f"{scope.value}: {self.states[scope].name} to {new.name}")
        self.states[scope] = new

    def _on_error(self, owner: str, error: QtUpbitError) -> None:
        self.figures.errors_reported += 1
        self._note(f"{owner}: {str(error)[:80]}")

    def _on_account_gap(self, *_: object) -> None:
        self.account_gaps += 1

    # --- what users do ------------------------------------------------------------------------------

    def add_widget(self) -> None:
        self._widgets_made += 1
        self.widgets.append(Widget(f"widget {self._widgets_made}", self.manager))
        for _ in range(self.rng.randrange(1, 4)):
            self._subscribe(self.widgets[-1])

    def change_a_widget(self) -> None:
        if self.widgets:
            widget = self.rng.choice(self.widgets)
            if widget.stream_requests and self.rng.random() < 0.5:
                self._unsubscribe(widget, self.rng.choice(widget.stream_requests))
            else:
                self._subscribe(widget)

    def destroy_a_widget(self) -> None:
        if len(self.widgets) < 3:
            return
        widget = self.widgets.pop(self.rng.randrange(len(self.widgets)))
        for stream_request in widget.stream_requests:
            self._settle(widget, stream_request)
        self.figures.reported_gaps += len(widget.gaps)
        how = self.rng.randrange(4)
        if how == 0:
            widget.deleteLater()
        elif how == 1:
            shiboken6.delete(widget)
        elif how == 2:
            widget.proxy.close()
            widget.deleteLater()
        else:
            stream_request = None  # type: ignore[assignment]  # nothing else holds it
            del widget
            with self.watch.not_ours():
                gc.collect()

    def _subscribe(self, widget: Widget) -> None:
        rng = self.rng
        name = rng.choice(("trade", "trade", "ticker", "orderbook", "candle"))
        codes = tuple(rng.sample(CODES, rng.randrange(1, 4)))
        delivery = rng.choice((Delivery.EVERY, Delivery.BATCH)) if name == "trade" else Delivery.LATEST
        options: dict[str, Any] = {}
        if name == "orderbook":
            options["depth"] = rng.choice((1, 5, 15, 30))
        if name == "candle":
            options["unit"] = rng.choice(("1s", "1m"))
        stream_request: StreamRequest

        def take(event: Any) -> None:
            stream_request.take(event)

        subscription = widget.proxy.open_subscription(
            name, list(codes), callback=take, delivery=delivery, **options
        )
        stream_request = StreamRequest(name, codes, delivery, subscription, options.get("depth", 0))
        widget.stream_requests.append(stream_request)
        self._note(f"{widget.proxy.name} subscribes to {name} of {', '.join(codes)}")

    def _unsubscribe(self, widget: Widget, stream_request: StreamRequest) -> None:
        self._settle(widget, stream_request)
        stream_request.subscription.close()
        widget.stream_requests.remove(stream_request)

    def reconnect(self) -> None:
        self.manager.reconnect(self.rng.choice((Scope.PUBLIC, Scope.PRIVATE)))

    def renew(self) -> None:
        self.manager.renew(Scope.PRIVATE)

    def sleep_and_wake(self) -> None:
        """The lines did not survive it."""
        self.server.inject(faults.Silence())
        self._slept_s += 3600.0

    def long_outage(self) -> None:
        """Nothing is reachable for minutes of the market's time, in which it goes on trading."""
        self.server.inject(faults.NotListening(for_s=self.rng.uniform(0.3, 2.0)))
        self.server.inject(faults.Reset())
        self.server.inject(faults.ClockSkew(seconds=self.rng.uniform(60.0, 900.0)))

    async def lose_names(self) -> None:
        self._switch_names(False)
        self.server.inject(faults.Reset(scope=Scope.PUBLIC))
        await asyncio.sleep(self.rng.uniform(0.2, 1.0))
        self._switch_names(True)

    # --- what goes wrong ----------------------------------------------------------------------------

    def fault(self) -> None:
        fault = self.rng.choice(_MENU)(self.rng)
        self._note(repr(fault))
        with contextlib.suppress(ValueError):  # delisted already, and the like
            self.server.inject(fault)
            if isinstance(fault, faults.Delist):
                self.delisted.append((fault.code, time.time()))

    # --- a run --------------------------------------------------------------------------------------

    async def step(self) -> None:
        """Something happens, and a moment passes."""
        names = list(_ACTIONS)
        name = self.rng.choices(names, [_ACTIONS[each] for each in names])[0]
        self.figures.actions[name] += 1
        self._note(name)
        work = getattr(self, name)()
        if work is not None:
            await work
        await asyncio.sleep(self.rng.choice((0.0, 0.01, 0.05, 0.2, 0.5)))
        with self.watch.not_ours():
            self.check_always()

    def check_always(self) -> None:
        """What holds at any moment."""
        broken = self.broken
        for widget in self.widgets:
            for stream_request in widget.stream_requests:
                for code, ids in stream_request.trades.items():
                    twice = [number for number, times in ids.items() if times > 1]
                    if twice:
                        broken.append(
                            f"trades {twice[:5]} of {code} were reported twice to {widget.proxy.name}"
                        )
                        self.figures.duplicated += len(twice)
            if widget.lost:
                broken.append(f"{widget.lost} events overflowed for {widget.proxy.name}")
        twice_filled = [uuid for uuid, times in self.fills.items() if times > 1]
        if twice_filled:
            broken.append(f"fills reported twice: {twice_filled[:5]}")
        violations = self.server.call(lambda server: server.exchange.violations.copy())
        if violations:
            too_fast = self.departures.too_fast()
            if not too_fast:
                raise Starved(f"limits broken: {dict(violations)}, by what left in time; {self._share()}")
            self.figures.violations = violations.total()
            broken.append(f"limits broken: {dict(violations)}: {too_fast}")
        self._raise()

    def _raise(self) -> None:
        if self.broken:
            raise Broken("; ".join(self.broken) + f"\n{self._share()}\n" + "\n".join(self.history[-HISTORY:]))

    # --- what the machine gives ---------------------------------------------------------------------

    @property
    def _waited_s(self) -> float:
        """What both loops waited for a processor since the beginning."""
        return self.watch.waits.waited_s + self.server.waits.waited_s

    @property
    def _longest_wait_s(self) -> float:
        return max(self.watch.waits.longest_s, self.server.waits.longest_s)

    def _share(self) -> str:
        self._note_share()
        return (
            f"the loops had {self.figures.cpu_share:.0%} of the processor they wanted, and waited for it "
            f"{self._waited_s:.1f} s in sum and {self._longest_wait_s:.2f} s at most"
        )

    def _note_share(self) -> None:
        waits = (self.watch.waits, self.server.waits)
        self.figures.ran_s = sum(each.ran_s for each in waits)
        self.figures.waited_s = self._waited_s
        self.figures.longest_wait_s = self._longest_wait_s

    async def _within(self, bound_s: float, what: str, why_not: Callable[[], str]) -> float:
        """Wait until nothing is wrong, and give the seconds that it took.

        Time in which the loops wanted a processor in vain does not count; a bound that is only kept because
        of that is noted.

        Raises:
            Starved: that it could not be reported.
        """
        began, waited = time.monotonic(), self._waited_s
        while why := why_not():
            elapsed = time.monotonic() - began
            if elapsed - (self._waited_s - waited) > bound_s:
                self.broken.append(f"{what} within {bound_s:g} s: {why}")
                self._raise()
            if elapsed > STRETCHED_AT_MOST * bound_s:
                raise Starved(f"{what} within {elapsed:.0f} s: {why}; {self._share()}")
            await asyncio.sleep(0.05)
        elapsed = time.monotonic() - began
        if elapsed > bound_s:
            self.figures.starved.append(f"{what} within {bound_s:g} s, but after {elapsed:.1f} s")
        return elapsed

    async def check_when_quiet(self) -> None:
        """Nothing more goes wrong: soon everything is as it should be, and nothing was lost."""
        self.server.call(lambda server: server.faults.clear())
        self._switch_names(True)
        self._note("quiet from now on")

        def why_not() -> str:
            self._help_out()
            with self.watch.not_ours():
                return self._why_not_quiet()

        self.figures.quiet_after_s.append(await self._within(QUIET_WITHIN_S, "not quiet", why_not))
        await self._check_completeness()
        with self.watch.not_ours():
            self.check_always()

    def _help_out(self) -> None:
        """A user reads the error, and acts: connects again, subscribes again to what was refused."""
        for scope in (Scope.PUBLIC, Scope.PRIVATE):
            if self.manager.state(scope) is ConnectionState.REJECTED:
                self.manager.reconnect(scope)
        for widget in self.widgets:
            for stream_request in tuple(widget.stream_requests):
                if stream_request.subscription.error is not None:
                    self._unsubscribe(widget, stream_request)

    def _wanted(self) -> dict[StreamKey, int]:
        """What the widgets want, with the depth of books."""
        wanted: dict[StreamKey, int] = {}
        for widget in self.widgets:
            for stream_request in widget.stream_requests:
                for key in stream_request.subscription.keys:
                    wanted[key] = max(wanted.get(key, 0), stream_request.depth)
        return wanted

    def _why_not_quiet(self) -> str:
        scopes = [Scope.PRIVATE] + ([Scope.PUBLIC] if self._wanted() else [])
        for scope in scopes:
            if self.manager.state(scope) is not ConnectionState.LIVE:
                return f"{scope.value} is {self.manager.state(scope).name}: {self.manager.error(scope)}"
        if self.manager._engine._buffers:
            return "a gap is being fixed"
        served, sockets = self.server.call(_served)
        if sockets[Scope.PRIVATE] != 1 or sockets[Scope.PUBLIC] != bool(self._wanted()):
            return f"sockets: {sockets}"
        if served != self._wanted():
            return f"asked for {served}, wanted {self._wanted()}"
        traded = self.server.call(lambda server: set(server.exchange.market.pairs))
        for widget in self.widgets:
            for stream_request in widget.stream_requests:
                waiting = [
                    key for key in stream_request.subscription._record.progress.awaited if key.code in traded
                ]
                if waiting:
                    return f"{widget.proxy.name} waits for {waiting}"
        if not self.account.is_synchronized:
            return f"the account is {self.account.state}: {self.account.error}"
        with self.server.paused() as server:
            return ", ".join(differences(self.account, server))

    # --- what must hold -----------------------------------------------------------------------------

    async def _check_completeness(self) -> None:
        """Stop the market and let the last frames come: nothing is missing, and LATEST shows the newest."""
        self.server.freeze(True)

        def why_not() -> str:
            with self.watch.not_ours():
                return self._outdated() or self._missing_fills() or self._missing_trades()

        try:
            await self._within(FLUSHED_WITHIN_S, "not complete", why_not)
        finally:
            self.server.freeze(False)

    def _missing_trades(self) -> str:
        for widget in self.widgets:
            for stream_request in widget.stream_requests:
                if why := self._lost_trades(widget, stream_request):
                    return why
        return ""

    def _outdated(self) -> str:
        (number,) = self.server.call(
            lambda server: [
                s.number
                for s in server.exchange.sessions
                if s.scope is Scope.PUBLIC and not s.silent and not s.unresponsive
            ]
        ) or (0,)
        if not number:
            return ""
        for widget in self.widgets:
            for stream_request in widget.stream_requests:
                if stream_request.name == "trade":
                    continue
                for key in stream_request.subscription.keys:
                    data = self.server.sent.get((number, Head(key.type, key.code)))
                    if data is None:
                        continue
                    expected = decode(data)
                    shown = _latest_of(stream_request, expected)
                    if shown is None and key in stream_request.subscription._record.progress.silent:
                        continue  # it came after the pair had been delisted, and was reported as undelivered
                    if shown is None or not _shows(shown, expected, stream_request.depth):
                        return f"not the newest: {widget.proxy.name} {key}: shown {shown}, sent {expected}"
        return ""

    def _missing_fills(self) -> str:
        """Each fill since the account was first known is reported."""
        with self.server.paused() as server:
            orders = server.exchange.account.orders.values()
            real = {fill.uuid for order in orders for fill in order.fills}
        if self._known_fills is None:
            self._known_fills = real
        new = real - self._known_fills
        missing = new - set(self.fills)
        self.figures.fills_checked = len(new)
        if not missing or self.account_gaps:
            return ""
        blamed = [order for order in orders if any(fill.uuid in missing for fill in order.fills)]
        details = [(order, self.account.order(order.uuid)) for order in blamed]
        return f"{len(missing)} fills were never reported: theirs and ours: {details}"

    def _settle(self, widget: Widget, stream_request: StreamRequest) -> None:
        """It ends: what was reported is complete up to the last trade, save for what is on its way."""
        if why := self._lost_trades(widget, stream_request, at_least_s=UNDER_WAY_S):
            self.broken.append(why)
        self._count(widget, stream_request)

    def _count(self, widget: Widget, stream_request: StreamRequest) -> None:
        self.figures.delivered += stream_request.delivered
        for code, reported in stream_request.trades.items():
            missing, checked = self._missing_of(stream_request, code, reported)
            self.figures.trades_checked += checked
            self.figures.trades_in_reported_gaps += len(missing)

    def _missing_of(
        self, stream_request: StreamRequest, code: str, reported: Counter[int]
    ) -> tuple[list[float], int]:
        """When the trades happened that were not reported since the first that was, and their number."""
        tape = self.server.tapes[code]
        places = {tape.index[number] for number in reported if number in tape.index}
        if not places:
            return [], 0
        # What a newcomer is shown first is what came last, and others may have overtaken it (seed 6047).
        begin = tape.times[min(places)] + _OVERTAKEN_S
        every = range(min(places), len(tape.times))
        lost = (tape.times[place] for place in every if place not in places)
        return [at for at in lost if at > begin], len(every)

    def _lost_trades(self, widget: Widget, stream_request: StreamRequest, at_least_s: float = 0.0) -> str:
        """Every trade since the first that was reported is reported too, or lies in a gap that was."""
        newest = time.time() - at_least_s
        for code, reported in stream_request.trades.items():
            missing, _ = self._missing_of(stream_request, code, reported)
            lost = [at for at in missing if at <= newest and not self._is_reported(widget, code, at)]
            if lost:
                ago = time.time() - lost[0]
                why = (
                    f"{len(lost)} trades of {code} never came to {widget.proxy.name}, the first {ago:.1f} s "
                    f"ago, reported gaps: {widget.gaps}"
                )
                if self._longest_wait_s > _GAP_SLACK_S / 2:
                    # When a trade happened and when a gap began are seen by two loops, and one stood still.
                    raise Starved(f"{why}; {self._share()}")
                return why
        return ""

    def _is_reported(self, widget: Widget, code: str, at: float) -> bool:
        # A request interrupts the streams (a setting of the exchange), and of a pair that is delisted just
        # then no snapshot comes that would show the gap; nor would REST know the pair.
        if any(code == gone and when - _GAP_SLACK_S - 0.5 <= at <= when for gone, when in self.delisted):
            return True
        return any(
            code in codes and begin.timestamp() - _GAP_SLACK_S <= at <= end.timestamp() + _GAP_SLACK_S
            for _, codes, begin, end in widget.gaps
        )

    async def aclose(self) -> None:
        for widget in self.widgets:
            for stream_request in widget.stream_requests:
                self._count(widget, stream_request)
            self.figures.reported_gaps += len(widget.gaps)
        metrics = self.manager.metrics()
        for each in metrics.scopes.values():
            self.figures.reconnects += each.reconnects
            self.figures.requests += each.requests_sent
        self.figures.longest_block_s = self.watch.longest_s
        self.figures.longest_collection_s = self.watch.longest_collection_s
        self.figures.faults = self.server.call(lambda server: server.faults.injected.copy())
        self.figures.frames_sent = self.server.frames_sent
        self._note_share()
        self.watch.stop()
        for widget in self.widgets:
            widget.proxy.close()
            widget.deleteLater()
        self.widgets.clear()
        await self.manager.aclose()
        self.manager.deleteLater()


def _served(server: SimulatedServer) -> tuple[dict[StreamKey, int], Counter[Scope]]:
    """What the exchange serves on its public socket, and how many sockets there are."""
    served: dict[StreamKey, int] = {}
    sockets: Counter[Scope] = Counter()
    for session in server.exchange.sessions:
        if session.silent or session.unresponsive:
            continue  # the exchange cannot notice that its client has left
        sockets[session.scope] += 1
        if session.scope is not Scope.PUBLIC:
            continue
        for streams in session.streams.values():
            for stream in streams:
                is_book = stream.wire_type == "orderbook"
                key = StreamKey(stream.wire_type, stream.code, (int(stream.level),) if is_book else ())
                served[key] = max(served.get(key, 0), stream.depth if is_book else 0)
    return served, sockets


def _latest_of(stream_request: StreamRequest, expected: BaseWebSocketEvent) -> BaseWebSocketEvent | None:
    code = getattr(expected, "code", "")
    extra = expected.candle_date_time_utc if isinstance(expected, CandleEvent) else None
    return stream_request.latest.get((code, extra))


def _shows(shown: BaseWebSocketEvent, expected: BaseWebSocketEvent, depth: int) -> bool:
    """Whether a widget shows what was sent last, or what REST has added to it since."""
    if isinstance(shown, CandleEvent) and isinstance(expected, CandleEvent) and shown.is_recovered:
        return (shown.candle_acc_trade_volume or 0) >= (expected.candle_acc_trade_volume or 0)
    return _face(shown, depth) == _face(expected, depth)


def _face(event: BaseWebSocketEvent, depth: int) -> object:
    """What a widget shows of an event."""
    match event:
        case TickerEvent():
            return event.trade_price, event.acc_trade_volume, event.high_price, event.low_price
        case OrderbookEvent():
            return event.orderbook_units[: depth or None]
        case CandleEvent():
            return event.trade_price, event.candle_acc_trade_volume, event.candle_date_time_utc
    return event


_LINES = (faults.Cut, faults.Reset, faults.Silence, faults.StopReading, faults.Stall)
_FRAMES = (
    faults.Garbage, faults.Truncated, faults.WrongTypes, faults.MissingFields, faults.UnknownType,
    faults.UnknownFields, faults.Microseconds, faults.Duplicate, faults.Reorder, faults.Fragment,
)  # fmt: skip
_BOTH = (Scope.PUBLIC, Scope.PUBLIC, Scope.PRIVATE, None)
_ERRORS = ("WRONG_FORMAT", "NO_TYPE", "INVALID_PARAM", "Too Many Requests", "INVALID_AUTH")

_Maker = Callable[[random.Random], Fault]
_MENU: tuple[_Maker, ...] = (
    *((lambda rng, kind=kind: kind(scope=rng.choice(_BOTH))) for kind in _LINES),
    lambda rng: faults.Close(scope=rng.choice(_BOTH), code=rng.choice((1000, 1001, 1011, 1012, 4000))),
    lambda rng: faults.ErrorFrame(scope=rng.choice(_BOTH), error=rng.choice(_ERRORS)),
    *(
        (lambda rng, kind=kind: kind(times=rng.randrange(1, 30), type=rng.choice(("", "trade", "orderbook"))))
        for kind in _FRAMES
    ),
    lambda rng: faults.Garbage(times=20, place="after"),
    lambda rng: faults.Duplicate(scope=Scope.PRIVATE, times=5),
    lambda rng: faults.Reorder(scope=Scope.PRIVATE, type="myOrder", times=5, seconds=0.2),
    lambda rng: faults.Huge(),
    lambda rng: faults.CompressionBomb(mebibytes=32),
    lambda rng: faults.RefuseHandshakes(status=rng.choice((500, 502, 503)), times=rng.randrange(1, 4)),
    lambda rng: faults.RefuseHandshakes(status=rng.choice((429, 418)), retry_after_s=rng.randrange(1, 3)),
    lambda rng: faults.RefuseHandshakes(status=401, scope=Scope.PRIVATE),
    lambda rng: faults.SlowHandshakes(seconds=rng.uniform(0.2, 3.0)),
    lambda rng: faults.NotListening(for_s=rng.uniform(0.3, 2.0)),
    lambda rng: faults.Maintenance(for_s=rng.uniform(0.3, 2.0)),
    lambda rng: faults.ClockSkew(seconds=rng.uniform(0.1, 5.0)),
    lambda rng: faults.Delist(code=rng.choice(CODES)),
    lambda rng: faults.NewListing(code=rng.choice(CODES)),
    lambda rng: faults.DropStreams(share=rng.uniform(0.1, 1.0)),
    lambda rng: faults.LateFrames(number=rng.randrange(1, 5), seconds=rng.uniform(0.0, 0.5), for_s=3.0),
)
_ACTIONS = {
    "fault": 10,
    "change_a_widget": 6,
    "add_widget": 2,
    "destroy_a_widget": 2,
    "reconnect": 1,
    "renew": 2,
    "sleep_and_wake": 1,
    "long_outage": 1,
    "lose_names": 1,
}


async def run(seed: int, steps: int, rounds: int) -> Figures:
    """A run: `rounds` times `steps` actions, and quiet after each round.

    One that the machine starved is repeated.

    Raises:
        Broken: with the seed and the last actions.
        Starved: every time; nothing is known to be broken.
    """
    starved: list[str] = []
    for _ in range(_TRIES):
        try:
            figures = await _run(seed, steps, rounds)
        except Starved as exc:
            starved.append(str(exc))
        else:
            figures.starved += [f"repeated: {each}" for each in starved]
            return figures
    raise Starved(f"seed {seed}, {_TRIES} times: {starved[-1]}")


async def _run(seed: int, steps: int, rounds: int) -> Figures:
    await _first_deletion()
    began = time.monotonic()
    with resolver() as switch_names, ServerThread(SETTINGS) as server:
        world = World(seed, server, switch_names)
        try:
            for _ in range(4):
                world.add_widget()
            for _ in range(rounds):
                for _ in range(steps):
                    await world.step()
                await world.check_when_quiet()
        except Broken as exc:
            raise Broken(f"seed {seed}: {exc}") from None
        finally:
            await world.aclose()
    world.figures.seconds = time.monotonic() - began
    return world.figures


async def _first_deletion() -> None:
    """PySide makes its classes of events when the first is filtered, which takes longer than a slice."""
    gone = asyncio.get_running_loop().create_future()
    first = QObject()
    first.destroyed.connect(lambda: gone.set_result(None))
    first.deleteLater()
    await gone


def percentile(values: list[float], share: float) -> float:
    """Of a non-empty list."""
    return sorted(values)[min(len(values) - 1, math.floor(share * len(values)))]

"""`SimulatedExchange`: the server side of the protocol without sockets and without a clock."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from qt_upbit.protocol import wire
from qt_upbit.protocol.wire import RequestRefused
from qt_upbit.simulator.account.account import Account, Order
from qt_upbit.simulator.account.first_orders import place_first_orders
from qt_upbit.simulator.account.matching_engine import MatchingEngine, OrderRequest
from qt_upbit.simulator.account.scripted_trader import ScriptedTrader
from qt_upbit.simulator.market.announcer import Announcer
from qt_upbit.simulator.market.indicator_feed import IndicatorFeed
from qt_upbit.simulator.market.market import SimulatedMarket
from qt_upbit.simulator.market.pair import Trade
from qt_upbit.simulator.market.price_grid import to_units
from qt_upbit.simulator.market.price_path import mix, text_seed
from qt_upbit.simulator.market.sample_feed import SampleFeed
from qt_upbit.simulator.replay.replay import Replay
from qt_upbit.simulator.sessions.admission import Admission
from qt_upbit.simulator.sessions.dispatcher import Dispatcher
from qt_upbit.simulator.sessions.keepalive import Keepalive
from qt_upbit.simulator.sessions.rate_window import RateWindow
from qt_upbit.simulator.sessions.refusal import Refusal
from qt_upbit.simulator.sessions.request_check import check_request
from qt_upbit.simulator.sessions.session import Close, Message, Session
from qt_upbit.simulator.sessions.subscriptions import Subscriptions
from qt_upbit.simulator.sessions.timers import Timers
from qt_upbit.simulator.sessions.token_check import TokenCheck, TokenRefused
from qt_upbit.simulator.settings import SimulatorSettings
from qt_upbit.types import AskBid, BaseWebSocketEvent, MarketState, OrderType, Scope, StreamType

__all__ = ["SimulatedExchange"]

_INVALID_AUTH: Final = ("INVALID_AUTH", "인증 정보가 올바르지 않습니다.")


class SimulatedExchange:
    """Upbit's side of every socket. Call `tick` often; send what each session's `take` returns.

    Times are seconds on one clock that starts as seconds since the epoch. The same seed, settings and
    calls give the same frames.

    Args:
        settings: behaviour.
        now: start time.
        replay: a recording to play instead of a running market; starts with the first subscription to it.
    """

    def __init__(
        self, settings: SimulatorSettings | None = None, *, now: float, replay: Replay | None = None
    ) -> None:
        self.settings = settings or SimulatorSettings()
        self.started = now
        self.violations: Counter[str] = Counter()
        """Broken limits, counted: ``connect``, ``message_second``, ``message_minute``, ``origin``,
        ``rest``."""
        self.sessions: list[Session] = []
        self.timers = Timers(now)
        self.replay = replay
        self.market = SimulatedMarket(
            self.settings, int(now * 1000), also=replay.codes if replay is not None else ()
        )
        self.dispatcher = Dispatcher(self.settings, self.timers, self.market.supported_levels)
        self.accounts: dict[str, Account] = {}
        """By access key, the first account first."""
        self.account = self._add_account(self.settings.access_key, self.settings.seed)
        self.engine = MatchingEngine(
            self.settings, self.market, self.account, self.dispatcher, self._call_later
        )
        for each in self.settings.further_accounts:
            account = self._add_account(each.access_key, mix(self.settings.seed, text_seed(each.access_key)))
            for currency, amount in each.balances.items():
                account.balance(currency).balance = Decimal(amount)
            self.engine.add_account(account)
        self.admission = Admission(self.settings, self.accounts, self.violations)
        trading = self.accounts[self.settings.trader_access_key or self.settings.access_key]
        self._trader = ScriptedTrader(self.settings, self.market, trading, self.engine)
        self.is_trader_running = self.settings.account_running
        """Whether an account trades automatically."""
        if trading is not self.account:
            self._trader.fund(self.account)
        self._announcer = Announcer(
            self.settings.seed,
            self.settings.announcement_interval_s,
            self.market.start_ms,
            tuple(dict.fromkeys(pair.listing.coin.symbol for pair in self.market)),
        )
        self._indicators = IndicatorFeed(self.market, self.settings.indicator_delay_s)
        self._samples = SampleFeed(
            self.market,
            (*self.market.EVENTS, *Account.EVENTS, *Announcer.EVENTS, *IndicatorFeed.EVENTS),
            self.settings.sample_interval_s,
        )
        self.on_output: Callable[[Session], None] = lambda session: None
        self.is_offline = False
        """In maintenance: nothing happens, and REST says so."""
        self.is_reachable = True
        """Whether new connections are accepted; the server enforces it."""
        self._rng = random.Random(mix(self.settings.seed, 1001))  # noqa: S311  # a simulation, not a secret
        self._keepalive = Keepalive(self.settings, self.dispatcher, self.timers)
        self._subscriptions = Subscriptions(
            self.settings, self.market, self._samples, replay, self.dispatcher, self.timers, self._rng,
            lambda: self.is_offline,
        )  # fmt: skip
        self._totals: Counter[Scope] = Counter()
        self._skew_s = 0.0
        if self.settings.account_history:
            place_first_orders(
                self._trader.pairs,
                self.account,
                self.engine,
                worth=Decimal(self.settings.initial_krw) / 100,
                seed=self.settings.seed,
                now_ms=self.market.start_ms,
            )

    def _call_later(self, seconds: float, callback: Callable[[int], None]) -> None:
        self.timers.call_later(seconds, lambda at: callback(self.market_ms(at)))

    # --- time -----------------------------------------------------------------------------------

    def market_ms(self, now: float) -> int:
        """Market time in milliseconds."""
        passed = (now - self.started) * self.settings.time_scale
        return int((self.started + passed + self._skew_s) * 1000)

    def tick(self, now: float, max_events: int = 1_000_000) -> bool:
        """Process everything that is due; return whether `max_events` left something over."""
        self.timers.run(now, max_events)
        market_ms = self.market_ms(now)
        more = not self.is_offline and self.market.tick(market_ms, self.dispatcher, max_events)
        if self.replay is not None:
            recorded = self.replay.take(now, max_events)
            for frame in recorded:
                self.dispatcher.publish_recorded(frame)
            more = more or len(recorded) == max_events
        more = more or self.timers.is_due(now)
        if not more:
            if self.settings.market_running and not self.is_offline:
                self._tick_feeds(market_ms)
            self.dispatcher.flush_batches()
        return more

    def _tick_feeds(self, market_ms: int) -> None:
        """Orders, notices, indicators, and sampled types that a session has requested."""
        if self.is_trader_running:
            self._trader.tick(market_ms)
        notice = self._announcer.tick(market_ms)
        if notice is not None:
            self.publish(notice)
        for unit, start_s in self._indicators.closed(market_ms):
            items = [item for session in self.sessions for item in session.subscription]
            for event in self._indicators.events(items, unit, start_s, market_ms):
                self.publish(event)
        if self.replay is None:
            for event in self._samples.due(self._sampled(), market_ms):
                self.publish(event)

    def _sampled(self) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        """Requested streams of types that only the sample feed makes, each once."""
        seen: set[tuple[Hashable, ...]] = set()
        for session in self.sessions:
            for streams in session.streams.values():
                for stream in streams:
                    key = (stream.wire_type, stream.code, *stream.wanted)
                    if stream.live and key not in seen and self._samples.serves(stream.spec):
                        seen.add(key)
                        yield stream.wire_type, stream.code, stream.item.options

    def trade(self, code: str, price: Decimal, volume: Decimal, ask_bid: AskBid, now: float) -> Trade:
        """Trade at a price between third parties, even in a stopped market; open orders it reaches fill.

        Args:
            code: the pair.
            price: of the trade.
            volume: base currency.
            ask_bid: the taker's side: ASK fills open bids at `price` or higher.
            now: the exchange's time.
        """
        pair, at = self.market.pairs[code], self.market_ms(now)
        trade = pair.execute(at, to_units(price), to_units(volume), ask_bid)
        self.market.announce(pair, [trade], at, self.dispatcher)
        for listener in self.market.trade_listeners:
            listener(pair, trade)
        return trade

    def reserve(
        self, code: str, ask_bid: AskBid, price: Decimal, volume: Decimal, *, account: Account | None = None
    ) -> Order:
        """Place a reserved limit order, as Upbit's own applications do: it waits (``watch``) for `trigger`.

        Args:
            code: the pair.
            ask_bid: side.
            price: limit.
            volume: base currency.
            account: the owner; None is the first account.

        Raises:
            OrderRefused: Upbit would refuse it.
        """
        request = OrderRequest(
            code=code, side=ask_bid, order_type=OrderType.LIMIT, price=price, volume=volume
        )
        return self.engine.reserve(request, self.market_ms(self.timers.now), account=account)

    def trigger(self, order: Order) -> None:
        """Put a reserved order into the book."""
        self.engine.trigger(order, self.market_ms(self.timers.now))

    # --- accounts -------------------------------------------------------------------------------

    def _add_account(self, access_key: str, seed: int) -> Account:
        account = Account(seed, lambda event: self.publish(event, account))
        self.accounts[access_key] = account
        return account

    @property
    def tokens(self) -> TokenCheck:
        """The known keys; may be replaced."""
        return self.admission.tokens

    @tokens.setter
    def tokens(self, tokens: TokenCheck) -> None:
        self.admission.tokens = tokens

    @property
    def refuse_keys_with(self) -> str | None:
        """An error name with which every token is refused, such as ``no_authorization_ip``; or None."""
        return self.admission.refuse_keys_with

    @refuse_keys_with.setter
    def refuse_keys_with(self, name: str | None) -> None:
        self.admission.refuse_keys_with = name

    def verify_token(self, authorization: str | None, query: str = "") -> Account:
        """The account that a token opens, or `TokenRefused`."""
        return self.admission.verify_token(authorization, query)

    def call_later(self, seconds: float, callback: Callable[[], None]) -> None:
        """Schedule a callback a number of seconds from now."""
        self.timers.call_later(seconds, lambda at: callback())

    # --- connections ----------------------------------------------------------------------------

    def admit(self, scope: Scope, headers: Mapping[str, str], address: str, now: float) -> Refusal | None:
        """Check a handshake; None accepts it. Counts against the connection limits."""
        return self.admission.admit(scope, _lower(headers), address, now)

    def connect(self, scope: Scope, now: float, headers: Mapping[str, str] | None = None) -> Session:
        """Open a session for a socket that `admit` accepted.

        Args:
            scope: its endpoint.
            now: the exchange's time.
            headers: of the handshake; their token decides the account of a private session, which is
                the first account without one.
        """
        settings = self.settings
        self.timers.advance(now)
        authorization = _lower(headers or {}).get("authorization")
        session = Session(
            self._totals.total() + 1,
            scope,
            now,
            self._rng.uniform(5.5, 8.0) % settings.up_interval_s or settings.up_interval_s,
            RateWindow(settings.messages_per_second, 1.0),
            RateWindow(settings.messages_per_minute, 60.0),
            lambda ready: self.on_output(ready),
        )
        session.last_activity = now
        if scope.needs_auth:
            session.account = self.admission.claimed_account(authorization)
        self.sessions.append(session)
        self._totals[scope] += 1
        self._keepalive.watch(session)
        if scope.needs_auth and settings.auth_failure == "frame":
            try:
                self.verify_token(authorization)
            except TokenRefused:
                self.dispatcher.refuse(session, *_INVALID_AUTH)
        return session

    def disconnect(self, session: Session) -> None:
        """The socket is closed."""
        session.closed = True
        session.outbox.clear()
        self.dispatcher.drop(session, tuple(session.streams))
        if session in self.sessions:
            self.sessions.remove(session)

    def connection_count(self, scope: Scope) -> int:
        """Sockets open now."""
        return sum(session.scope is scope for session in self.sessions)

    def total_connections(self, scope: Scope) -> int:
        """Sockets opened since the start."""
        return self._totals[scope]

    # --- what clients send ----------------------------------------------------------------------

    def receive(self, session: Session, raw: str | bytes, now: float) -> None:
        """Process a message from a client."""
        self.timers.advance(now)
        session.messages.append(Message(raw, now))
        session.last_activity = now
        if session.closing or session.closed or session.silent:
            return
        text = raw.decode(errors="replace") if isinstance(raw, bytes) else raw
        is_ping = text == wire.PING_TEXT
        if (not is_ping or self.settings.text_ping_counts) and not self._count_message(session, now):
            return
        if is_ping:
            self._keepalive.start_heartbeat(session, now)
            return
        try:
            if isinstance(raw, bytes) and not self.settings.binary_requests:
                raise RequestRefused("WRONG_FORMAT", "Format 이 맞지 않습니다.")
            request = wire.decode_request(raw, camel_case_flags=self.settings.camel_case_flags)
            check_request(request, session.scope, self.settings.max_indicator_combinations)
        except RequestRefused as exc:
            self.dispatcher.refuse(session, exc.name, exc.message)
            return
        if request.method is not None:
            self._subscriptions.list_for(session, request)
        else:
            self._subscriptions.replace(session, request, now)

    def receive_ping(self, session: Session, now: float) -> bool:
        """Process a ping frame; return whether to answer it."""
        if session.silent:
            return False
        self.timers.advance(now)
        if self.settings.ping_keeps_open:
            session.last_activity = now
        return not self.settings.ping_frame_counts or self._count_message(session, now)

    def _count_message(self, session: Session, now: float) -> bool:
        """Count a message; return whether it may be processed."""
        broken = [
            name
            for name, window in (("message_second", session.second), ("message_minute", session.minute))
            if not window.hit(now)
        ]
        self.violations.update(broken)
        if not broken or self.settings.message_excess == "count":
            return True
        if self.settings.message_excess == "abort":
            session.put(Close(None, "too many messages"))
        else:
            self.dispatcher.refuse(session, "Too Many Requests", "요청 수 제한을 초과했습니다.")
        return False

    # --- market events -------------------------------------------------------------------

    def wants(self, wire_type: str, code: str) -> bool:
        """Whether any session has requested a stream."""
        return self.dispatcher.wants(wire_type, code)

    def publish(self, event: BaseWebSocketEvent, account: Account | None = None) -> None:
        """Send an event to every session that is subscribed to its type and code.

        Args:
            event: of any type.
            account: only to sessions of this account. None: to all; an account's own events, to those of
                the first account.
        """
        if account is None and isinstance(event, Account.EVENTS):
            account = self.account
        self.dispatcher.publish(event, account)

    def send_raw(self, session: Session, data: bytes) -> None:
        """Send one JSON object to a session as a frame of its format."""
        self.dispatcher.send(session, data)

    # --- faults (`qt_upbit.simulator.faults`) ------------------------------------------

    def send_error(self, session: Session, name: str, message: str) -> None:
        """Send an error frame, and the close that follows it."""
        self.dispatcher.refuse(session, name, message)

    def set_offline(self, offline: bool) -> None:
        """Begin or end maintenance: no trades, no frames, and REST answers ``market_offline``."""
        self.is_offline = offline

    def skew_clock(self, seconds: float) -> None:
        """Move the market's clock forward."""
        self._skew_s += seconds

    def delist(self, code: str) -> None:
        """Delist a pair: its orders are cancelled, and a last ticker says so.

        Raises:
            ValueError: there is no such pair.
        """
        pair = self.market.delist(code)
        if pair is None:
            raise ValueError(f"{code} is not traded")
        now_ms = self.market_ms(self.timers.now)
        for account in self.accounts.values():
            for order in account.open_orders:
                if order.code == code:
                    account.cancel(order, now_ms)
        last = pair.ticker_event(now_ms, StreamType.REALTIME)
        self.publish(
            msgspec.structs.replace(last, market_state=MarketState.DELISTED, is_trading_suspended=True)
        )

    def list_pair(self, code: str) -> None:
        """List a pair.

        Raises:
            ValueError: it is traded already, or the coin is unknown.
        """
        if self.market.list_pair(code) is None:
            raise ValueError(f"{code} is traded already, or its coin is unknown")

    def drop_streams(self, scope: Scope, share: float, listed: bool) -> None:
        """Silently serve only part of what was requested, until the next request.

        Args:
            scope: on which endpoint.
            share: of the streams that are dropped.
            listed: LIST_SUBSCRIPTIONS names them nevertheless.
        """
        for session in self.sessions:
            if session.scope is scope:
                self._subscriptions.drop_some(session, share, listed)

    def set_late_frames(self, number: int | None, seconds: float) -> None:
        """How many frames of the old subscription follow a replacement, and when; None is the setting."""
        self._subscriptions.set_late_frames(number, seconds)


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}

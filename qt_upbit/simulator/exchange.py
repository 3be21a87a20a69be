"""`SimulatedExchange`: the server side of the protocol without sockets and without a clock."""

from __future__ import annotations

import dataclasses
import heapq
import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import msgspec

from qt_upbit.protocol import wire
from qt_upbit.protocol.wire import Request, RequestItem, RequestRefused
from qt_upbit.simulator.account.account import Account
from qt_upbit.simulator.account.matching_engine import MatchingEngine
from qt_upbit.simulator.account.scripted_trader import ScriptedTrader
from qt_upbit.simulator.market.announcer import Announcer
from qt_upbit.simulator.market.book import Book
from qt_upbit.simulator.market.frame_writer import encode_object
from qt_upbit.simulator.market.indicator_feed import IndicatorFeed
from qt_upbit.simulator.market.market import SimulatedMarket
from qt_upbit.simulator.market.pair import Trade
from qt_upbit.simulator.market.price_grid import SCALE, to_units
from qt_upbit.simulator.market.price_path import mix, text_seed
from qt_upbit.simulator.replay.replay import Replay, ReplayFrame
from qt_upbit.simulator.sessions.rate_window import RateWindow
from qt_upbit.simulator.sessions.session import Close, Message, Raw, Session, Stream, streams_of
from qt_upbit.simulator.sessions.token_check import TokenCheck, TokenRefused
from qt_upbit.simulator.settings import SimulatorSettings
from qt_upbit.types import (
    AskBid,
    BaseWebSocketEvent,
    MarketState,
    MyAssetEvent,
    MyOrderEvent,
    Scope,
    StreamType,
    WireFormat,
    spec_of,
)

__all__ = ["Refusal", "SimulatedExchange"]

_ABSENT_ABROAD: Final = frozenset(
    ("trade_fee", "is_maker", "identifier", "smp_type", "prevented_volume", "prevented_locked")
)
"""Of myOrder frames, in captures from Singapore (protocol section 3.5)."""
_INVALID_AUTH: Final = ("INVALID_AUTH", "인증 정보가 올바르지 않습니다.")
_json: Final = msgspec.json.Encoder()


Disturbance = Callable[[Session, bytes], Iterable[bytes | Raw]]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A handshake or call that is turned away with an HTTP status."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def error_body(name: str | int, message: str) -> bytes:
    """The body of an HTTP error."""
    return _json.encode({"error": {"name": name, "message": message}})


class SimulatedExchange:
    """Upbit's side of every socket. Call `tick` often; send what sessions' `take` returns.

    Times are seconds on one clock that starts as seconds since the epoch. The same seed, settings and
    calls give the same frames.

    Args:
        settings: behaviour.
        now: time of the start.
        replay: a recording to play instead of a running market, once somebody has subscribed to it.
    """

    def __init__(
        self, settings: SimulatorSettings | None = None, *, now: float, replay: Replay | None = None
    ) -> None:
        self.settings = settings or SimulatorSettings()
        self.started = now
        self.violations: Counter[str] = Counter()
        """Broken limits: ``connect``, ``message_second``, ``message_minute``, ``origin``, ``rest``."""
        self.sessions: list[Session] = []
        further = self.settings.further_accounts
        self.tokens = TokenCheck(
            self.settings.access_key,
            self.settings.secret_key,
            {each.access_key: each.secret_key for each in further},
        )
        self.replay = replay
        self.market = SimulatedMarket(
            self.settings, int(now * 1000), also=replay.codes if replay is not None else ()
        )
        self.accounts: dict[str, Account] = {}
        """By access key, the first one first."""
        self.account = self._add_account(self.settings.access_key, self.settings.seed)
        self.engine = MatchingEngine(self.settings, self.market, self.account, self, self._call_later)
        for each in further:
            account = self._add_account(each.access_key, mix(self.settings.seed, text_seed(each.access_key)))
            for currency, amount in each.balances.items():
                account.balance(currency).balance = Decimal(amount)
            self.engine.add_account(account)
        self._trader = ScriptedTrader(self.settings, self.market, self.account, self.engine)
        self.refuse_keys_with: str | None = None
        """An error name with which every token is refused from now on, such as ``no_authorization_ip``."""
        self._announcer = Announcer(
            self.settings.seed,
            self.settings.announcement_interval_s,
            self.market.start_ms,
            tuple(dict.fromkeys(pair.listing.coin.symbol for pair in self.market)),
        )
        self._indicators = IndicatorFeed(self.market, self.settings.indicator_delay_s)
        self.on_output: Callable[[Session], None] = lambda session: None
        self.disturb: Disturbance | None = None
        """Looks at every data frame, and says what goes out instead; None while nothing is wrong."""
        self.is_offline = False
        """Maintenance: nothing happens, and REST says so."""
        self.is_reachable = True
        """Whether new connections get through to it; the server sees to that."""
        self._rng = random.Random(mix(self.settings.seed, 1001))  # noqa: S311  # a simulation, not a secret
        self._totals: Counter[Scope] = Counter()
        self._connects: dict[str, RateWindow] = {}
        self._origins: dict[str, RateWindow] = {}
        self._index: dict[tuple[str, str], dict[Session, list[Stream]]] = {}
        self._timers: list[tuple[float, int, Callable[[float], None]]] = []
        self._count = 0
        self._now = now
        self._skew_s = 0.0
        self._late_frames: tuple[int | None, float] = (None, 0.0)
        self._batched: list[Session] = []

    # --- time -----------------------------------------------------------------------------------

    def market_ms(self, now: float) -> int:
        """Market time in milliseconds."""
        passed = (now - self.started) * self.settings.time_scale
        return int((self.started + passed + self._skew_s) * 1000)

    def tick(self, now: float, max_events: int = 1_000_000) -> bool:
        """Let everything happen that is due; whether something is left because of `max_events`."""
        self._now = max(now, self._now)
        for _ in range(max_events):
            if not self._timers or self._timers[0][0] > now:
                break
            heapq.heappop(self._timers)[2](now)
        market_ms = self.market_ms(now)
        more = not self.is_offline and self.market.tick(market_ms, self, max_events)
        if self.replay is not None:
            recorded = self.replay.take(now, max_events)
            for frame in recorded:
                self._publish_recorded(frame)
            more = more or len(recorded) == max_events
        more = more or bool(self._timers and self._timers[0][0] <= now)
        if not more:
            if self.settings.market_running and not self.is_offline:
                self._tick_private(market_ms)
            self._flush_batches()
        return more

    def _tick_private(self, market_ms: int) -> None:
        """Orders, notices and indicators."""
        if self.settings.account_running:
            self._trader.tick(market_ms)
        notice = self._announcer.tick(market_ms)
        if notice is not None:
            self.publish(notice)
        for unit, start_s in self._indicators.closed(market_ms):
            items = [item for session in self.sessions for item in session.subscription]
            for event in self._indicators.events(items, unit, start_s, market_ms):
                self.publish(event)

    def trade(self, code: str, price: Decimal, volume: Decimal, ask_bid: AskBid, now: float) -> Trade:
        """Have others trade at a price, also on a market that stands still; waiting orders it reaches fill.

        Args:
            code: the pair.
            price: of the trade.
            volume: base currency.
            ask_bid: the taker's side: ASK fills bids that wait at `price` or higher.
            now: the exchange's time.
        """
        pair, at = self.market.pairs[code], self.market_ms(now)
        trade = pair.execute(at, to_units(price), to_units(volume), ask_bid)
        self.market.announce(pair, [trade], at, self)
        for listener in self.market.trade_listeners:
            listener(pair, trade)
        return trade

    # --- accounts -------------------------------------------------------------------------------

    def _add_account(self, access_key: str, seed: int) -> Account:
        account = Account(seed, lambda event: self.publish(event, account))
        self.accounts[access_key] = account
        return account

    def verify_token(self, authorization: str | None, query: str = "") -> Account:
        """The account that a token opens, or `TokenRefused`."""
        if self.refuse_keys_with is not None:
            raise TokenRefused(self.refuse_keys_with)
        return self._account_of(self.tokens.verify(authorization, query))

    def _account_of(self, access_key: str | None) -> Account:
        """The account of a key; the first one where `tokens` was replaced to know other keys."""
        return self.accounts.get(access_key or "", self.account)

    # --- timers ---------------------------------------------------------------------------------

    def _call_later(self, seconds: float, callback: Callable[[int], None]) -> None:
        self.call_at(self._now + seconds, lambda at: callback(self.market_ms(at)))

    def call_later(self, seconds: float, callback: Callable[[], None]) -> None:
        """Have something done so many seconds from now."""
        self.call_at(self._now + seconds, lambda at: callback())

    def call_at(self, when: float, callback: Callable[[float], None]) -> None:
        """Have something done by the `tick` at or after `when`."""
        self._count += 1
        heapq.heappush(self._timers, (when, self._count, callback))

    # --- connections ----------------------------------------------------------------------------

    def admit(self, scope: Scope, headers: Mapping[str, str], address: str, now: float) -> Refusal | None:
        """Judge a handshake; None lets it in. Counts against the limits of connecting."""
        values = {name.lower(): value for name, value in headers.items()}
        if "origin" in values and scope is Scope.PUBLIC and not self.origin_allowed(address, now):
            return Refusal(
                429,
                error_body(429, "Too many API requests."),
                {"Remaining-Req": "group=origin; min=6; sec=0", "Retry-After": "10"},
            )
        authorization = values.get("authorization")
        key = self.tokens.claimed_key(authorization) if scope.needs_auth else None
        group = f"{scope.value}:{key or address}"
        window = self._connects.setdefault(group, RateWindow(self.settings.connects_per_second, 1.0))
        if not window.hit(now):
            self.violations["connect"] += 1
            if self.settings.connect_excess == "http":
                return Refusal(429, error_body(429, "Too many API requests."), {"Retry-After": "1"})
        if scope.needs_auth and self.settings.auth_failure == "http":
            try:
                self.verify_token(authorization)
            except TokenRefused as exc:
                return Refusal(401, error_body(exc.name, exc.message))
        return None

    def origin_allowed(self, address: str, now: float) -> bool:
        """Whether another request with an Origin header is allowed (protocol section 6.1)."""
        window = self._origins.setdefault(address, RateWindow(1, self.settings.origin_interval_s))
        if window.hit(now):
            return True
        self.violations["origin"] += 1
        return False

    def connect(self, scope: Scope, now: float, headers: Mapping[str, str] | None = None) -> Session:
        """Open a session for a socket that `admit` let in.

        Args:
            scope: its endpoint.
            now: the exchange's time.
            headers: of the handshake; their token says whose session a private one is, without one it
                is the first account's.
        """
        settings = self.settings
        values = {name.lower(): value for name, value in (headers or {}).items()}
        authorization = values.get("authorization")
        session = Session(
            self._totals.total() + 1,
            scope,
            now,
            self._rng.uniform(5.5, 8.0) % settings.up_interval_s or settings.up_interval_s,
            RateWindow(settings.messages_per_second, 1.0),
            RateWindow(settings.messages_per_minute, 60.0),
            self._note_output,
        )
        session.last_activity = now
        if scope.needs_auth:
            session.account = self._account_of(self.tokens.claimed_key(authorization))
        self.sessions.append(session)
        self._totals[scope] += 1
        self.call_at(now + settings.idle_timeout_s, lambda at: self._check_idle(session, at))
        if scope.needs_auth and settings.auth_failure == "frame":
            try:
                self.verify_token(authorization)
            except TokenRefused:
                self._refuse(session, *_INVALID_AUTH, now=now)
        return session

    def disconnect(self, session: Session) -> None:
        """The socket is gone."""
        session.closed = True
        session.outbox.clear()
        self._unindex(session)
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
        """A message from a client."""
        session.messages.append(Message(raw, now))
        session.last_activity = now
        if session.closing or session.closed or session.silent:
            return
        text = raw.decode(errors="replace") if isinstance(raw, bytes) else raw
        is_ping = text == wire.PING_TEXT
        if (not is_ping or self.settings.text_ping_counts) and not self._count_message(session, now):
            return
        if is_ping:
            if not session.heartbeat:
                session.heartbeat = True
                self._next_heartbeat(session, now)
            return
        try:
            if isinstance(raw, bytes) and not self.settings.binary_requests:
                raise RequestRefused("WRONG_FORMAT", "Format 이 맞지 않습니다.")
            request = wire.decode_request(raw, camel_case_flags=self.settings.camel_case_flags)
            self._check(session, request)
        except RequestRefused as exc:
            self._refuse(session, exc.name, exc.message, now=now)
            return
        if request.method is not None:
            self._list_subscriptions(session, request)
        else:
            self._subscribe(session, request, now)

    def receive_ping(self, session: Session, now: float) -> bool:
        """A ping frame came; whether to answer it."""
        if session.silent:
            return False
        if self.settings.ping_keeps_open:
            session.last_activity = now
        return not self.settings.ping_frame_counts or self._count_message(session, now)

    def _count_message(self, session: Session, now: float) -> bool:
        """Whether the message may be worked on."""
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
            self._refuse(session, "Too Many Requests", "요청 수 제한을 초과했습니다.", now=now)
        return False

    def _check(self, session: Session, request: Request) -> None:
        for item in request.items:
            row = spec_of(item.type)
            if row is None or row.scope is not session.scope:
                raise RequestRefused("INVALID_PARAM", f"{item.type} 은 지원하지 않는 타입입니다.")
            level = item.options.get("level", 0)
            if isinstance(level, bool | list | dict):
                raise RequestRefused("WRONG_FORMAT", "Format 이 맞지 않습니다.")
            _check_options(item.type, item.options, self.settings.max_indicator_combinations, item.codes)

    def _refuse(self, session: Session, name: str, message: str, *, now: float) -> None:
        """An error frame, then the close that follows it."""
        if session.closing:
            return
        data = wire.encode_error(name, message)
        session.put(self._control(session, data))
        session.closing = True
        self._unindex(session)
        self.call_at(now + self.settings.close_delay_s, lambda at: session.put(Close(1000, name)))

    def _control(self, session: Session, data: bytes) -> bytes:
        wrap = self.settings.list_wraps_control and session.format.is_list
        return b"[" + data + b"]" if wrap else data

    def _list_subscriptions(self, session: Session, request: Request) -> None:
        if request.format is not None:
            session.format = request.format
        elif self.settings.list_subscriptions_resets_format:
            session.format = WireFormat.DEFAULT
        data = wire.encode_subscriptions(request.ticket, session.subscription, session.format)
        session.put(self._control(session, data))

    # --- subscriptions --------------------------------------------------------------------------

    def _subscribe(self, session: Session, request: Request, now: float) -> None:
        old = [stream for streams in session.streams.values() for stream in streams]
        self._unindex(session)
        self._send_late_frames(session, old)
        session.generation += 1
        session.subscription = request.items
        session.ticket = request.ticket
        session.format = request.format or WireFormat.DEFAULT
        known = {stream.variant for stream in old if stream.live}
        waiting: list[Stream] = []
        if self.replay is not None and session.scope is Scope.PUBLIC:
            self.replay.start(now + max(self.settings.snapshot_delays_s))
        for item in request.items:
            row = spec_of(item.type)
            assert row is not None  # noqa: S101  # _check said so
            for stream in streams_of(item, self.settings.both_flags):
                self._add(session, stream)
                if not row.has_snapshot:
                    stream.live = True
                elif stream.snapshot and not self.settings.duplicate_snapshot and stream.variant in known:
                    stream.live = stream.realtime
                else:
                    waiting.append(stream)
        # With `same_code` "last", a later object of the request has taken the place of an earlier one.
        waiting = [each for each in waiting if each in session.streams[each.wire_type, each.code]]
        if waiting:
            half = (len(waiting) + 1) // 2
            for delay, part in zip(
                self.settings.snapshot_delays_s, (waiting[:half], waiting[half:]), strict=True
            ):
                self._plan_snapshots(session, part, now + delay)

    def _add(self, session: Session, stream: Stream) -> None:
        key = (stream.wire_type, stream.code)
        streams = session.streams.setdefault(key, [])
        same = [other for other in streams if other.variant == stream.variant]
        if same or (streams and self.settings.same_code == "last"):
            streams[:] = [] if self.settings.same_code == "last" else [s for s in streams if s not in same]
        streams.append(stream)
        self._index.setdefault(key, {})[session] = streams

    def _unindex(self, session: Session) -> None:
        for key in session.streams:
            listeners = self._index.get(key)
            if listeners is not None:
                listeners.pop(session, None)
                if not listeners:
                    del self._index[key]
        session.streams = {}

    def _plan_snapshots(self, session: Session, streams: list[Stream], when: float) -> None:
        generation = session.generation

        remaining = iter(streams)

        def one(now: float) -> None:
            # One at a time: the first picture of a full market is seconds of work, to be cut into slices.
            stream = next(remaining, None)
            if stream is None or session.generation != generation or session.closing or session.closed:
                return
            if stream.snapshot:
                self._send_snapshot(session, stream)
            stream.live = stream.realtime
            self.call_at(when, one)

        self.call_at(when, one)

    def _send_snapshot(self, session: Session, stream: Stream) -> None:
        if self.replay is not None:
            # What the recording has come to, for those who come late; before its begin that is nothing.
            frame = self.replay.last.get((stream.wire_type, stream.code))
            if frame is not None:
                self._send_recorded(session, stream, frame)
            return
        pair = self.market.pairs.get(stream.code)
        if pair is None or self.is_offline:
            return
        if stream.wire_type == "orderbook":
            data = self._book_data(stream, pair.book, session.format.is_simple, "SNAPSHOT")
        else:
            event = self.market.snapshot(stream.wire_type, stream.code)
            data = None if event is None else encode_object(event, session.format.is_simple)
        if data is not None:
            self._send(session, data)

    def _send_late_frames(self, session: Session, old: Iterable[Stream]) -> None:
        """Frames of the old subscription that were under way (protocol section 2.5)."""
        number, delay_s = self._late_frames
        if number is None:
            if not self.settings.market_running or not self.settings.max_late_frames:
                return
            number = self._rng.randrange(self.settings.max_late_frames + 1)
        candidates = [
            stream for stream in old
            if stream.live
            and stream.wire_type in ("ticker", "orderbook", "candle.1s")
            and stream.code in self.market.pairs
        ]  # fmt: skip
        for stream in candidates[:number]:
            pair = self.market.pairs[stream.code]
            data: bytes | None
            if stream.wire_type == "orderbook":
                data = self._book_data(stream, pair.book, session.format.is_simple, "REALTIME")
            else:
                event = self.market.snapshot(stream.wire_type, stream.code)
                if event is None:
                    continue
                again = msgspec.structs.replace(event, stream_type=type(event.stream_type)("REALTIME"))
                data = encode_object(again, session.format.is_simple)
            if data is not None:
                self.send_later(session, data, delay_s)

    # --- what the market says -------------------------------------------------------------------

    def wants(self, wire_type: str, code: str) -> bool:
        """Whether any session has asked for a stream."""
        return (wire_type, code) in self._index

    def publish(self, event: BaseWebSocketEvent, account: Account | None = None) -> None:
        """Send an event to every session that is subscribed to its type and code.

        Args:
            event: of any type.
            account: only to sessions of this account. None: to all; what is private, to those of the
                first account.
        """
        if account is None and isinstance(event, MyOrderEvent | MyAssetEvent):
            account = self.account
        code: str = getattr(event, "code", "")
        keys = [(event.type, code)]
        if isinstance(event, MyOrderEvent):
            keys.append((event.type, ""))
        encoded: dict[tuple[bool, int], bytes] = {}
        for key in keys:
            for session, streams in list(self._index.get(key, {}).items()):
                if account is not None and session.account is not account:
                    continue
                for stream in streams:
                    view = stream.view(event) if stream.live else None
                    if view is None:
                        continue
                    shown = (session.format.is_simple, id(view) if view is event else hash(stream.variant))
                    data = encoded.get(shown) if view is event else None
                    if data is None:
                        data = encode_object(view, session.format.is_simple, self._absent(view))
                        if view is event:
                            encoded[shown] = data
                    self._send(session, data)

    def _absent(self, event: BaseWebSocketEvent) -> frozenset[str]:
        """Fields that frames of this exchange do not have."""
        fewer = self.settings.fewer_my_order_fields
        if fewer is None:
            fewer = not self.settings.region.spec.has_full_order_frames
        return _ABSENT_ABROAD if fewer and isinstance(event, MyOrderEvent) else frozenset()

    def _publish_recorded(self, frame: ReplayFrame) -> None:
        """Send a recorded frame: untouched where format and depth are those of the recording."""
        for session, streams in list(self._index.get((frame.event.type, frame.code), {}).items()):
            for stream in streams:
                if stream.live:
                    self._send_recorded(session, stream, frame)

    def _send_recorded(self, session: Session, stream: Stream, frame: ReplayFrame) -> None:
        view = stream.view(frame.event)
        if view is not None:
            same = view is frame.event and session.format.is_simple is frame.format.is_simple
            self._send(session, frame.raw if same else encode_object(view, session.format.is_simple))

    def publish_book(self, book: Book) -> None:
        """Send a changed book to every session that is subscribed to it."""
        for session, streams in list(self._index.get(("orderbook", book.code), {}).items()):
            for stream in streams:
                if stream.live:
                    data = self._book_data(stream, book, session.format.is_simple, "REALTIME")
                    if data is not None:
                        self._send(session, data)

    def _book_data(self, stream: Stream, book: Book, simple: bool, stream_type: str) -> bytes | None:
        level = int(stream.level)
        if level != stream.level or level not in self.market.supported_levels(stream.code):
            return None
        return book.encode(simple, stream.depth, level * SCALE, stream_type)

    def send_raw(self, session: Session, data: bytes) -> None:
        """Send one JSON object to a session as a frame of its format."""
        self._send(session, data)

    def _send(self, session: Session, data: bytes) -> None:
        if session.closing or session.closed:
            return
        session.last_activity = self._now
        if self.disturb is None:
            self._put(session, data)
        else:
            for output in self.disturb(session, data):
                if isinstance(output, Raw):
                    session.put(output)
                else:
                    self._put(session, output)
        if len(session.outbox) > self.settings.slow_client_frames:
            session.outbox.clear()
            session.put(Close(None, "slow client"))

    def send_later(self, session: Session, data: bytes, delay_s: float) -> None:
        """Send an object some time from now, whatever is subscribed then."""
        if delay_s <= 0:
            self._put(session, data)
        else:
            self.call_at(self._now + delay_s, lambda at: self._put(session, data))

    def _put(self, session: Session, data: bytes) -> None:
        """One object as a frame of the session's format."""
        if session.closing or session.closed:
            return
        if not session.format.is_list:
            session.put(data)
        elif self.settings.list_batching:
            if not session.batch:
                self._batched.append(session)
            session.batch.append(data)
        else:
            session.put(b"[" + data + b"]")

    def _flush_batches(self) -> None:
        for session in self._batched:
            session.put(b"[" + b",".join(session.batch) + b"]")
            session.batch = []
        self._batched = []

    # --- what can go wrong (`qt_upbit.simulator.faults.faults`) ------------------------------------------

    def send_error(self, session: Session, name: str, message: str) -> None:
        """Send an error frame, and the close that follows it."""
        self._refuse(session, name, message, now=self._now)

    def set_offline(self, offline: bool) -> None:
        """Begin or end a maintenance: nothing is traded, sockets are quiet, REST says ``market_offline``."""
        self.is_offline = offline

    def skew_clock(self, seconds: float) -> None:
        """Let the market's clock jump ahead."""
        self._skew_s += seconds

    def delist(self, code: str) -> None:
        """Trade a pair no longer: its orders are cancelled, a last ticker says so.

        Raises:
            ValueError: no such pair.
        """
        pair = self.market.delist(code)
        if pair is None:
            raise ValueError(f"{code} is not traded")
        now_ms = self.market_ms(self._now)
        for account in self.accounts.values():
            for order in account.open_orders:
                if order.code == code:
                    account.cancel(order, now_ms)
        last = pair.ticker_event(now_ms, StreamType.REALTIME)
        self.publish(
            msgspec.structs.replace(last, market_state=MarketState.DELISTED, is_trading_suspended=True)
        )

    def list_pair(self, code: str) -> None:
        """Trade a pair from now on.

        Raises:
            ValueError: it is traded already, or there is no such coin.
        """
        if self.market.list_pair(code) is None:
            raise ValueError(f"{code} is traded already, or nobody knows the coin")

    def drop_streams(self, scope: Scope, share: float, listed: bool) -> None:
        """Serve only a part of what was asked for, quietly, until the next request.

        Args:
            scope: on which endpoint.
            share: of the streams that are dropped.
            listed: LIST_SUBSCRIPTIONS names them nevertheless.
        """
        for session in self.sessions:
            if session.scope is not scope:
                continue
            dropped = [key for key in session.streams if self._rng.random() < share]
            for key in dropped:
                del session.streams[key]
                listeners = self._index[key]
                del listeners[session]
                if not listeners:
                    del self._index[key]
            if not listed:
                session.subscription = tuple(
                    item
                    for item in (_without(each, dropped) for each in session.subscription)
                    if item is not None
                )

    def set_late_frames(self, number: int | None, seconds: float) -> None:
        """How many frames of the old subscription follow a replacement, and when; None is the setting."""
        self._late_frames = (number, seconds)

    # --- keepalive ------------------------------------------------------------------------------

    def _check_idle(self, session: Session, now: float) -> None:
        if session.closed or session.silent:
            return
        due = session.last_activity + self.settings.idle_timeout_s
        if due <= now:
            session.put(Close(None, "idle"))
        else:
            self.call_at(due, lambda at: self._check_idle(session, at))

    def _next_heartbeat(self, session: Session, now: float) -> None:
        interval = self.settings.up_interval_s
        passed = now - session.created - session.heartbeat_phase
        count = int(passed // interval) + 1 if passed >= 0 else 0
        self.call_at(
            session.created + session.heartbeat_phase + count * interval,
            lambda at: self._heartbeat(session, at),
        )

    def _heartbeat(self, session: Session, now: float) -> None:
        if session.closed or session.closing or session.silent:
            return
        session.last_activity = now
        session.put(self._control(session, wire.encode_status()))
        self._next_heartbeat(session, now)

    def _note_output(self, session: Session) -> None:
        self.on_output(session)


def _without(item: RequestItem, dropped: Iterable[tuple[str, str]]) -> RequestItem | None:
    """What is left of a request's object."""
    codes = {code for wire_type, code in dropped if wire_type == item.type}
    if not item.codes:
        return None if codes else item
    left = tuple(each for each in item.codes if each.partition(".")[0] not in codes)
    return dataclasses.replace(item, codes=left) if left else None


def _check_options(
    wire_type: str, options: Mapping[str, Any], limit: int, codes: Iterable[str] | None
) -> None:
    """Refuse option values that do not exist (protocol sections 3.7 and 3.8)."""
    if wire_type == "announcement":
        categories = options.get("categories", [])
        if not isinstance(categories, list) or not isinstance(options.get("include_body", False), bool):
            raise RequestRefused("WRONG_FORMAT", "Format 이 맞지 않습니다.")
        for category in categories:
            if category not in _CATEGORIES:
                raise RequestRefused("INVALID_PARAM", f"{category} 은 지원하지 않는 카테고리입니다.")
    elif wire_type in ("indicator", "indicator_signal"):
        stream_requests = options.get("indicators")
        if (
            options.get("timeframe") not in _TIMEFRAMES
            or not isinstance(stream_requests, list)
            or not stream_requests
        ):
            raise RequestRefused("INVALID_PARAM", "지원하지 않는 timeframe 또는 indicators 입니다.")
        if not all(
            isinstance(stream_request, dict) and stream_request.get("type") in _INDICATORS
            for stream_request in stream_requests
        ):
            raise RequestRefused("INVALID_PARAM", "지원하지 않는 indicator 입니다.")
        if len(stream_requests) * len(tuple(codes or ())) > limit:
            raise RequestRefused("TOO_MANY_REQUEST", "요청 가능한 조합 수를 초과했습니다.")


_CATEGORIES: Final = frozenset(
    ("notice", "trade", "wallet", "maintenance", "digital_asset", "nft", "service", "event")
)
_TIMEFRAMES: Final = frozenset(("5m", "15m", "60m", "240m", "1d"))
_INDICATORS: Final = frozenset(("volume", "rsi", "moving_average", "ma_crossover", "bollinger_bands", "macd"))

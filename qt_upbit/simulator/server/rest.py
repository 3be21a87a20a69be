"""`RestApi`: the REST calls of protocol section 9; those of the account are in `order_calls`.

Uses the same state as the sockets. An answer is built in small steps, because that may happen in the
process and thread of a window.
"""

from __future__ import annotations

import functools
import itertools
import math
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from typing import Any, Final
from urllib.parse import parse_qs, unquote

import msgspec

from qt_upbit.epoch import datetime_at
from qt_upbit.exact import EXACT
from qt_upbit.models import to_dict
from qt_upbit.rest.rate_groups import RATE_LIMITS
from qt_upbit.simulator.account.funds_calls import FundsCalls
from qt_upbit.simulator.account.matching_engine import OrderRefused
from qt_upbit.simulator.account.order_calls import OrderCalls, PrivateCall
from qt_upbit.simulator.exchange import SimulatedExchange
from qt_upbit.simulator.market.history import Candle, merge
from qt_upbit.simulator.market.live_candles import UNITS_S, TimedCandle
from qt_upbit.simulator.market.pair import Pair, utc_text
from qt_upbit.simulator.market.price_grid import from_units, turnover
from qt_upbit.simulator.market.price_path import mix, text_seed
from qt_upbit.simulator.market.spelling import plain
from qt_upbit.simulator.replay.replay_history import ReplayHistory
from qt_upbit.simulator.server.rest_spelling import encode_rows
from qt_upbit.simulator.sessions.rate_window import RateWindow
from qt_upbit.simulator.sessions.refusal import Refusal, error_body
from qt_upbit.simulator.sessions.token_check import TokenRefused
from qt_upbit.types import KST, CandlePeriod, CandleUnit, OrderbookEvent, StreamType, TradeEvent

__all__ = ["RestApi"]

_Query = Mapping[str, str]
_Rows = Generator[None, None, Any]
_Call = Callable[[_Query, float], _Rows]
_MINUTES: Final = re.compile(r"/v1/candles/minutes/(\d+)\Z")
_CAUTIONS: Final = (
    "PRICE_FLUCTUATIONS",
    "TRADING_VOLUME_SOARING",
    "DEPOSIT_AMOUNT_SOARING",
    "GLOBAL_PRICE_DIFFERENCES",
    "CONCENTRATION_OF_SMALL_ACCOUNTS",
)
_RATE: Final = Decimal("1E-10")
_DAY: Final = CandlePeriod.DAY.value
_CODE_NOT_FOUND: Final = Refusal(404, error_body(404, "Code not found"))
_MISSING: Final = Refusal(
    400, error_body(400, "Missing request parameter error. Check the required parameters!")
)
_WRONG_TYPE: Final = Refusal(400, error_body(400, "Type mismatch error. Check the parameters type!"))
_INVALID: Final = Refusal(400, error_body(400, "Invalid parameter. Check the given value!"))
_TIME_OF_DAY: Final = re.compile(r"([01]\d|2[0-3])[0-5]\d[0-5]\d\Z")
_OFFLINE: Final = Refusal(
    403, error_body("market_offline", "시스템 점검 중입니다. 점검이 완료된 후에 다시 시도해주세요.")
)
_WRONG_UNIT: Final = Refusal(400, error_body(400, "specified unit is not valid."))
_NO_BODY: Final = Refusal(
    400,
    error_body(
        "QUERY_PARAMETER_NOT_SUPPORTED",
        "이 API는 쿼리 파라미터 형식의 요청만 지원합니다. 요청 본문에 값을 포함할 수 없습니다.",
    ),
)
_QUERY_ONLY: Final = frozenset((("DELETE", "/v1/orders/open"),))
_FORM: Final = "application/x-www-form-urlencoded"
_GROUP_NAMES: Final = {"candle": "candles", "trade": "crix-trades"}
"""What the header calls a rate group, where it is not the documentation's name (protocol section 6.2)."""
_SECONDS_KEPT: Final = 90 * 86_400
"""Second candles reach back three months."""
_LOST_PLUS: Final = re.compile(r"(\d\d:\d\d(?::\d\d(?:\.\d+)?)?) (\d\d:\d\d)\Z")
"""An offset whose ``+`` was not encoded, which a query turns into a blank."""
_NO_ROUTE: Final = Refusal(404, error_body("not_found", "no Route matched with those values"))


class _Refused(Exception):
    def __init__(self, reply: Refusal) -> None:
        super().__init__(reply.status)
        self.reply = reply


class RestApi:
    """Answers REST calls.

    Limits apply per group and caller: an address for quotation, an account for its own calls
    (protocol section 6.2).
    """

    def __init__(self, exchange: SimulatedExchange) -> None:
        self._exchange = exchange
        self._orders = OrderCalls(
            exchange.market, exchange.engine, exchange.market_ms, exchange.settings.region.quote_currency
        )
        funds = FundsCalls(exchange.settings, exchange.accounts, exchange.market, self._orders.balance_row)
        self._private = self._orders.routes | funds.routes
        self._history = ReplayHistory(exchange.replay) if exchange.replay is not None else None
        self._windows: dict[tuple[str, str], RateWindow] = {}
        self._excess: dict[tuple[str, str], RateWindow] = {}
        self._blocked: dict[tuple[str, str], float] = {}
        self._calls: dict[str, tuple[str, _Call]] = {
            "/v1/market/all": ("market", self._markets),
            "/v1/ticker": ("ticker", self._tickers),
            "/v1/ticker/all": ("ticker", self._all_tickers),
            "/v1/orderbook": ("orderbook", self._orderbooks),
            "/v1/orderbook/instruments": ("orderbook", self._instruments),
            "/v1/trades/ticks": ("trade", self._trades),
            "/v1/candles/seconds": ("candle", functools.partial(self._candles, CandleUnit.S1.value)),
            "/v1/candles/days": ("candle", self._days),
            "/v1/candles/weeks": ("candle", functools.partial(self._periods, CandlePeriod.WEEK)),
            "/v1/candles/months": ("candle", functools.partial(self._periods, CandlePeriod.MONTH)),
            "/v1/candles/years": ("candle", functools.partial(self._periods, CandlePeriod.YEAR)),
        }
        self._public_groups = frozenset(group for group, _ in self._calls.values())

    def answer(
        self,
        method: str,
        path: str,
        query: str,
        headers: Mapping[str, str],
        address: str,
        now: float,
        body: bytes = b"",
    ) -> Generator[None, None, Refusal]:
        """The answer to one call, an error or not; yields now and then so that other work gets its turn.

        Args:
            method: of HTTP.
            path: from ``/v1``.
            query: the query string as it was sent.
            headers: of the request.
            address: of the caller, whose calls are counted.
            now: the exchange's time.
            body: JSON, or a form, in which some clients send the parameters of a GET.
        """
        path = re.sub("//+", "/", path)
        if self._exchange.is_offline:
            return _OFFLINE
        values = {name.lower(): value for name, value in headers.items()}
        private = self._private.get((method, path))
        if private is not None:
            if body and (method, path) in _QUERY_ONLY:
                return _NO_BODY
            answer = yield from self._answer_private(*private, query, body, values, address, now)
            return answer
        minutes = _MINUTES.match(path)
        if method != "GET" or not (minutes or path in self._calls):
            return _NO_ROUTE
        group, call = ("candle", self._minutes(minutes[1])) if minutes else self._calls[path]
        if "origin" in values and not self._exchange.admission.is_origin_allowed(address, now):
            return Refusal(429, error_body(429, "Too many API requests."), {"Retry-After": "10"})
        limited = self._count(group, address, now)
        if isinstance(limited, Refusal):
            return limited
        try:
            rows = yield from call(_parameters(query), now)
        except _Refused as exc:
            return Refusal(exc.reply.status, exc.reply.body, limited)
        return Refusal(200, encode_rows(rows), limited)

    def _answer_private(
        self,
        group: str,
        status: int,
        call: PrivateCall,
        query: str,
        body: bytes,
        headers: Mapping[str, str],
        address: str,
        now: float,
    ) -> Generator[None, None, Refusal]:
        authorization = headers.get("authorization")
        caller = self._exchange.tokens.claimed_key(authorization) or address
        limited = self._count(group, caller, now)
        if isinstance(limited, Refusal):
            return limited
        try:
            # A form is signed as a query is.
            text = body.decode() if not query and headers.get("content-type", "").startswith(_FORM) else query
            parameters, signed = (_parameters(text), unquote(text)) if text else _body(body)
            account = self._exchange.verify_token(authorization, signed)
            rows = yield from call(account, parameters, now)
        except UnicodeDecodeError:
            return Refusal(400, error_body("bad_request", "잘못된 요청입니다."), limited)
        except TokenRefused as exc:
            return Refusal(401, error_body(exc.name, exc.message), limited)
        except OrderRefused as exc:
            return Refusal(exc.status, error_body(exc.name, exc.message), limited)
        return Refusal(status, encode_rows(rows), limited)

    def _count(self, group: str, caller: str, now: float) -> Refusal | dict[str, str]:
        """Count a call (protocol section 6.2): the headers of its answer, or a refusal."""
        settings = self._exchange.settings
        if settings.rest_limit is None:
            return {}
        count, seconds = RATE_LIMITS[group]
        if group in self._public_groups:
            count = settings.rest_limit
        window = self._windows.setdefault((group, caller), RateWindow(count, seconds))
        blocked = self._blocked.get((group, caller), 0.0) - now
        allowed = blocked <= 0 and window.hit(now)
        named = _GROUP_NAMES.get(group, group)
        headers = {"Remaining-Req": f"group={named}; min={count * 60}; sec={window.remaining}"}
        if allowed:
            return headers
        self._exchange.violations["rest"] += 1
        excess = self._excess.setdefault((group, caller), RateWindow(settings.rest_penalty_after, 10.0))
        if blocked <= 0 and not excess.hit(now):
            blocked = settings.rest_penalty_s
            self._blocked[group, caller] = now + blocked
        if blocked > 0:
            text = f"Too many API requests. {math.ceil(blocked)}초 후에 다시 시도해주세요."
            return Refusal(418, error_body("too_many_requests", text), headers)
        return Refusal(429, error_body("too_many_requests", "Too many API requests."), headers)

    # --- parameters -----------------------------------------------------------------------------

    def _pair(self, code: str) -> Pair:
        # REST accepts lower case, unlike the sockets (protocol section 9.1).
        pair = self._exchange.market.pairs.get(code.strip().upper())
        if pair is None:
            raise _Refused(_CODE_NOT_FOUND)
        return pair

    def _pairs(self, query: _Query) -> list[Pair]:
        return [self._pair(code) for code in _required(query, "markets").split(",")]

    # --- quotation ------------------------------------------------------------------------------

    def _listed(self) -> Iterable[Pair]:
        """Every pair; in a replay, those of the recording."""
        replay, market = self._exchange.replay, self._exchange.market
        return market if replay is None else [market.pairs[code] for code in replay.codes]

    def _market_ms(self, now: float) -> int:
        return self._exchange.market_ms(now) if self._history is None else self._history.now_ms(now)

    def _markets(self, query: _Query, _now: float) -> _Rows:
        # The older name is still in use.
        text = query.get("is_details", query.get("isDetails", "false")).lower()
        if text not in ("true", "false"):
            raise _Refused(_WRONG_TYPE)
        rows = []
        for pair in self._listed():
            coin = pair.listing.coin
            row: dict[str, Any] = {
                "market": pair.code,
                "korean_name": coin.korean_name,
                "english_name": coin.english_name,
            }
            if text == "true":
                number = mix(self._exchange.settings.seed, text_seed(pair.code))
                row["market_event"] = {
                    "warning": number % 40 == 0,
                    "caution": {name: (number >> (4 + i)) % 32 == 0 for i, name in enumerate(_CAUTIONS)},
                }
            rows.append(row)
        yield
        return rows

    def _tickers(self, query: _Query, now: float) -> _Rows:
        rows = []
        for pair in self._pairs(query):
            rows += self._ticker(pair, now)
            yield
        return rows

    def _all_tickers(self, query: _Query, now: float) -> _Rows:
        quotes = _required(query, "quote_currencies").upper().split(",")
        rows = []
        for pair in self._listed():
            if pair.listing.quote in quotes:
                rows += self._ticker(pair, now)
                yield
        return rows

    def _ticker(self, pair: Pair, now: float) -> list[dict[str, Any]]:
        """One row; none if a recording has not reached a ticker yet."""
        if self._history is None:
            event = pair.ticker_event(self._exchange.market_ms(now), StreamType.SNAPSHOT)
        else:
            recorded = self._history.ticker(pair.code, now)
            if recorded is None:
                return []
            event = recorded
        row = to_dict(event)
        traded = (event.traded_at or event.time).astimezone(KST)
        row |= {
            "market": pair.code,
            "trade_date_kst": traded.strftime("%Y%m%d"),
            "trade_time_kst": traded.strftime("%H%M%S"),
        }
        return [{name: row[name] for name in _TICKER_KEYS}]

    def _orderbooks(self, query: _Query, now: float) -> _Rows:
        count = _number(query, "count", 30)
        if count < 1:
            raise _Refused(_INVALID)
        level = _decimal(query, "level")
        books = []
        for pair in self._pairs(query):
            if level and level not in self._exchange.market.supported_levels(pair.code):
                return []
            if self._history is not None:
                # Groupings were not recorded.
                recorded = None if level else self._history.book(pair.code, now)
                books += [_book_row(recorded, count)] if recorded is not None else []
                continue
            asks, bids = pair.book.levels(min(count, 30), int(level * 10**8))
            books.append(
                {
                    "market": pair.code,
                    "timestamp": pair.book.time_ms,
                    "total_ask_size": from_units(sum(size for _, size in asks)),
                    "total_bid_size": from_units(sum(size for _, size in bids)),
                    # The keys are in another order than on the socket (protocol section 3.3).
                    "orderbook_units": [
                        {
                            "bid_price": from_units(bid[0]),
                            "bid_size": from_units(bid[1]),
                            "ask_price": from_units(ask[0]),
                            "ask_size": from_units(ask[1]),
                        }
                        for ask, bid in itertools.zip_longest(asks, bids, fillvalue=(0, 0))
                    ],
                    "level": level,
                }
            )
            yield
        return books

    def _instruments(self, query: _Query, _now: float) -> _Rows:
        rows = [
            {
                "market": pair.code,
                "quote_currency": pair.listing.quote,
                "tick_size": plain(
                    self._exchange.engine.rules(pair).tick_size or from_units(pair.grid.tick(pair.quote[1]))
                ),
                "supported_levels": [str(n) for n in self._exchange.market.supported_levels(pair.code)],
            }
            for pair in self._pairs(query)
        ]
        yield
        return rows

    def _trades(self, query: _Query, now: float) -> _Rows:
        pair = self._pair(_required(query, "market"))
        count = _number(query, "count", 1)
        days_ago = _number(query, "days_ago", 0)
        if count < 1 or not 0 <= days_ago <= 7:
            raise _Refused(_INVALID)
        count = min(count, 500)
        cursor = _number(query, "cursor", 2**63)
        now_ms = self._market_ms(now)
        before_ms = _trades_before(query.get("to"), days_ago, now_ms)
        rows = []
        for event in self._past_trades(pair, before_ms, cursor, now_ms, now):
            yield
            if event.sequential_id >= cursor:
                continue
            rows.append(
                {
                    "market": pair.code,
                    "trade_date_utc": event.trade_date,
                    "trade_time_utc": event.trade_time,
                    "timestamp": event.trade_timestamp,
                    "trade_price": event.trade_price,
                    "trade_volume": event.trade_volume,
                    "prev_closing_price": event.prev_closing_price,
                    "change_price": EXACT.subtract(
                        event.trade_price, event.prev_closing_price or event.trade_price
                    ),
                    "ask_bid": event.ask_bid,
                    "sequential_id": event.sequential_id,
                }
            )
            if len(rows) == count:
                break
        return rows

    def _past_trades(
        self, pair: Pair, before_ms: int, before_id: int, now_ms: int, now: float
    ) -> Iterator[TradeEvent]:
        if self._history is not None:
            yield from (e for e in self._history.trades(pair.code, now) if e.trade_timestamp < before_ms)
            return
        for trade in pair.trades(before_ms, before_id):
            yield pair.trade_event(trade, now_ms, StreamType.SNAPSHOT)

    def _minutes(self, text: str) -> _Call:
        unit = f"{text}m"

        def call(query: _Query, now: float) -> _Rows:
            if unit not in UNITS_S:
                raise _Refused(_WRONG_UNIT)
            rows = yield from self._candles(unit, query, now)
            return [row | {"unit": int(text)} for row in rows]

        return call

    def _candles(self, unit: str, query: _Query, now: float) -> _Rows:
        rows = []
        pair, before_s, count = self._wanted_candles(query, now)
        if self._history is not None:
            yield
            return self._history.candles(pair.code, unit, UNITS_S[unit], before_s, now)[:count]
        oldest_s = self._market_ms(now) // 1000 - _SECONDS_KEPT if unit == CandleUnit.S1.value else 0
        if before_s <= oldest_s:
            return []
        for timed in itertools.islice(pair.candles(unit, before_s), count):
            if timed.start_s < oldest_s:
                break
            rows.append(_candle_row(pair, timed))
            yield
        return rows

    def _wanted_candles(self, query: _Query, now: float) -> tuple[Pair, int, int]:
        pair = self._pair(_required(query, "market"))
        count = _number(query, "count", 1)
        if count < 1:
            raise _Refused(_INVALID)
        return pair, _before(query.get("to"), self._market_ms(now) // 1000 + 1), min(count, 200)

    def _days(self, query: _Query, now: float) -> _Rows:
        pair, before_s, count = self._wanted_candles(query, now)
        rows: list[dict[str, Any]] = []
        if self._history is not None:
            rows = [dict(row) for row in self._history.periods(pair.code, _DAY, before_s)[: count + 1]]
        else:
            for timed in itertools.islice(pair.candles(_DAY, before_s), count + 1):
                rows.append(_candle_row(pair, timed))
                yield
        for row, older in itertools.pairwise(rows):
            close = older["trade_price"]
            row["prev_closing_price"] = close
            row["change_price"] = EXACT.subtract(row["trade_price"], close)
            row["change_rate"] = EXACT.quantize(EXACT.divide(row["change_price"], close), _RATE)
        rows = rows[:-1]
        if query.get("converting_price_unit"):
            yield from self._convert(rows, pair, query["converting_price_unit"].upper(), before_s)
        return rows

    def _convert(self, rows: list[dict[str, Any]], pair: Pair, unit: str, before_s: int) -> _Rows:
        """Add the close of each day in another currency, by that day's close of its own market."""
        rates: dict[str, Decimal] = {}
        if unit != pair.listing.quote:
            other = self._exchange.market.pairs.get(f"{unit}-{pair.listing.quote}")
            if other is None:
                raise _Refused(_INVALID)
            if self._history is not None:
                past = self._history.periods(other.code, _DAY, before_s)[: len(rows)]
                rates = {row["candle_date_time_utc"]: row["trade_price"] for row in past}
            else:
                for timed in itertools.islice(other.candles(_DAY, before_s), len(rows)):
                    rates[utc_text(timed.start_s)] = from_units(timed.candle.close)
                    yield
        for row in rows:
            rate = Decimal(1) if unit == pair.listing.quote else rates.get(row["candle_date_time_utc"])
            if rate is not None:
                with localcontext(EXACT):
                    row["converted_trade_price"] = round(row["trade_price"] * rate, 8)

    def _periods(self, period: CandlePeriod, query: _Query, now: float) -> _Rows:
        """Weeks, months and years, merged from days."""
        pair, before_s, count = self._wanted_candles(query, now)
        rows: list[dict[str, Any]] = []
        if self._history is not None:
            ended = self._history.periods(pair.code, period.value, before_s)[:count]
            return [row | {"first_day_of_period": row["candle_date_time_utc"][:10]} for row in ended]
        # The period that contains `to` is returned as its days before `to`.
        days = pair.candles(_DAY, before_s)
        for first, group in itertools.groupby(days, lambda timed: period.start_of(_moment_of(timed))):
            whole: Candle | None = None
            newest_ms = 0
            for timed in group:
                whole = merge(timed.candle, whole)
                newest_ms = max(newest_ms, timed.time_ms)
                yield
            assert whole is not None  # noqa: S101  # a group has a member
            row = _candle_row(pair, TimedCandle(int(first.timestamp()), whole, newest_ms))
            rows.append(row | {"first_day_of_period": first.date().isoformat()})
            if len(rows) == count:
                break
        return rows


def _parameters(query: str) -> dict[str, str]:
    given = parse_qs(query, keep_blank_values=True)
    return {name.removesuffix("[]"): ",".join(each) for name, each in given.items()}


def _body(body: bytes) -> tuple[dict[str, str], str]:
    """The parameters of a POST, and the query text that its token must hash, in the order of the body."""
    if not body:
        return {}, ""
    try:
        fields = msgspec.json.decode(body, type=dict[str, str | int | bool | None])
    except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
        raise OrderRefused("bad_request", "잘못된 요청입니다.") from exc
    texts = {name: _text(value) for name, value in fields.items() if value is not None}
    return texts, "&".join(f"{name}={text}" for name, text in texts.items())


def _text(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _book_row(event: OrderbookEvent, count: int) -> dict[str, Any]:
    row = to_dict(event)
    units = row["orderbook_units"][: min(count, 30)]
    names = ("timestamp", "total_ask_size", "total_bid_size")
    return {"market": event.code, **{name: row[name] for name in names}, "orderbook_units": units, "level": 0}


def _candle_row(pair: Pair, timed: TimedCandle) -> dict[str, Any]:
    candle = timed.candle
    return {
        "market": pair.code,
        "candle_date_time_utc": utc_text(timed.start_s),
        "candle_date_time_kst": utc_text(timed.start_s, 9),
        "opening_price": from_units(candle.open),
        "high_price": from_units(candle.high),
        "low_price": from_units(candle.low),
        "trade_price": from_units(candle.close),
        "timestamp": timed.time_ms,
        "candle_acc_trade_price": turnover(candle.turnover),
        "candle_acc_trade_volume": from_units(candle.volume),
    }


def _moment_of(timed: TimedCandle) -> datetime:
    return datetime_at(timed.start_s)


_TICKER_KEYS: Final = (
    "market", "trade_date", "trade_time", "trade_date_kst", "trade_time_kst", "trade_timestamp",
    "opening_price", "high_price", "low_price", "trade_price", "prev_closing_price", "change",
    "change_price", "change_rate", "signed_change_price", "signed_change_rate", "trade_volume",
    "acc_trade_price", "acc_trade_price_24h", "acc_trade_volume", "acc_trade_volume_24h",
    "highest_52_week_price", "highest_52_week_date", "lowest_52_week_price", "lowest_52_week_date",
    "timestamp",
)  # fmt: skip


def _required(query: _Query, name: str) -> str:
    value = query.get(name)
    if not value:
        raise _Refused(_MISSING)
    return value


def _number(query: _Query, name: str, default: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    try:
        return int(text)
    except ValueError:
        raise _Refused(_WRONG_TYPE) from None


def _decimal(query: _Query, name: str) -> Decimal:
    try:
        return Decimal(query.get(name, "0"))
    except ArithmeticError:
        raise _Refused(_WRONG_TYPE) from None


def _before(text: str | None, default_s: int) -> int:
    """``to`` as seconds since the epoch, exclusive; without an offset it is UTC."""
    if not text:
        return default_s
    try:
        moment = datetime.fromisoformat(_LOST_PLUS.sub(r"\1+\2", text).replace(" ", "T"))
    except ValueError:
        raise _Refused(_INVALID) from None
    # Exclusive: a candle that starts within the second of `to` comes before it.
    return math.ceil((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _trades_before(text: str | None, days_ago: int, now_ms: int) -> int:
    """``to``, a time of day in UTC, `days_ago` days ago; by default the end of that day. Milliseconds."""
    day = datetime_at(now_ms // 1000).date() - timedelta(days=days_ago)
    midnight_ms = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000
    if not text:
        return midnight_ms + 86_400_000 if days_ago else now_ms + 1
    digits = text.replace(":", "")
    if not _TIME_OF_DAY.match(digits):
        raise _Refused(_INVALID)
    return midnight_ms + (int(digits[:2]) * 3600 + int(digits[2:4]) * 60 + int(digits[4:])) * 1000

"""`RestApi`: the quotation calls of protocol section 9.1, from the same state as the sockets."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from urllib.parse import parse_qs

import msgspec

from qt_upbit.models import to_dict
from qt_upbit.simulator.exchange import Refusal, SimulatedExchange, error_body
from qt_upbit.simulator.live_candles import UNITS_S
from qt_upbit.simulator.pair import Pair
from qt_upbit.simulator.price_grid import from_units
from qt_upbit.simulator.price_path import mix
from qt_upbit.simulator.rate_window import RateWindow
from qt_upbit.simulator.spelling import plain
from qt_upbit.types import KST, StreamType

__all__ = ["RestApi"]

_Query = Mapping[str, str]
_json: Final = msgspec.json.Encoder(decimal_format="number")
_MINUTES: Final = re.compile(r"/v1/candles/minutes/(\d+)\Z")
_CAUTIONS: Final = (
    "PRICE_FLUCTUATIONS",
    "TRADING_VOLUME_SOARING",
    "DEPOSIT_AMOUNT_SOARING",
    "GLOBAL_PRICE_DIFFERENCES",
    "CONCENTRATION_OF_SMALL_ACCOUNTS",
)
_CODE_NOT_FOUND: Final = Refusal(404, error_body(404, "Code not found"))
_MISSING: Final = Refusal(
    400, error_body(400, "Missing request parameter error. Check the required parameters!")
)
_WRONG_TYPE: Final = Refusal(400, error_body(400, "Type mismatch error. Check the parameters type!"))
_INVALID: Final = Refusal(400, error_body(400, "Invalid parameter. Check the given value!"))
_NO_ROUTE: Final = Refusal(404, error_body("not_found", "no Route matched with those values"))


class _Refused(Exception):
    def __init__(self, reply: Refusal) -> None:
        super().__init__(reply.status)
        self.reply = reply


class RestApi:
    """Answers quotation calls. Limits are counted per address and group (protocol section 6.2)."""

    def __init__(self, exchange: SimulatedExchange) -> None:
        self._exchange = exchange
        self._windows: dict[tuple[str, str], RateWindow] = {}
        self._calls: dict[str, tuple[str, Callable[[_Query, float], Any]]] = {
            "/v1/market/all": ("market", self._markets),
            "/v1/ticker": ("ticker", self._tickers),
            "/v1/ticker/all": ("ticker", self._all_tickers),
            "/v1/orderbook": ("orderbook", self._orderbooks),
            "/v1/orderbook/instruments": ("orderbook", self._instruments),
            "/v1/trades/ticks": ("trade", self._trades),
            "/v1/candles/seconds": ("candle", lambda query, now: self._candles("1s", query, now)),
            "/v1/candles/days": ("candle", self._days),
        }

    async def handle(
        self,
        method: str,
        path: str,
        query: str,
        headers: Mapping[str, str],
        body: bytes,
        address: str,
        now: float,
    ) -> Refusal:
        """The answer to one call, an error or not."""
        minutes = _MINUTES.match(path)
        if method != "GET" or not (minutes or path in self._calls):
            return _NO_ROUTE
        group, call = ("candle", self._minutes(minutes[1])) if minutes else self._calls[path]
        values = {name.lower(): value for name, value in headers.items()}
        if "origin" in values and not self._exchange.origin_allowed(address, now):
            return Refusal(429, error_body(429, "Too many API requests."), {"Retry-After": "10"})
        limited = self._count(group, address, now)
        if isinstance(limited, Refusal):
            return limited
        parameters = {name: given[-1] for name, given in parse_qs(query, keep_blank_values=True).items()}
        try:
            return Refusal(200, _json.encode(call(parameters, now)), limited)
        except _Refused as exc:
            return exc.reply

    def _count(self, group: str, address: str, now: float) -> Refusal | dict[str, str]:
        limit = self._exchange.settings.rest_limit
        if limit is None:
            return {}
        window = self._windows.setdefault((group, address), RateWindow(limit, 1.0))
        allowed = window.hit(now)
        headers = {"Remaining-Req": f"group={group}; min={limit * 60}; sec={window.remaining}"}
        if allowed:
            return headers
        self._exchange.violations["rest"] += 1
        return Refusal(429, error_body(429, "Too many API requests."), headers | {"Retry-After": "1"})

    # --- parameters -----------------------------------------------------------------------------

    def _pair(self, code: str) -> Pair:
        # REST takes lower case, unlike the sockets (protocol section 9.1).
        pair = self._exchange.market.pairs.get(code.strip().upper())
        if pair is None:
            raise _Refused(_CODE_NOT_FOUND)
        return pair

    def _pairs(self, query: _Query) -> list[Pair]:
        return [self._pair(code) for code in _required(query, "markets").split(",")]

    # --- calls ----------------------------------------------------------------------------------

    def _markets(self, query: _Query, _now: float) -> list[dict[str, Any]]:
        details = query.get("is_details", "false").lower() == "true"
        rows = []
        for pair in self._exchange.market:
            coin = pair.listing.coin
            row: dict[str, Any] = {
                "market": pair.code,
                "korean_name": coin.korean_name,
                "english_name": coin.english_name,
            }
            if details:
                number = mix(self._exchange.settings.seed, hash_of(pair.code))
                row["market_event"] = {
                    "warning": number % 40 == 0,
                    "caution": {name: (number >> (4 + i)) % 32 == 0 for i, name in enumerate(_CAUTIONS)},
                }
            rows.append(row)
        return rows

    def _tickers(self, query: _Query, now: float) -> list[dict[str, Any]]:
        return [self._ticker(pair, now) for pair in self._pairs(query)]

    def _all_tickers(self, query: _Query, now: float) -> list[dict[str, Any]]:
        quotes = _required(query, "quote_currencies").upper().split(",")
        return [self._ticker(pair, now) for pair in self._exchange.market if pair.listing.quote in quotes]

    def _ticker(self, pair: Pair, now: float) -> dict[str, Any]:
        event = pair.ticker_event(self._exchange.market_ms(now), StreamType.SNAPSHOT)
        row = to_dict(event)
        traded = event.traded_at.astimezone(KST)
        row |= {
            "market": pair.code,
            "trade_date_kst": traded.strftime("%Y%m%d"),
            "trade_time_kst": traded.strftime("%H%M%S"),
        }
        for name in _SOCKET_ONLY:
            row.pop(name, None)
        return row

    def _orderbooks(self, query: _Query, _now: float) -> list[dict[str, Any]]:
        count = min(_number(query, "count", 30), 30)
        level = _decimal(query, "level")
        books = []
        for pair in self._pairs(query):
            if level and level not in self._exchange.market.supported_levels(pair.code):
                return []
            asks, bids = pair.book.levels(count, int(level * 10**8))
            books.append(
                {
                    "market": pair.code,
                    "timestamp": pair.book.time_ms,
                    "total_ask_size": from_units(sum(size for _, size in asks)),
                    "total_bid_size": from_units(sum(size for _, size in bids)),
                    # Another order of keys than on the socket (protocol section 3.3).
                    "orderbook_units": [
                        {
                            "ask_price": from_units(ask[0]),
                            "bid_price": from_units(bid[0]),
                            "ask_size": from_units(ask[1]),
                            "bid_size": from_units(bid[1]),
                        }
                        for ask, bid in itertools.zip_longest(asks, bids, fillvalue=(0, 0))
                    ],
                    "level": level,
                }
            )
        return books

    def _instruments(self, query: _Query, _now: float) -> list[dict[str, Any]]:
        return [
            {
                "market": pair.code,
                "quote_currency": pair.listing.quote,
                "tick_size": plain(from_units(pair.grid.up(pair.quote[1]) - pair.quote[1])),
                "supported_levels": [str(n) for n in self._exchange.market.supported_levels(pair.code)],
            }
            for pair in self._pairs(query)
        ]

    def _trades(self, query: _Query, now: float) -> list[dict[str, Any]]:
        pair = self._pair(_required(query, "market"))
        count = _number(query, "count", 1)
        if not 1 <= count <= 500:
            raise _Refused(_INVALID)
        cursor = _number(query, "cursor", 2**63)
        rows = []
        for trade in pair.trades:
            if trade.sequential_id >= cursor:
                continue
            event = pair.trade_event(trade, self._exchange.market_ms(now), StreamType.SNAPSHOT)
            rows.append(
                {
                    "market": pair.code,
                    "trade_date_utc": event.trade_date,
                    "trade_time_utc": event.trade_time,
                    "timestamp": event.trade_timestamp,
                    "trade_price": event.trade_price,
                    "trade_volume": event.trade_volume,
                    "prev_closing_price": event.prev_closing_price,
                    "change_price": event.trade_price - event.prev_closing_price,
                    "ask_bid": event.ask_bid,
                    "sequential_id": event.sequential_id,
                }
            )
            if len(rows) == count:
                break
        return rows

    def _minutes(self, text: str) -> Callable[[_Query, float], Any]:
        unit = f"{text}m"

        def call(query: _Query, now: float) -> Any:
            if unit not in UNITS_S:
                raise _Refused(_INVALID)
            return [row | {"unit": int(text)} for row in self._candles(unit, query, now)]

        return call

    def _days(self, query: _Query, now: float) -> list[dict[str, Any]]:
        rows = self._candles("1d", query, now, extra=1)
        for row, older in itertools.pairwise(rows):
            close = older["trade_price"]
            row["prev_closing_price"] = close
            row["change_price"] = row["trade_price"] - close
            row["change_rate"] = round(row["change_price"] / close, 10)
        return rows[:-1] if len(rows) > 1 else rows

    def _candles(self, unit: str, query: _Query, now: float, extra: int = 0) -> list[dict[str, Any]]:
        pair = self._pair(_required(query, "market"))
        count = _number(query, "count", 1)
        if not 1 <= count <= 200:
            raise _Refused(_INVALID)
        before_s = _before(query.get("to"), self._exchange.market_ms(now) // 1000 + 1)
        rows = []
        for timed in itertools.islice(pair.candles(unit, before_s), count + extra):
            event = pair.candle_event("1s" if unit == "1d" else unit, timed, StreamType.SNAPSHOT)
            row = to_dict(event)
            for name in ("type", "code", "stream_type"):
                del row[name]
            rows.append({"market": pair.code} | row)
        return rows


_SOCKET_ONLY: Final = (
    "type", "code", "stream_type", "ask_bid", "acc_ask_volume", "acc_bid_volume", "market_state",
    "is_trading_suspended", "delisting_date", "market_warning",
)  # fmt: skip


def hash_of(text: str) -> int:
    """A number for a text, the same in every process."""
    return int.from_bytes(text.encode()[-7:], "big")


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
        moment = datetime.fromisoformat(text.replace(" ", "T"))
    except ValueError:
        raise _Refused(_INVALID) from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())

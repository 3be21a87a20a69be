"""What the plain panels say, in Korean and English; all others speak through Qt's own translation."""

from __future__ import annotations

from typing import Final

__all__ = ["LANGUAGES", "TEXTS", "Translator"]

LANGUAGES: Final = ("en", "ko")

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "orderbook": ("Order book", "호가"),
    "orders": ("My orders", "내 주문"),
    "trades": ("Trades", "체결"),
    "time": ("Time", "시간"),
    "market": ("Market", "마켓"),
    "side": ("Side", "구분"),
    "type": ("Type", "유형"),
    "state": ("State", "상태"),
    "price": ("Price", "가격"),
    "size": ("Size", "수량"),
    "filled": ("Filled", "체결률"),
    "avg_price": ("Avg. price", "평균가"),
    "fee": ("Fee", "수수료"),
    "side.BID": ("Buy", "매수"),
    "side.ASK": ("Sell", "매도"),
    "order_type.limit": ("Limit", "지정가"),
    "order_type.price": ("Market", "시장가"),
    "order_type.market": ("Market", "시장가"),
    "order_type.best": ("Best", "최유리"),
    "order_state.wait": ("Waiting", "체결 대기"),
    "order_state.watch": ("Reserved", "예약 대기"),
    "order_state.trade": ("Partly filled", "부분 체결"),
    "order_state.done": ("Filled", "체결 완료"),
    "order_state.cancel": ("Cancelled", "주문 취소"),
    "order_state.prevented": ("Self-match prevented", "자전거래 방지"),
    "orders.incomplete": ("My orders – some may be missing", "내 주문 – 누락이 있을 수 있음"),
    "orders.empty": ("No order has moved yet", "아직 변동된 주문이 없습니다"),
    "orders.no_keys": (
        "Order status needs API keys: set UPBIT_ACCESS_KEY and UPBIT_SECRET_KEY",
        "주문 상태를 보려면 API 키가 필요합니다: UPBIT_ACCESS_KEY, UPBIT_SECRET_KEY",
    ),
    "book.empty": ("Waiting for the order book…", "호가를 기다리는 중…"),
    "chart.loading": ("Loading candles…", "캔들을 불러오는 중…"),
    "chart.empty": ("No trades yet", "아직 체결이 없습니다"),
    "chart.stale": ("Not live – waiting for the exchange", "실시간이 아닙니다 – 거래소 응답 대기 중"),
    "chart.no_history": ("No history: {reason}", "과거 캔들을 받지 못했습니다: {reason}"),
    "chart.ohlc": ("O {o}  H {h}  L {l}  C {c}  V {v}", "시 {o}  고 {h}  저 {l}  종 {c}  량 {v}"),
    "spread": ("Spread", "스프레드"),
    "total": ("Total", "총 잔량"),
    "scope_state.rejected": ("refused", "거부됨"),
    "about_chart": ("Candlestick chart", "캔들 차트"),
}


class Translator:
    """Looks texts up in one language.

    Args:
        language: ``ko`` or ``en``.
    """

    def __init__(self, language: str) -> None:
        if language not in LANGUAGES:
            raise ValueError(f"no texts in language {language!r}: choose from {', '.join(LANGUAGES)}")
        self.language = language
        self._column = LANGUAGES.index(language)

    @property
    def is_korean(self) -> bool:
        """Whether the language is Korean, which also decides names and colours."""
        return self.language == "ko"

    def __call__(self, key: str, **values: object) -> str:
        """The text for a key, its placeholders filled in; an unknown key raises KeyError."""
        text = TEXTS[key][self._column]
        return text.format(**values) if values else text

    def unit(self, unit: str) -> str:
        """The length of a candle as traders call it: 240m is 4h, or 240분."""
        if self.is_korean:
            return f"{unit[:-1]}{'초' if unit.endswith('s') else '분'}"
        return {"60m": "1h", "240m": "4h"}.get(unit, unit)

    def or_raw(self, prefix: str, value: str) -> str:
        """The text for a value of the wire, or the value itself if Upbit has invented a new one."""
        pair = TEXTS.get(f"{prefix}.{value}")
        return value if pair is None else pair[self._column]

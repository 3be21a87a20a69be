"""What the terminal says, in Korean and English, side by side so that none is forgotten."""

from __future__ import annotations

from typing import Final

__all__ = ["LANGUAGES", "TEXTS", "Translator"]

LANGUAGES: Final = ("en", "ko")

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "title": ("qt_upbit terminal", "qt_upbit 터미널"),
    "simulated": ("SIMULATED", "모의 거래소"),
    "live": ("LIVE UPBIT", "실거래소"),
    "external": ("OTHER EXCHANGE", "지정 거래소"),
    "day_high": ("High", "고가"),
    "day_low": ("Low", "저가"),
    "volume_24h": ("Volume 24h", "거래량 24h"),
    "turnover_24h": ("Turnover 24h", "거래대금 24h"),
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
    "search": ("Search market", "마켓 검색"),
    "public": ("Public", "공개"),
    "private": ("Private", "개인"),
    "connections": ("Connections", "연결"),
    "per_second": ("msg/s", "건/초"),
    "saving": ("compression saves", "압축 절감"),
    "latency": ("latency p99", "지연 p99"),
    "scope_state.idle": ("idle", "대기"),
    "scope_state.connecting": ("connecting", "연결 중"),
    "scope_state.live": ("live", "실시간"),
    "scope_state.stale": ("stale", "지연됨"),
    "scope_state.reconnecting": ("reconnecting", "재연결 중"),
    "scope_state.resyncing": ("resyncing", "동기화 중"),
    "scope_state.rejected": ("refused", "거부됨"),
    "scope_state.closed": ("closed", "종료"),
    "developer": ("Faults", "장애 주입"),
    "faults.LineFault": ("Connection", "연결"),
    "faults.FrameFault": ("Messages", "메시지"),
    "faults.HandshakeFault": ("Connecting", "접속"),
    "faults.ExchangeFault": ("Exchange", "거래소"),
    "faults.clear": ("Clear all", "모두 해제"),
    "faults.injected": ("Fault: {name}", "장애 주입: {name}"),
    "fault.close": ("Clean close", "정상 종료"),
    "fault.cut": ("Cut without a close frame", "종료 프레임 없이 끊김"),
    "fault.reset": ("TCP reset", "TCP 리셋"),
    "fault.silence": ("Silence on an open line", "무응답 (연결 유지)"),
    "fault.stop_reading": ("Reads no more", "수신 중단"),
    "fault.stall": ("Stall in the middle of a frame", "프레임 도중 멈춤"),
    "fault.error_frame": ("Error frame: too many requests", "오류 프레임: 요청 수 초과"),
    "fault.garbage": ("Garbage text", "깨진 텍스트"),
    "fault.truncated": ("Truncated JSON", "잘린 JSON"),
    "fault.wrong_types": ("Wrong types", "잘못된 자료형"),
    "fault.missing_fields": ("Missing fields", "누락된 필드"),
    "fault.unknown_type": ("Unknown event type", "알 수 없는 타입"),
    "fault.huge": ("Huge frame", "거대한 프레임"),
    "fault.compression_bomb": ("Compression bomb", "압축 폭탄"),
    "fault.unknown_fields": ("Unknown fields", "알 수 없는 필드"),
    "fault.microseconds": ("Timestamps in microseconds", "마이크로초 시각"),
    "fault.duplicate": ("Duplicate frames", "중복 프레임"),
    "fault.reorder": ("Trades out of order", "순서가 바뀐 체결"),
    "fault.fragment": ("Fragmented messages", "나뉜 메시지"),
    "fault.refuse_handshakes": ("Refused once (503)", "접속 거부 한 번 (503)"),
    "fault.slow_handshakes": ("Slow handshake", "느린 핸드셰이크"),
    "fault.not_listening": ("Nobody listens for 3 s", "3초간 접속 불가"),
    "fault.maintenance": ("Maintenance for 10 s", "10초간 점검"),
    "fault.clock_skew": ("Clock 30 s ahead", "시계 30초 빠름"),
    "fault.delist": ("Delist KRW-DOGE", "KRW-DOGE 거래지원 종료"),
    "fault.new_listing": ("List KRW-DOGE", "KRW-DOGE 신규 상장"),
    "fault.drop_streams": ("Drop half of the streams", "구독 절반 누락"),
    "fault.stray_frames": ("Late frames of an old subscription", "이전 구독의 늦은 프레임"),
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

"""`CandleModel`: the candles of one pair and unit."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

from PySide6.QtCore import QObject, Signal

from qt_upbit.item_models.base import LiveTableModel, check_number
from qt_upbit.item_models.fields import fields_of
from qt_upbit.qt.candle_feed import CandleFeed
from qt_upbit.qt.global_websocket_manager import GlobalWebSocketManager
from qt_upbit.types import CandleEvent, CandlePeriod, CandleUnit

__all__ = ["CandleModel"]


class CandleModel(LiveTableModel):
    """Candles, oldest first, history and stream in one, with the fields of `CandleEvent`.

    ::

        model = CandleModel(parent=self)
        model.set_code("KRW-BTC", "1m")

    It is backed by a `CandleFeed`: new candles are appended, older ones that `load_more` requests are
    inserted at the front, and the last row changes once per screen frame.

    Signals:
        ``loaded()``: the history requested at the start or by `load_more` has arrived.

    Args:
        parent, columns, manager: as `LiveTableModel`.
        count: number of candles to load at the start.
    """

    loaded = Signal()

    FIELDS = fields_of(
        CandleEvent,
        ("candle_date_time_utc",),
        without=("stream_type",),
        headers={
            "candle_date_time_utc": "Start (UTC)",
            "candle_date_time_kst": "Start (KST)",
            "opening_price": "Open",
            "high_price": "High",
            "low_price": "Low",
            "trade_price": "Close",
            "candle_acc_trade_volume": "Volume",
            "candle_acc_trade_price": "Value",
            "code": "Pair",
        },
    )
    DEFAULT_COLUMNS = (
        "candle_date_time_utc",
        "opening_price",
        "high_price",
        "low_price",
        "trade_price",
        "candle_acc_trade_volume",
    )
    _read = staticmethod(attrgetter(*(field.name for field in FIELDS)))

    def __init__(
        self,
        parent: QObject | None = None,
        *,
        count: int = 200,
        columns: Sequence[str] | None = None,
        manager: GlobalWebSocketManager | None = None,
    ) -> None:
        check_number("count", count, "candles", 200)
        super().__init__(parent, columns=columns, manager=manager)
        self._count = count
        self._feed: CandleFeed | None = None
        self._pending: dict[int, CandleEvent] = {}

    @property
    def code(self) -> str | None:
        """The pair; None before `set_code`."""
        return None if self._feed is None else self._feed.code

    @property
    def unit(self) -> CandleUnit | CandlePeriod | None:
        """Length of the candles; None before `set_code`."""
        return None if self._feed is None else self._feed.unit

    @property
    def is_complete(self) -> bool:
        """Whether there is nothing older to load."""
        return self._feed is not None and self._feed.is_complete

    def set_code(self, code: str, unit: CandleUnit | CandlePeriod | str = CandleUnit.M1) -> None:
        """Show the candles of another pair or unit, ``1s`` to ``1y``.

        Raises:
            InvalidSubscriptionError: code or unit is wrong; nothing changes.
            ProxyClosedError: the model is closed.
        """
        self.check_usable()
        if self._feed is not None:
            if (code, unit) != (self._feed.code, self._feed.unit):
                self._feed.set_market(code, unit)
            return
        feed = CandleFeed(code, unit, count=self._count, parent=self, manager=self.manager)
        feed.candles_added.connect(self._on_added)
        feed.candle_changed.connect(self._on_changed)
        feed.reset.connect(self._on_reset)
        feed.loaded.connect(self.loaded)
        feed.error_occurred.connect(self.error_occurred)
        self._feed = feed

    def load_more(self, count: int = 200) -> bool:
        """Load older candles; False if a load is in progress or there are none."""
        return self._feed is not None and self._feed.load_more(count)

    def _release(self) -> None:
        if self._feed is not None:
            self._feed.close()

    def _on_added(self, first: int, count: int) -> None:
        if self._feed is None:
            return
        # Pending changes refer to the rows as they are now.
        self._flush()
        if not self.is_closed:
            self.rows.insert(first, map(self._read, self._feed[first : first + count]))

    def _on_changed(self, index: int) -> None:
        if self._feed is not None:
            self._pending[index] = self._feed[index]
            self.frames.schedule()

    def _on_reset(self) -> None:
        self._pending.clear()
        self.rows.reset()

    def _flush(self) -> None:
        pending, self._pending = self._pending, {}
        self.rows.put({row: self._read(candle) for row, candle in pending.items() if row < len(self.rows)})

"""`TickerTableModel`: a watch list."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter

from PySide6.QtCore import QObject, QTimer

from qt_upbit.item_models.base import LiveTableModel, Values
from qt_upbit.item_models.fields import fields_of
from qt_upbit.protocol.subscription_request import requests_for, resolve_spec
from qt_upbit.qt.global_websocket_manager import GlobalWebSocketManager
from qt_upbit.qt.subscription import Subscription
from qt_upbit.qt.websocket_client_proxy import WebSocketClientProxy
from qt_upbit.types import TickerEvent

__all__ = ["TickerTableModel"]


class TickerTableModel(LiveTableModel):
    """One row per pair, in the order asked, with the fields of `TickerEvent`.

    ::

        model = TickerTableModel(parent=self)
        model.set_codes(["KRW-BTC", "KRW-ETH"])
        view.setModel(model)

    Every row is subscribed unless `set_visible_codes` names fewer. Rows keep their last values; before the
    first ticker of a pair only ``code`` is known.
    """

    FIELDS = fields_of(
        TickerEvent,
        ("code",),
        without=("type", "stream_type"),
        headers={
            "code": "Pair",
            "trade_price": "Price",
            "signed_change_rate": "Change",
            "signed_change_price": "Change in price",
            "high_price": "High",
            "low_price": "Low",
            "opening_price": "Open",
            "acc_trade_price_24h": "Value, 24 h",
            "acc_trade_volume_24h": "Volume, 24 h",
        },
    )
    DEFAULT_COLUMNS = (
        "code",
        "trade_price",
        "signed_change_rate",
        "signed_change_price",
        "high_price",
        "low_price",
        "acc_trade_price_24h",
    )
    _read = staticmethod(attrgetter(*(field.name for field in FIELDS)))

    def __init__(
        self,
        parent: QObject | None = None,
        *,
        columns: Sequence[str] | None = None,
        manager: GlobalWebSocketManager | None = None,
    ) -> None:
        super().__init__(parent, columns=columns, manager=manager)
        self._proxy = WebSocketClientProxy("ticker table", self, manager=self.manager)
        self._proxy.ticker_received.connect(self._on_ticker)
        self._proxy.error_occurred.connect(self.error_occurred)
        self._codes: tuple[str, ...] = ()
        self._row_of: dict[str, int] = {}
        self._visible: frozenset[str] | None = None
        self._pending: dict[str, TickerEvent] = {}
        self._subscription: Subscription | None = None
        # Scrolling changes the visible rows many times per loop iteration; the last one counts.
        self._subscribe_timer = QTimer(self)
        self._subscribe_timer.setObjectName("qt_upbit item model subscription")
        self._subscribe_timer.setSingleShot(True)
        self._subscribe_timer.timeout.connect(self._subscribe)

    @property
    def codes(self) -> tuple[str, ...]:
        """The pairs, in the order of the rows."""
        return self._codes

    @property
    def subscribed_codes(self) -> tuple[str, ...]:
        """The subscribed pairs, in the order of the rows."""
        if self._visible is None:
            return self._codes
        return tuple(code for code in self._codes if code in self._visible)

    def row_of(self, code: str) -> int:
        """The row of a pair.

        Raises:
            KeyError: there is none.
        """
        return self._row_of[code]

    def set_codes(self, codes: Iterable[str]) -> None:
        """Show these pairs, in this order, each once; those already shown keep their values.

        Raises:
            InvalidSubscriptionError: a code is wrong; nothing changes.
            ProxyClosedError: the model is closed.
        """
        self.check_usable()
        wanted = tuple(dict.fromkeys(self._checked(codes)))
        if wanted == self._codes:
            return
        self._flush()
        if self.is_closed:
            return
        rows = {code: self.rows.items[row].values for code, row in self._row_of.items()}
        added = wanted[len(self._codes) :]
        is_longer = wanted[: len(self._codes)] == self._codes
        self._codes = wanted
        self._row_of = {code: row for row, code in enumerate(wanted)}
        if is_longer:
            self.rows.insert(len(rows), map(self._unknown, added))
        else:
            self.rows.reset(rows.get(code) or self._unknown(code) for code in wanted)
        if not self.is_closed:
            self._subscribe_timer.start(0)

    def set_visible_codes(self, codes: Iterable[str] | None) -> None:
        """Subscribe only these rows, for example the visible ones; None for all.

        A row that is not subscribed keeps its last values.

        Raises:
            InvalidSubscriptionError, ProxyClosedError: as `set_codes`.
        """
        self.check_usable()
        visible = None if codes is None else frozenset(self._checked(codes))
        if visible != self._visible:
            self._visible = visible
            self._subscribe_timer.start(0)

    def set_visible_rows(self, first: int, last: int) -> None:
        """Subscribe only the rows from `first` to `last`, inclusive."""
        self.set_visible_codes(self._codes[max(0, first) : max(0, last + 1)])

    @staticmethod
    def _checked(codes: Iterable[str]) -> list[str]:
        given = codes if isinstance(codes, str) else list(codes)
        if given:
            requests_for(resolve_spec("ticker"), given)
        return list(given)

    def _unknown(self, code: str) -> Values:
        return (code, *(None for _ in self.FIELDS[1:]))

    def _subscribe(self) -> None:
        before, codes = self._subscription, self.subscribed_codes
        if before is not None and not before.is_closed and {key.code for key in before.keys} == set(codes):
            return
        # The new subscription first: rows that stay visible are never without one.
        self._subscription = self._proxy.subscribe_ticker(codes) if codes else None
        if before is not None:
            before.close()

    def _release(self) -> None:
        self._subscribe_timer.stop()
        self._proxy.close()

    def _on_ticker(self, event: TickerEvent) -> None:
        self._pending[event.code] = event
        self.frames.schedule()

    def _flush(self) -> None:
        pending, self._pending = self._pending, {}
        rows, read = self._row_of, self._read
        self.rows.put({rows[code]: read(event) for code, event in pending.items() if code in rows})

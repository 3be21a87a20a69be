"""The panels, and the place of each in the layouts: one declaration per panel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from demo_app.panel import Panel
from demo_app.panels.account.balances_panel import BalancesPanel
from demo_app.panels.account.orders_panel import OrdersPanel
from demo_app.panels.alerts.alerts_panel import AlertsPanel
from demo_app.panels.chart.chart_panel import ChartPanel
from demo_app.panels.notices.notices_panel import NoticesPanel
from demo_app.panels.order_form.order_form_panel import OrderFormPanel
from demo_app.panels.orderbook.orderbook_panel import OrderbookPanel
from demo_app.panels.performance.performance_panel import PerformancePanel
from demo_app.panels.trades.trades_panel import TradesPanel
from demo_app.panels.watch_list.watch_list_panel import WatchListPanel
from demo_app.style.language import QT_TRANSLATE_NOOP

__all__ = ["LAYOUTS", "PANELS", "PanelSpec", "Place"]


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a panel: panels of the same column and row are tabs, the first of them in front.

    Attributes:
        column, row: counted from the left and from the top.
        width, height: weights against the other columns, and against the other rows of the column.
        fits: it gets its preferred height instead, and the other rows share the rest.
    """

    column: int
    row: int = 0
    width: int = 1
    height: int = 1
    fits: bool = False


@dataclass(frozen=True, slots=True)
class PanelSpec:
    """One panel.

    Attributes:
        panel: the class; created with ``panel(state)`` when first shown.
        title: its name in menus, English; translated in the context ``Panels``.
        icon: a file of ``resources/icons``.
        group: panels of one group are together in the menu.
        shortcut: goes to the panel, wherever it is.
        places: by layout name; hidden in the other layouts.
        always: created at startup, because it collects data even while hidden.
    """

    panel: type[Panel]
    title: str
    icon: str
    group: str
    shortcut: str
    places: Mapping[str, Place] = field(default_factory=dict)
    always: bool = False

    @property
    def name(self) -> str:
        """Its name in layouts and settings."""
        return self.panel.NAME


PANELS: Final = (
    PanelSpec(
        WatchListPanel, QT_TRANSLATE_NOOP("Panels", "Watch list"), "star", "market", "Ctrl+1",
        {"trading": Place(0, 0, 4, 7), "wide": Place(0, 0, 4), "compact": Place(0, 0, 3)},
    ),
    PanelSpec(
        ChartPanel, QT_TRANSLATE_NOOP("Panels", "Chart"), "chart-candlestick", "market", "Ctrl+2",
        {
            "trading": Place(1, 0, 8, 7), "chart": Place(0), "wide": Place(1, 0, 8, 7),
            "compact": Place(1, 0, 6, 6),
        },
    ),
    PanelSpec(
        OrderbookPanel, QT_TRANSLATE_NOOP("Panels", "Order book"), "list-ordered", "market", "Ctrl+3",
        {
            "trading": Place(2, 0, 3, 5), "book": Place(0, 0, 3), "wide": Place(2, 0, 3),
            "compact": Place(2, 0, 3),
        },
    ),
    PanelSpec(
        TradesPanel, QT_TRANSLATE_NOOP("Panels", "Trades"), "history", "market", "Ctrl+4",
        {
            "trading": Place(2, 1, 3, 3), "book": Place(1, 0, 2), "wide": Place(3, 0, 3, 5),
            "compact": Place(2, 0, 3),
        },
    ),
    PanelSpec(
        OrdersPanel, QT_TRANSLATE_NOOP("Panels", "Orders"), "receipt-text", "account", "Ctrl+5",
        {"trading": Place(1, 1, 8, 3), "wide": Place(1, 1, 8, 3), "compact": Place(1, 1, 6, 4)},
    ),
    PanelSpec(
        BalancesPanel, QT_TRANSLATE_NOOP("Panels", "Balances"), "wallet", "account", "Ctrl+6",
        {"trading": Place(1, 1, 8, 3), "wide": Place(1, 1, 8, 3), "compact": Place(1, 1, 6, 4)},
    ),
    PanelSpec(
        OrderFormPanel, QT_TRANSLATE_NOOP("Panels", "Order form"), "notebook-pen", "account", "Ctrl+7",
        {"trading": Place(0, 1, 4, fits=True), "wide": Place(3, 1, 3, fits=True), "compact": Place(0, 0, 3)},
    ),
    PanelSpec(
        PerformancePanel, QT_TRANSLATE_NOOP("Panels", "Performance"), "activity", "connection", "Ctrl+8",
        {"trading": Place(1, 1, 8, 3), "wide": Place(1, 1, 8, 3), "compact": Place(1, 1, 6, 4)}, always=True,
    ),
    PanelSpec(
        AlertsPanel, QT_TRANSLATE_NOOP("Panels", "Alerts"), "bell", "account", "Ctrl+9",
        {"trading": Place(1, 1, 8, 3), "wide": Place(1, 1, 8, 3), "compact": Place(1, 1, 6, 4)}, always=True,
    ),
    PanelSpec(
        NoticesPanel, QT_TRANSLATE_NOOP("Panels", "Notices and signals"), "megaphone", "market", "Ctrl+0",
        {"trading": Place(1, 1, 8, 3), "wide": Place(1, 1, 8, 3), "compact": Place(1, 1, 6, 4)}, always=True,
    ),
)  # fmt: skip
"""In menu order."""

LAYOUTS: Final = {
    "trading": QT_TRANSLATE_NOOP("Layouts", "Trading"),
    "chart": QT_TRANSLATE_NOOP("Layouts", "Chart only"),
    "book": QT_TRANSLATE_NOOP("Layouts", "Book and tape"),
    "wide": QT_TRANSLATE_NOOP("Layouts", "Wide monitor"),
    "compact": QT_TRANSLATE_NOOP("Layouts", "Small screen"),
}
"""Names in settings and on screen; the first is the default."""

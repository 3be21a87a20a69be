"""The window's layout: nothing is cut off or covered, nothing jumps, nothing depends on earlier settings."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from decimal import Decimal

import pytest
import pytest_asyncio
import shiboken6
from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QSettings, Qt
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QTextDocumentFragment
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QApplication,
    QCheckBox,
    QComboBox,
    QHeaderView,
    QLabel,
    QLayout,
    QPushButton,
    QStackedLayout,
    QStyle,
    QStyleOptionButton,
    QStyleOptionHeaderV2,
    QStyleOptionTab,
    QTabBar,
    QTableView,
    QWidget,
)

from demo_app.panels.account.orders_panel import OrdersPanel
from demo_app.panels.chart.candle_canvas import CandleCanvas
from demo_app.panels.order_form.order_form_panel import OrderFormPanel
from demo_app.panels.orderbook.orderbook_canvas import OrderbookCanvas
from demo_app.panels.orderbook.orderbook_panel import OrderbookPanel, _Totals
from demo_app.panels.trades.tape_canvas import TapeCanvas
from demo_app.panels.trades.trades_panel import TradesPanel, _Balance
from demo_app.panels.watch_list.watch_list_panel import WatchListPanel
from demo_app.panels.watch_list.watch_model import Column
from demo_app.preferences import Preferences
from demo_app.shell.main_window import MainWindow
from demo_app.style.appearance import Appearance, first_theme
from demo_app.style.language import Language
from demo_app.style.theme import COLOURS, THEMES
from demo_app.terminal_state import TerminalState
from demo_app.trading.trading_guard import TradingGuard
from qt_upbit import AskBid, ConnectionState, GlobalWebSocketManager, Scope
from qt_upbit.simulator import SimulatedServer
from tests.demo_app.shell import layouts
from tests.demo_app.style.test_theme import _contrast
from tests.support.account import place
from tests.support.wait import until

Exchange = Callable[..., Awaitable[SimulatedServer]]
Start = Callable[..., Awaitable[MainWindow]]
Size = tuple[int, int]

NOON = 1_800_000_000.0
"""A stopped clock: the chart counts down to the end of its candle."""
SIZES = (
    ((1024, 700), "compact"),
    ((1440, 900), "trading"),
    ((1920, 1080), "trading"),
    ((2560, 1400), "wide"),
)


@pytest_asyncio.fixture
async def start(settings: QSettings, language: Language) -> AsyncIterator[Start]:
    """Start the terminal as the program does, with a language and a theme that were chosen before."""
    made: list[tuple[MainWindow, Appearance]] = []

    async def new(size: Size, layout: str, tongue: str = "en", theme: str = "dark") -> MainWindow:
        preferences = Preferences(settings)
        # A first-time user gets a welcome in the status line.
        preferences.welcome()
        language.use(tongue)
        guard = TradingGuard(simulated=True, live=False, has_keys=lambda: False)
        state = TerminalState(first_theme(preferences, tongue, theme), guard, settings, "KRW-BTC")
        state.clock = lambda: NOON
        appearance = Appearance(state, language, preferences)
        window = MainWindow(state, appearance, "simulated", layout)
        made.append((window, appearance))
        window.fit(size)
        window.show()
        window.activateWindow()
        state.set_markets(await state.rest.get_markets())
        await _settle(window)
        return window

    yield new
    for window, appearance in made:
        window.close()
        shiboken6.delete(window)
        appearance.close()


async def _settle(window: MainWindow) -> None:
    """Wait until all requested data has come."""
    manager = GlobalWebSocketManager.instance()
    for scope in (Scope.PUBLIC, Scope.PRIVATE):
        await until(lambda scope=scope: manager.state(scope) is ConnectionState.LIVE)
    await until(lambda: window.header._shown_code == window.state.market)
    for dock in window.docks.docks.values():
        panel = dock.panel
        if panel is not None and _is_seen(panel):
            await until(lambda panel=panel: not panel.has_placeholder, what=panel.NAME)
            if isinstance(panel, WatchListPanel):
                # It waits for its next price request: it has the current prices.
                await until(panel._refresh.isActive, what="prices")


def _grab(window: MainWindow) -> QImage:
    return window.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)


async def _still(window: MainWindow, without: Callable[[], list[QRect]] = list) -> QImage:
    """The window's image, once it no longer changes: nothing flashes, fades or is loading."""
    images: list[QImage] = []

    def is_still() -> bool:
        images.append(_without(_grab(window), without()))
        return len(images) > 6 and all(each == images[-1] for each in images[-6:])

    await until(is_still, what="an image that no longer changes")
    return images[-1]


def _without(image: QImage, areas: list[QRect]) -> QImage:
    painter = QPainter(image)
    for area in areas:
        painter.fillRect(area, Qt.GlobalColor.black)
    painter.end()
    return image


def _area(widget: QWidget) -> QRect:
    """Where a widget is in its window."""
    return QRect(widget.mapTo(widget.window(), QPoint(0, 0)), widget.size())


# --- layout faults of a widget -------------------------------------------------------------------------


def _seen(window: QWidget) -> list[QWidget]:
    """Every at least partly visible widget; one behind another tab is "visible" to Qt."""
    return [each for each in window.findChildren(QWidget) if _is_seen(each)]


def _is_seen(widget: QWidget) -> bool:
    rect, each = widget.rect(), widget
    while widget.isVisible() and not each.isWindow() and not rect.isEmpty():
        rect = rect.translated(each.pos())
        parent = each.parentWidget()
        assert parent is not None, "a widget without a parent is a window"
        each = parent
        rect &= each.rect()
    return each is widget.window() and not rect.isEmpty() and widget.isVisible()


def _path(widget: QWidget) -> str:
    """A path of the widget, to find it in the sources."""
    names: list[str] = []
    each: QWidget | None = widget
    while each is not None and not each.isWindow():
        name = each.objectName()
        if name and not name.startswith("qt_"):
            names.insert(0, name)
        each = each.parentWidget()
    return f"{type(widget).__name__} in {'/'.join(names) or 'the window'}"


def _texts(widget: QWidget) -> Iterator[tuple[str, int, int, str]]:
    """Each text of a widget: the text, the pixels it needs and has, and a tool tip that may have it all."""
    metrics = widget.fontMetrics()
    if isinstance(widget, QLabel):
        text = QTextDocumentFragment.fromHtml(widget.text()).toPlainText()
        if widget.wordWrap():
            yield text, widget.heightForWidth(widget.width()), widget.height(), widget.toolTip()
        elif text:
            yield text, widget.sizeHint().width(), widget.width(), widget.toolTip()
            yield text, widget.sizeHint().height(), widget.height(), ""
    elif isinstance(widget, QPushButton | QCheckBox):
        option = QStyleOptionButton()
        widget.initStyleOption(option)
        parts = QStyle.SubElement
        part = parts.SE_CheckBoxContents if isinstance(widget, QCheckBox) else parts.SE_PushButtonContents
        room = widget.style().subElementRect(part, option, widget)
        size = metrics.size(Qt.TextFlag.TextShowMnemonic, widget.text())
        yield widget.text(), size.width(), room.width(), widget.toolTip()
        yield widget.text(), metrics.tightBoundingRect(widget.text()).height(), room.height(), ""
    elif isinstance(widget, QAbstractButton):
        # Qt's hint for a tool button leaves room for two spaces, and Fusion adds two pixels.
        slack = 2 * metrics.horizontalAdvance(" ") + 2
        yield widget.text(), widget.sizeHint().width() - slack, widget.width(), widget.toolTip()
    elif isinstance(widget, QTabBar):
        for index in range(widget.count()):
            text, tip, rect = widget.tabText(index), widget.tabToolTip(index), widget.tabRect(index)
            tab = QStyleOptionTab()
            widget.initStyleOption(tab, index)
            room = widget.style().subElementRect(QStyle.SubElement.SE_TabBarTabText, tab, widget)
            yield text, metrics.size(Qt.TextFlag.TextShowMnemonic, text).width(), room.width(), tip
            yield text, rect.right(), widget.width(), tip
    elif isinstance(widget, QHeaderView):
        for index in range(widget.count()):
            if not widget.isSectionHidden(index):
                yield _header_text(widget, index)
    elif isinstance(widget, QComboBox):
        longest = max((widget.itemText(row) for row in range(widget.count())), key=len, default="")
        needed = widget.minimumSizeHint().width()
        yield longest, min(needed, metrics.horizontalAdvance(longest)), widget.width(), widget.toolTip()


def _header_text(header: QHeaderView, index: int) -> tuple[str, int, int, str]:
    model, across = header.model(), header.orientation()
    tip = str(model.headerData(index, across, Qt.ItemDataRole.ToolTipRole) or "")
    option = QStyleOptionHeaderV2()
    header.initStyleOption(option)
    header.initStyleOptionForIndex(option, index)
    # With the sort mark, which is part of it.
    text = option.text
    option.rect = QRect(0, 0, header.sectionSize(index), header.height())
    room = header.style().subElementRect(QStyle.SubElement.SE_HeaderLabel, option, header).width()
    return text, header.fontMetrics().horizontalAdvance(text), room, tip


def _cut_off(window: QWidget) -> Iterator[str]:
    for widget in _seen(window):
        for text, needed, room, tip in _texts(widget):
            if text and needed > room and text not in tip:
                yield f"cut off: {text!r} of {_path(widget)} needs {needed} px and has {room}"


def _laid_out(layout: QLayout) -> Iterator[QWidget]:
    """The widgets that a layout places beside each other."""
    for index in range(layout.count()):
        item = layout.itemAt(index)
        assert item is not None
        inner, widget = item.layout(), item.widget()
        if isinstance(inner, QLayout):
            yield from (list(_laid_out(inner))[:1] if isinstance(inner, QStackedLayout) else _laid_out(inner))
        elif widget is not None and widget.isVisible():
            yield widget


def _overlaps(window: QWidget) -> Iterator[str]:
    for parent in (window, *_seen(window)):
        layout = parent.layout()
        if layout is None or isinstance(layout, QStackedLayout):
            continue
        widgets = [each for each in _laid_out(layout) if _is_seen(each)]
        for one, other in itertools.combinations(widgets, 2):
            common = one.geometry() & other.geometry()
            if not common.isEmpty():
                yield f"overlap: {_path(one)} and {_path(other)}: {common.width()} x {common.height()} px"


def _outside(window: QWidget) -> Iterator[str]:
    for widget in _seen(window):
        parent = widget.parentWidget()
        if parent is None or isinstance(parent.parentWidget(), QAbstractScrollArea):
            continue  # scrolled content is larger than its viewport
        if not parent.rect().contains(widget.geometry()):
            rect, room = widget.geometry().getRect(), parent.size().toTuple()
            yield f"outside: {_path(widget)} has {rect} in a parent of {room}"


def _what_is_wrong(window: QWidget) -> list[str]:
    return [*_cut_off(window), *_overlaps(window), *_outside(window)]


@pytest.mark.parametrize("tongue", ["ko", "en"])
@pytest.mark.parametrize(("size", "layout"), SIZES)
async def test_nothing_is_cut_off_or_covered_or_outside(
    exchange: Exchange, start: Start, size: Size, layout: str, tongue: str
) -> None:
    await exchange()
    theme = ("dark", "light")[(SIZES.index((size, layout)) + (tongue == "ko")) % 2]
    window = await start(size, layout, tongue, theme)
    wrong = dict.fromkeys(_what_is_wrong(window))
    # And hidden tabs: each panel is raised once.
    for dock in window.docks.docks.values():
        if not dock.isHidden():
            dock.raise_()
            await until(lambda dock=dock: dock.panel is not None and _is_seen(dock))
            await _settle(window)
            wrong |= dict.fromkeys(_what_is_wrong(window))
    assert not wrong, "\n".join(["", *wrong])


# --- nothing jumps ----------------------------------------------------------------------------------------


def _lively(window: MainWindow) -> list[QWidget]:
    """Widgets that change on a tick; everything around them must not move."""
    header = window.header
    found: list[QWidget] = [header._price, header._change, *header._figures.values(), window.connection_line]
    for each in _seen(window):
        if isinstance(each, QTableView):
            found += [each.viewport(), each.verticalScrollBar()]
        elif isinstance(each, OrderbookCanvas | TapeCanvas | CandleCanvas | _Totals | _Balance):
            found.append(each)
    return found


def _geometries(widgets: list[QWidget]) -> list[QRect]:
    return [each.geometry() for each in widgets]


def _columns(window: MainWindow) -> dict[QTableView, list[tuple[int, int]]]:
    return {
        table: [
            (table.columnViewportPosition(column), table.columnWidth(column))
            for column in range(table.model().columnCount())
        ]
        for table in _seen(window)
        if isinstance(table, QTableView) and table.model() is not None
    }


@pytest.mark.parametrize(("size", "layout"), [SIZES[0], SIZES[1]])
async def test_nothing_jumps_while_prices_come(
    exchange: Exchange, start: Start, size: Size, layout: str
) -> None:
    await exchange(market_running=True, rate=20.0)
    window = await start(size, layout)
    book, tape = window.panel("orderbook"), window.panel("trades")
    assert isinstance(book, OrderbookPanel)
    assert isinstance(tape, TradesPanel)
    # Past orders are read as well, and then the table scrolls.
    await until(lambda: len(tape.canvas.rows) > 60 or not _is_seen(tape))
    seen, frames = _seen(window), list[list[QRect]]()

    def look(*_: object) -> None:
        frames.append(_geometries(seen))

    for comes in (book.model.book_changed, tape.model.rowsInserted, window.header.proxy.ticker_received):
        comes.connect(look)
    await until(lambda: len(frames) > 5)
    first, columns, before = _geometries(seen), _columns(window), _grab(window)
    event = window.header._event
    frames.clear()
    after = []
    for count in (20, 33, 58, 100):
        await until(lambda count=count: len(frames) >= count)
        after.append(_grab(window))
    assert window.header._event is not event
    for frame in frames:
        places = zip(seen, first, frame, strict=True)
        moved = [f"{_path(each)}: {was} became {now}" for each, was, now in places if was != now]
        assert not moved, "\n".join(["", *moved])
    others = set(_seen(window)) ^ set(seen)
    assert not others, f"appeared or disappeared: {[_path(each) for each in others]}"
    assert _columns(window) == columns
    assert len(columns) >= 1
    areas = [_area(each) for each in _lively(window)]
    assert before not in after, "without a changing market this test proves nothing"
    before = _without(before, areas)
    for image in after:
        assert not _differences(window, before, _without(image, areas))


def _differences(window: MainWindow, one: QImage, other: QImage) -> list[str]:
    """The widgets that differ between two images of the window."""
    assert one.size() == other.size()
    if one == other:
        return []
    rows = [
        (y, x)
        for y in range(one.height())
        if one.copy(0, y, one.width(), 1) != other.copy(0, y, one.width(), 1)
        for x in range(one.width())
        if one.pixel(x, y) != other.pixel(x, y)
    ]
    found: dict[str, int] = {}
    for y, x in rows:
        name = _path(window.childAt(x, y) or window)
        found[name] = found.get(name, 0) + 1
    return [f"{count} px of {name}" for name, count in found.items()]


# --- there and back -----------------------------------------------------------------------------------------


def _outline(window: MainWindow) -> set[str]:
    """Every visible widget, with its geometry and font size."""
    line = window.connection_line
    figures = (line._error, line._rate, line._saving, line._latency, line._connections)
    return {
        f"{_path(each)} at {_area(each).getRect()} in {each.font().pointSizeF()} pt"
        for each in _seen(window)
        if each not in figures
    }


@pytest.mark.long
async def test_a_theme_or_language_leaves_no_trace(exchange: Exchange, start: Start) -> None:
    """The window looks the same whether they were set at the start, later, or changed back."""
    await exchange()
    window = await start((1440, 900), "trading", "en", "dark")

    def figures() -> list[QRect]:
        """Areas that change all the time: connection figures, and sliding 24-hour sums."""
        line, area = window.connection_line, _area(window.connection_line)
        area.setLeft(max(_area(state).right() for state in line._states.values()) + 1)
        panel = window.panel("watch_list")
        assert isinstance(panel, WatchListPanel)
        turnover = _area(panel.table.viewport())
        turnover.setLeft(turnover.left() + panel.table.columnViewportPosition(Column.TURNOVER))
        return [area, turnover, _area(window.header)]

    async def look() -> tuple[set[str], QImage]:
        image = await _still(window, figures)
        return _outline(window), image

    def assert_same(one: tuple[set[str], QImage], other: tuple[set[str], QImage], when: str) -> None:
        moved = sorted(
            f"{name} {each}"
            for name, each in [("before:", each) for each in one[0] - other[0]]
            + [("now:", each) for each in other[0] - one[0]]
        )
        assert not moved, "\n".join([when, *moved[:30]])
        assert not _differences(window, one[1], other[1]), when

    change = window.appearance
    first = await look()
    change.set_theme("light")
    light = await look()
    change.set_theme("dark")
    assert_same(first, await look(), "back in the dark")
    change.set_language("ko")
    korean = await look()
    change.set_theme("light")
    korean_light = await look()
    change.set_theme("dark")
    change.set_language("en")
    assert_same(first, await look(), "back in English")
    assert len({bytes(each[1].constBits()) for each in (first, light, korean, korean_light)}) == 4
    window.close()
    for tongue, theme, seen in (
        ("ko", "dark", korean),
        ("ko", "light", korean_light),
        ("en", "light", light),
    ):
        window = await start((1440, 900), "trading", tongue, theme)
        assert_same(seen, await look(), f"begun in {tongue} and {theme}")
        window.close()


@pytest.mark.parametrize("tongue", ["ko", "en"])
async def test_figures_of_the_connection_have_room(exchange: Exchange, start: Start, tongue: str) -> None:
    """They change several times a second: their neighbours must not move."""
    await exchange()
    window = await start((1440, 900), "trading", tongue)
    manager = GlobalWebSocketManager.instance()
    metrics = manager.metrics()

    def show(rate: float, latency_s: float) -> list[tuple[int, ...]]:
        scopes = {
            scope: replace(each, messages_per_second=rate if scope is Scope.PUBLIC else 0.0)
            for scope, each in metrics.scopes.items()
        }
        manager.metrics_updated.emit(
            replace(metrics, scopes=scopes, latency=replace(metrics.latency, p99_s=latency_s))
        )
        layout = window.connection_line.layout()
        assert layout is not None
        layout.activate()
        return [each.geometry().getRect() for each in window.connection_line.findChildren(QLabel)]

    quiet = show(0.0, 0.0)
    # A slow computer, or a connection that stalled for a moment.
    assert show(999.0, 1.2345) == quiet
    assert "1234" in window.connection_line._latency.text().replace(",", "")


# --- readability --------------------------------------------------------------------------------------------


def _ground(image: QImage, area: QRect) -> QColor:
    """The most frequent colour of an area: the text's background."""
    colours = Counter(
        image.pixel(x, y)
        for x in range(area.left(), area.right() + 1)
        for y in range(area.top(), area.bottom() + 1)
        if image.rect().contains(x, y)
    )
    return QColor(colours.most_common(1)[0][0])


@pytest.mark.long
async def test_text_is_readable_on_every_painted_background(exchange: Exchange, start: Start) -> None:
    """Backgrounds are taken from the image, tints and bars included. WCAG requires 4.5 for small text."""
    server = await exchange()
    window = await start((1920, 1080), "trading")
    watch, book, tape = (window.panel(name) for name in ("watch_list", "orderbook", "trades"))
    assert isinstance(watch, WatchListPanel)
    assert isinstance(book, OrderbookPanel)
    assert isinstance(tape, TradesPanel)
    assert book.model.book is not None
    best = book.model.book.asks[0].price
    numbers: dict[str, int] = {}
    for name, side in (("bought", AskBid.BID), ("sold", AskBid.ASK)):
        before = tape.canvas.rows[0].number if tape.canvas.rows else 0
        server.exchange.trade("KRW-BTC", best, Decimal(9), side, server.now())
        await until(lambda before=before: tape.canvas.rows and tape.canvas.rows[0].number != before)
        numbers[name] = tape.canvas.rows[0].number
    orders = window.panel("orders")
    assert isinstance(orders, OrdersPanel)
    place(server)
    await until(lambda: orders.open_view.model().rowCount() == 1)
    orders.open_view.selectRow(0)
    chosen = watch.order.row_of("KRW-BTC")
    selected = next(row for row in range(4) if row != chosen)
    watch.table.selectRow(selected)
    hovered = book.canvas.place_of(AskBid.BID, 2)
    move = QMouseEvent(
        QEvent.Type.MouseMove, QPointF(hovered), QPointF(book.canvas.viewport().mapToGlobal(hovered)),
        Qt.MouseButton.NoButton, Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    QApplication.sendEvent(book.canvas.viewport(), move)
    poor: list[str] = []
    for name, colours in itertools.product(THEMES, COLOURS):
        window.appearance.set_theme(name)
        window.appearance.set_colours(colours)
        await _still(window, lambda: [_area(window.connection_line)])
        theme = window.state.theme
        markets, levels, trades = (
            each.viewport().grab().toImage() for each in (watch.table, book.canvas, tape.canvas)
        )
        every = ("text", "muted", "up", "down")
        found: list[tuple[str, tuple[str, ...], QColor]] = []
        for what, row in (("the shown pair", chosen), ("a selected pair", selected)):
            area = watch.table.visualRect(watch.order.index(row, Column.PRICE))
            found.append((what, every, _ground(markets, area)))
        area = orders.open_view.visualRect(orders.open_view.model().index(0, 2))
        image = orders.open_view.viewport().grab().toImage()
        found.append(("a selected order", ("text", "up", "down"), _ground(image, area)))
        columns, y = book.canvas._columns, hovered.y()
        assert columns.total is not None
        found.append(("a level under the mouse", every, _ground(levels, QRect(2, y - 8, 60, 16))))
        middle = (book.canvas.place_of(AskBid.ASK, 0).y() + book.canvas.place_of(AskBid.BID, 0).y()) // 2
        found.append(("the spread", ("muted",), _ground(levels, QRect(2, middle - 8, 60, 16))))
        for side in (AskBid.ASK, AskBid.BID):
            top = book.canvas.place_of(side, 4).y() - 6
            for what, ink, edge in (("size", "text", columns.size), ("sum", "muted", columns.total)):
                found.append(
                    (f"the bar of a {what}", (ink,), _ground(levels, QRect(round(edge) - 3, top, 2, 12)))
                )
        for what, number in numbers.items():
            y = tape.canvas.place_of(number).y()
            area = QRect(0, y - 7, tape.canvas.viewport().width(), 14)
            ink = "up" if what == "bought" else "down"
            found.append((f"a large trade, {what}", ("text", "muted", ink), _ground(trades, area)))
        poor += [
            f"{name} {colours}: {ink} on {what} has {contrast:.2f}"
            for what, inks, ground in found
            for ink in inks
            if (contrast := _contrast(getattr(theme, ink), ground)) < 4.5
        ]
    assert not poor, "\n".join(["", *poor])


# --- dock positions -----------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.usefixtures("offline")
async def test_docks_are_at_the_recorded_positions(language: Language) -> None:
    """After a change on purpose: ``python -m tests.demo_app.shell.layouts``."""
    written = json.loads(layouts.FILE.read_text(encoding="utf-8"))
    measured = await layouts.measure(language)
    assert measured
    found = layouts.differences(written, measured)
    assert not found, "\n".join(["", *found])


def test_an_unrecorded_layout_is_a_difference() -> None:
    place = {"chart": [0.0, 2.0, 50.0, 48.0]}
    assert not layouts.differences({"a": place}, {"a": place})
    assert layouts.differences({}, {"a": place}) == ["a: not in layouts.json"]
    assert layouts.differences({"a": {}}, {"a": place}) == ["a: chart is seen or not"]
    assert layouts.differences({"a": place}, {}) == ["a: no such layout"]
    moved = {"chart": [0.0, 2.0, 48.0, 48.0]}
    assert len(layouts.differences({"a": place}, {"a": moved})) == 1


# --- small and scaled screens ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("screen", "scale"),
    [
        (screen, scale)
        for screen in ((1024, 700), (1366, 768), (1440, 900), (1920, 1080))
        for scale in (1.0, 1.25, 1.5, 2.0)
        if screen[0] / scale >= 720
    ],
)
async def test_the_first_window_fits_every_screen_and_its_form_can_be_used(
    exchange: Exchange, settings: QSettings, language: Language, screen: Size, scale: float
) -> None:
    """Device-independent pixels are what scaling leaves: 1920 x 1080 at 200 % is 960 x 540."""
    await exchange()
    preferences = Preferences(settings)
    preferences.welcome()
    guard = TradingGuard(simulated=True, live=False, has_keys=lambda: False)
    state = TerminalState(first_theme(preferences, "ko", "dark"), guard, settings, "KRW-BTC")
    appearance = Appearance(state, language, preferences)
    language.use("ko")
    window = MainWindow(state, appearance, "simulated")
    available = QRect(0, 0, int(screen[0] / scale), int(screen[1] / scale))
    window.keep_within(available)
    window.show()
    window.docks.go_to("order_form")
    form = window.panel("order_form")
    await until(lambda: not form.has_placeholder)
    QApplication.processEvents()
    try:
        assert window.width() <= available.width()
        assert window.height() <= available.height()
        is_roomy = available.width() >= 1376 and available.height() >= 888
        assert window.docks.current == ("trading" if is_roomy else "compact")
        assert isinstance(form, OrderFormPanel)
        for field in (form.fields.price, form.fields.volume):
            seen = field.visibleRegion().boundingRect()
            assert seen == field.rect(), "whole, without scrolling"
            assert seen.width() >= 80
        assert form.fields.submit.visibleRegion().boundingRect() == form.fields.submit.rect()
        for dock in window.docks.docks.values():
            if dock.panel is not None and _is_seen(dock.panel):
                least = dock.panel.LEAST
                assert (dock.panel.width() >= least[0], dock.panel.height() >= least[1]) == (True, True)
    finally:
        window.close()
        shiboken6.delete(window)
        appearance.close()


async def test_a_window_saved_on_a_larger_screen_is_made_smaller(
    exchange: Exchange, settings: QSettings, language: Language
) -> None:
    await exchange()
    for available in (QRect(0, 0, 2560, 1400), QRect(0, 0, 1024, 700)):
        language.use("en")
        guard = TradingGuard(simulated=True, live=False, has_keys=lambda: False)
        preferences = Preferences(settings)
        state = TerminalState(first_theme(preferences, "en", "dark"), guard, settings, "KRW-BTC")
        appearance = Appearance(state, language, preferences)
        window = MainWindow(state, appearance, "simulated")
        window.keep_within(available)
        window.show()
        size = window.size()
        window.resize(size.expandedTo(available.size()))
        window.close()
        shiboken6.delete(window)
        appearance.close()
    assert size.width() <= 1024
    assert size.height() <= 700

"""`LatencyChart` and `RateChart`: two small charts of the performance panel."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPolygonF
from PySide6.QtWidgets import QWidget

from demo_app.style.theme import SPACE
from demo_app.terminal_state import TerminalState
from qt_upbit import LatencySummary

__all__ = ["LatencyChart", "RateChart"]

_SECONDS: Final = 120
_DECADES: Final = (0.0001, 0.001, 0.01, 0.1, 1.0)
_LABELS: Final = ("0.1 ms", "1 ms", "10 ms", "100 ms", "1 s")
_RATIO: Final = 1.25
"""Between the bounds of two buckets of the histogram."""


class _Figure(QWidget):
    """A chart with a title, of fixed height and any width."""

    def __init__(self, state: TerminalState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self.title = ""
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    def sizeHint(self) -> QSize:
        """Room for a title, a chart and a scale."""
        return QSize(260, 96)

    def minimumSizeHint(self) -> QSize:
        """The same height, narrower."""
        return QSize(120, 60)

    def _begin(self, painter: QPainter, *notes: str) -> QRectF:
        """Paint background, title, and the first of the notes that fits beside it; return the chart area."""
        theme = self._state.theme
        painter.fillRect(self.rect(), theme.panel)
        painter.setFont(theme.font(8.5))
        head = QRectF(0, 0, self.width(), 18)
        painter.setPen(theme.muted)
        painter.drawText(head, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, self.title)
        painter.setPen(theme.text)
        room = self.width() - painter.fontMetrics().horizontalAdvance(self.title) - SPACE
        fits = (each for each in notes if painter.fontMetrics().horizontalAdvance(each) <= room)
        note = next(fits, "")
        painter.drawText(head, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, note)
        return QRectF(0, 22, self.width(), self.height() - 22 - 16)


class RateChart(_Figure):
    """Messages per second over the last two minutes."""

    def __init__(self, state: TerminalState, parent: QWidget | None = None) -> None:
        super().__init__(state, parent)
        self._rates: deque[float] = deque(maxlen=_SECONDS)
        self.note = ""
        self.scale: tuple[str, str] = ("", "")

    def add(self, rate: float) -> None:
        """Add one second."""
        self._rates.append(rate)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint a filled line, the newest second at the right."""
        with QPainter(self) as painter:
            self._paint(painter)

    def _paint(self, painter: QPainter) -> None:
        theme = self._state.theme
        area = self._begin(painter, self.note)
        painter.setPen(theme.grid)
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        top = max(max(self._rates, default=0.0), 10.0)
        points = [
            QPointF(
                area.right() - (len(self._rates) - 1 - i) * area.width() / (_SECONDS - 1),
                area.bottom() - rate / top * (area.height() - 2),
            )
            for i, rate in enumerate(self._rates)
        ]
        if len(points) > 1:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            ground = [QPointF(points[0].x(), area.bottom()), *points, area.bottomRight()]
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.faded(theme.accent, 50))
            painter.drawPolygon(QPolygonF(ground))
            painter.setPen(theme.accent)
            painter.drawPolyline(QPolygonF(points))
        painter.setPen(theme.muted)
        foot = QRectF(0, area.bottom() + 1, self.width(), 15)
        painter.drawText(foot, Qt.AlignmentFlag.AlignLeft, self.scale[0])
        painter.drawText(foot, Qt.AlignmentFlag.AlignRight, self.scale[1])


class LatencyChart(_Figure):
    """Histogram of latencies, logarithmic on both axes."""

    def __init__(self, state: TerminalState, parent: QWidget | None = None) -> None:
        super().__init__(state, parent)
        self._summary = LatencySummary()
        self.empty = ""

    def show_summary(self, summary: LatencySummary) -> None:
        """Show new figures."""
        if summary != self._summary:
            self._summary = summary
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint a bar for each bucket, from a twentieth of a millisecond to a second and more."""
        with QPainter(self) as painter:
            self._paint(painter)

    def _paint(self, painter: QPainter) -> None:
        theme, summary = self._state.theme, self._summary
        p99 = f"p99 {_ms(summary.p99_s)}"
        notes = (f"p50 {_ms(summary.p50_s)}   {p99}   max {_ms(summary.max_s)}", p99)
        area = self._begin(painter, *(notes if summary.count else (self.empty,)))
        painter.setPen(theme.grid)
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        painter.setFont(theme.font(7.5))
        for seconds, label in zip(_DECADES, _LABELS, strict=True):
            x = _x(seconds, area)
            painter.setPen(theme.grid)
            painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
            painter.setPen(theme.muted)
            place = QRectF(x - 30, area.bottom() + 1, 60, 15)
            if place.left() >= 0 and place.right() <= self.width():
                painter.drawText(place, Qt.AlignmentFlag.AlignHCenter, label)
        self._paint_bars(painter, area, summary.buckets)

    def _paint_bars(self, painter: QPainter, area: QRectF, buckets: Sequence[tuple[float, int]]) -> None:
        theme = self._state.theme
        most = max((count for _, count in buckets), default=1)
        painter.setPen(Qt.PenStyle.NoPen)
        for bound, count in buckets:
            left, right = _x(bound / _RATIO, area), _x(bound, area)
            height = max(2.0, count / most * (area.height() - 2))
            # A display frame is 16.7 ms: slower events were shown late.
            painter.setBrush(theme.warning if bound > 0.021 else theme.accent)
            painter.drawRect(QRectF(left, area.bottom() - height, max(1.0, right - left - 1), height))


def _x(seconds: float, area: QRectF) -> float:
    """The x position of a time: from 0.04 ms at the left to 2 s at the right."""
    from math import log

    low, high = log(0.00004), log(2.0)
    share = (log(min(max(seconds, 0.00004), 2.0)) - low) / (high - low)
    return area.left() + share * area.width()


def _ms(seconds: float) -> str:
    ms = seconds * 1000
    return f"{ms:.2f} ms" if ms < 1 else f"{ms:.1f} ms" if ms < 100 else f"{ms:,.0f} ms"

"""The rules of alerts: when one fires, and when it may fire again. Knows no Qt."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, Final

import msgspec

from qt_upbit import exactly

__all__ = ["Alert", "AlertKind", "AlertRule", "alerts_from_text", "alerts_to_text"]

HYSTERESIS: Final = Decimal("0.001")
"""Hysteresis: how far back past its threshold, as a fraction of it, a price must go to re-arm the alert."""


class AlertKind(StrEnum):
    """What an alert waits for."""

    ABOVE = "above"
    BELOW = "below"
    CHANGE = "change"
    FILL = "fill"


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert as the user set it.

    Attributes:
        name: unique among the alerts.
        code: its pair.
        kind: what it waits for.
        threshold: a price; for CHANGE a percentage, in either direction; unused for FILL.
        window_s: the window of CHANGE.
        is_enabled: whether it is watched.
        is_once: it is disabled after it has fired.
    """

    name: str
    code: str
    kind: AlertKind
    threshold: Decimal = Decimal(0)
    window_s: int = 300
    is_enabled: bool = True
    is_once: bool = False

    def __post_init__(self) -> None:
        if self.kind is not AlertKind.FILL and not (self.threshold.is_finite() and self.threshold > 0):
            raise ValueError("threshold must be positive")
        if self.window_s <= 0:
            raise ValueError("window_s must be positive")


class AlertRule:
    """Watches one alert. Fires once, and again only after its condition was clearly over.

    Args:
        alert: the alert to watch.
    """

    def __init__(self, alert: Alert) -> None:
        self.alert = alert
        self.is_armed = True
        # Prices, with times, that may still be the lowest or the highest of the window, oldest first.
        self._low: deque[tuple[float, Decimal]] = deque()
        self._high: deque[tuple[float, Decimal]] = deque()

    @exactly
    def price(self, now: float, price: Decimal) -> bool:
        """Feed a price seen at `now` (monotonic, seconds); return whether the alert fires."""
        alert = self.alert
        if not alert.is_enabled or alert.kind is AlertKind.FILL:
            return False
        if alert.kind is AlertKind.CHANGE:
            change = self._change(now, price)
            return self._judge(change >= alert.threshold, change <= alert.threshold / 2)
        margin = alert.threshold * HYSTERESIS
        if alert.kind is AlertKind.ABOVE:
            return self._judge(price >= alert.threshold, price <= alert.threshold - margin)
        return self._judge(price <= alert.threshold, price >= alert.threshold + margin)

    def fill(self, code: str) -> bool:
        """An own order of `code` was filled; return whether the alert fires: it does on each fill."""
        alert = self.alert
        return alert.is_enabled and alert.kind is AlertKind.FILL and alert.code == code

    def _judge(self, is_met: bool, is_over: bool) -> bool:
        fires = is_met and self.is_armed
        if is_met:
            self.is_armed = False
        elif is_over:
            self.is_armed = True
        return fires

    def _change(self, now: float, price: Decimal) -> Decimal:
        """The larger move to `price` from the window's lowest or highest price, in percent."""
        while self._low and self._low[-1][1] >= price:
            self._low.pop()
        while self._high and self._high[-1][1] <= price:
            self._high.pop()
        for prices in (self._low, self._high):
            prices.append((now, price))
            while prices[0][0] < now - self.alert.window_s:
                prices.popleft()
        low, high = self._low[0][1], self._high[0][1]
        return max((price - low) / low, (high - price) / high) * 100 if low else Decimal(0)


def alerts_to_text(alerts: Sequence[Alert]) -> str:
    """Serialize the alerts as one line of JSON, for the settings."""
    return msgspec.json.encode(
        [{**asdict(alert), "threshold": str(alert.threshold)} for alert in alerts]
    ).decode()


def alerts_from_text(text: str) -> list[Alert]:
    """Parse the output of `alerts_to_text`; skip unreadable entries, as settings may be edited by hand."""
    try:
        rows: Any = msgspec.json.decode(text or "[]")
    except msgspec.MsgspecError:
        return []
    alerts: list[Alert] = []
    for row in rows if isinstance(rows, list) else ():
        try:
            alerts.append(
                Alert(
                    str(row["name"]), str(row["code"]), AlertKind(row["kind"]), Decimal(row["threshold"]),
                    int(row["window_s"]), bool(row["is_enabled"]), bool(row.get("is_once", False)),
                )
            )  # fmt: skip
        except (AttributeError, KeyError, TypeError, ValueError, InvalidOperation):
            continue
    return alerts

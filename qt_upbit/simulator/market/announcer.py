"""`Announcer`: publishes occasional notices of the exchange."""

from __future__ import annotations

import random
from typing import ClassVar, Final

from qt_upbit.epoch import datetime_at
from qt_upbit.simulator.market.price_path import mix
from qt_upbit.types import (
    KST,
    AnnouncementCategory,
    AnnouncementEvent,
    AnnouncementEventType,
    BaseWebSocketEvent,
)

__all__ = ["Announcer"]

_TITLES: Final = {
    AnnouncementCategory.TRADE: "[거래] {coin} 신규 거래 지원 안내 (모의)",
    AnnouncementCategory.MAINTENANCE: "[점검] 모의 거래소 서버 점검 안내",
    AnnouncementCategory.WALLET: "[입출금] {coin} 입출금 일시 중단 안내 (모의)",
    AnnouncementCategory.NOTICE: "[안내] 모의 거래소 이용 안내",
    AnnouncementCategory.DIGITAL_ASSET: "[디지털 자산] {coin} 유의 종목 지정 안내 (모의)",
    AnnouncementCategory.EVENT: "[이벤트] 모의 거래소 이벤트 안내",
}
"""Title of a notice by category; other categories have a generic one."""


class Announcer:
    """Makes notices of every category at random times. `EVENTS` are the event classes it makes.

    Args:
        seed: of the exchange.
        interval_s: mean time between notices; None for none.
        start_ms: market time at the start.
        coins: the coins that notices mention.
    """

    EVENTS: ClassVar[tuple[type[BaseWebSocketEvent], ...]] = (AnnouncementEvent,)

    def __init__(self, seed: int, interval_s: float | None, start_ms: int, coins: tuple[str, ...]) -> None:
        self._rng = random.Random(mix(seed, 51))  # noqa: S311  # a simulation, not a secret
        self._interval_s = interval_s
        self._coins = coins
        self._last: AnnouncementEvent | None = None
        self._next_ms: int | None = None
        self._plan_next(start_ms)

    def tick(self, now_ms: int) -> AnnouncementEvent | None:
        """The notice that is due, or None."""
        if self._next_ms is None or now_ms < self._next_ms:
            return None
        self._plan_next(now_ms)
        rng = self._rng
        now = datetime_at(now_ms // 1000, KST).isoformat()
        last = self._last
        if last is not None and rng.random() < 0.25:
            self._last = None
            return AnnouncementEvent(
                type="announcement", event_type=AnnouncementEventType.UPDATED,
                uuid=last.uuid, title=last.title,
                category=last.category, url=last.url, first_listed_at=last.first_listed_at, listed_at=now,
                body=last.body, timestamp=now_ms,
            )  # fmt: skip
        category = rng.choice(tuple(AnnouncementCategory))
        title = _TITLES.get(category, f"[{category.value}] 모의 거래소 공지")
        number = str(rng.randrange(500_000_000, 600_000_000))
        self._last = AnnouncementEvent(
            type="announcement",
            event_type=AnnouncementEventType.CREATED,
            uuid=number,
            title=title.format(coin=rng.choice(self._coins)),
            category=category,
            url=f"https://www.upbit.com/service_center/notice?id={number}&view=share",
            first_listed_at=now,
            listed_at=now,
            body="이 공지는 모의 거래소가 만든 것입니다. A notice of the simulated exchange.",
            timestamp=now_ms,
        )
        return self._last

    def _plan_next(self, now_ms: int) -> None:
        if self._interval_s is not None:
            self._next_ms = now_ms + int(self._rng.uniform(0.5, 1.5) * self._interval_s * 1000)

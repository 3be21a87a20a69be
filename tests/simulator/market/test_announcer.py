"""A notice of the exchange now and then, of every category, and updates of it."""

from __future__ import annotations

import itertools
from datetime import datetime

from qt_upbit.models import decode, encode
from qt_upbit.simulator.market.announcer import Announcer
from qt_upbit.types import AnnouncementCategory, AnnouncementEvent, AnnouncementEventType, WireFormat

START_MS = 1_795_402_151_000


def announced(seed: int = 7, interval_s: float | None = 60.0, hours: int = 24) -> list[AnnouncementEvent]:
    announcer = Announcer(seed, interval_s, START_MS, ("BTC", "ETH"))
    every_second = range(START_MS, START_MS + hours * 3_600_000, 1000)
    return [event for now_ms in every_second if (event := announcer.tick(now_ms)) is not None]


def test_about_as_often_as_asked() -> None:
    events = announced()
    assert 1200 < len(events) < 1700
    pauses = [after.timestamp - before.timestamp for before, after in itertools.pairwise(events)]
    assert min(pauses) >= 30_000
    assert max(pauses) <= 91_000


def test_or_never() -> None:
    assert announced(interval_s=None, hours=1) == []


def test_every_category_and_an_update_is_of_the_last_one() -> None:
    events = announced()
    assert {event.category for event in events} == set(AnnouncementCategory)
    updates = 0
    for before, event in itertools.pairwise(events):
        if event.event_type is AnnouncementEventType.UPDATED:
            updates += 1
            assert (event.uuid, event.title, event.first_listed_at) == (
                before.uuid,
                before.title,
                before.first_listed_at,
            )
            assert datetime.fromisoformat(str(event.listed_at)) > datetime.fromisoformat(
                str(before.listed_at)
            )
    assert updates > 100


def test_everything_follows_from_the_seed() -> None:
    assert announced(hours=2) == announced(hours=2) != announced(seed=8, hours=2)


def test_they_survive_the_wire() -> None:
    for event in announced(hours=1):
        for wire_format in WireFormat:
            if not wire_format.value.endswith("LIST"):
                assert decode(encode(event, wire_format)) == event

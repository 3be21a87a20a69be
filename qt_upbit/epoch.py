"""Times of the wire as datetimes, on every system: `datetime.fromtimestamp` fails on Windows before 1970."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

__all__ = ["datetime_at", "local_datetime_at"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_OF_WINDOWS: Final = _EPOCH + timedelta(days=2)
"""Windows knows no local time before the epoch, whatever the zone."""


def datetime_at(seconds: float, zone: tzinfo = UTC, *, milliseconds: int = 0) -> datetime:
    """The aware datetime of a time, in a zone.

    Args:
        seconds: since the epoch; negative before 1970.
        zone: of the result.
        milliseconds: added to it. Whole numbers are exact.

    Raises:
        OverflowError: outside the years 1 to 9999.
    """
    moment = _EPOCH + timedelta(seconds=seconds, milliseconds=milliseconds)
    return moment if zone is UTC else moment.astimezone(zone)


def local_datetime_at(seconds: float) -> datetime:
    """The aware datetime of a time in the system's zone; before 1970 Windows has the offset of that January.

    Raises:
        OverflowError: outside the years 1 to 9999.
    """
    moment = datetime_at(seconds)
    try:
        return moment.astimezone()
    except OSError:
        return moment.astimezone(_FIRST_OF_WINDOWS.astimezone().tzinfo)

"""Points in time and durations, as ISO 8601 writes them.

No clock: "now" is always an argument, in milliseconds since the epoch, UTC.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Final, Literal
from zoneinfo import ZoneInfo

Unit = Literal["hour", "day", "month", "year"]

#: How much of (year, month, day, hour) must agree to be in the same unit.
UNITS: Final[dict[Unit, int]] = {"year": 1, "month": 2, "day": 3, "hour": 4}

_MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[Tt ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?(?P<zone>[Zz]|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_DURATION: Final = re.compile(
    r"P(?=.)(?:([0-9]+)W|(?:([0-9]+)D)?(?:T(?=.)(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+)S)?)?)"
)
_MS: Final = (604_800_000, 86_400_000, 3_600_000, 60_000, 1_000)

_EPOCH: Final = datetime(1970, 1, 1)

#: Longest duration, so that no store's integers overflow: a hundred years.
MAX_DURATION_MS: Final = 36_525 * 86_400_000


def moment(text: str, zone: tzinfo) -> datetime | None:
    """Read a date, or a date and time; None where `text` is neither.

    A date is its midnight. What has no offset is taken to be in `zone`. Digits past
    the microsecond are dropped.
    """
    if len(text) > 64 or _MOMENT.fullmatch(text) is None:
        return None
    try:
        read = datetime.fromisoformat(text.upper())
    except ValueError:  # such as 30 February
        return None
    return read if read.tzinfo is not None else read.replace(tzinfo=zone)


def epoch_us(instant: datetime) -> int:
    """Count the microseconds since the epoch, for any year and offset."""
    offset = instant.utcoffset() or timedelta()
    return (instant.replace(tzinfo=None) - _EPOCH - offset) // timedelta(microseconds=1)


def in_same_unit(instant: datetime, now_ms: int, unit: Unit, zone: tzinfo) -> bool:
    """Tell whether an instant and now share the hour, day, month or year of `zone`."""
    now = datetime.fromtimestamp(now_ms / 1000, zone)
    try:
        local = instant.astimezone(zone)
    except OverflowError:  # within a day of year 1 or 9999
        return False
    depth = UNITS[unit]
    return local.timetuple()[:depth] == now.timetuple()[:depth]


def duration_ms(text: str) -> int:
    """Read an ISO 8601 duration of weeks, days, hours, minutes and seconds.

    Raises
    ------
    ValueError
        If `text` is none, has years or months (which have no fixed length), is zero or
        exceeds :data:`MAX_DURATION_MS`.
    """
    match = _DURATION.fullmatch(text) if len(text) <= 64 else None
    if match is None:
        raise ValueError(
            "Write a duration of weeks, days, hours, minutes or seconds, "
            "such as P7D, PT90S or P1DT12H; months and years have no fixed length."
        )
    total = sum(int(count or 0) * ms for count, ms in zip(match.groups(), _MS, strict=True))
    if not 0 < total <= MAX_DURATION_MS:
        raise ValueError("Write a duration of more than nothing and at most 100 years.")
    return total


def time_zone(name: str) -> tzinfo:
    """Find a time zone by its IANA name.

    Raises
    ------
    ValueError
        If there is none of this name.
    """
    if name == "UTC":
        return timezone.utc
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:  # unknown, malformed, a directory
        raise ValueError(
            "Write an IANA time zone such as UTC, Europe/Warsaw or America/New_York."
        ) from error

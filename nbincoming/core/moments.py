"""Times and durations in ISO 8601.

There is no clock here: "now" is always an argument, in milliseconds since the epoch, UTC.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final, Literal, get_args
from zoneinfo import ZoneInfo

Unit = Literal["hour", "day", "month", "year"]
UNITS: Final[tuple[Unit, ...]] = get_args(Unit)

_FRACTION: Final = r"(?:[.,](?P<fraction>[0-9]+))?"
_OFFSET: Final = (
    r"(?P<offset>[Zz]|(?P<sign>[+-])(?P<offset_hours>[0-9]{2})(?::?(?P<offset_minutes>[0-9]{2}))?)?"
)
#: The extended format, with T or (as in SQL) a space; and the basic format, without separators.
_FORMATS: Final = (
    re.compile(
        r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})"
        r"(?:[Tt ](?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})"
        + _FRACTION + r")?" + _OFFSET + r")?"
    ),
    re.compile(
        r"(?P<year>[0-9]{4})(?P<month>[0-9]{2})(?P<day>[0-9]{2})"
        r"[Tt](?P<hour>[0-9]{2})(?P<minute>[0-9]{2})(?:(?P<second>[0-9]{2})"
        + _FRACTION + r")?" + _OFFSET
    ),
)  # fmt: skip
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
#: Longest text that is read, in characters.
_MAX_MOMENT: Final = 64
_DURATION: Final = re.compile(
    r"P(?=.)(?:([0-9]+)W|(?:([0-9]+)D)?(?:T(?=.)(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+)S)?)?)"
)
_MS: Final = (604_800_000, 86_400_000, 3_600_000, 60_000, 1_000)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_HOUR_US: Final = 3_600_000_000

#: Longest duration, a hundred years. It fits the integers of every store.
MAX_DURATION_MS: Final = 36_525 * 86_400_000

#: The first and the last microsecond of a span of time, both included.
Span = tuple[int, int]

#: The empty span.
NEVER: Final[Span] = (1, 0)


def moment(text: str, zone: tzinfo) -> datetime | None:
    """Read a date, or a date and time, in ISO 8601; None if `text` is neither.

    A date alone means midnight. A time without an offset is in `zone`. Digits past the microsecond
    are dropped. ``24:00`` is midnight at the end of the day. Second 60, a leap second, is the first
    moment of the next minute, as POSIX counts it.
    """
    if len(text) > _MAX_MOMENT:
        return None
    match = _FORMATS[0].fullmatch(text) or _FORMATS[1].fullmatch(text)
    if match is None:
        return None
    fields = match.groupdict()
    year, month, day, hour, minute, second = (
        int(fields[name] or 0) for name in ("year", "month", "day", "hour", "minute", "second")
    )
    microsecond = int((fields["fraction"] or "0")[:6].ljust(6, "0"))
    extra = timedelta()
    if second == 60:
        second, microsecond, extra = 0, 0, timedelta(minutes=1)
    if hour == 24 and not (minute or second or microsecond or extra):
        hour, extra = 0, timedelta(days=1)
    try:
        there = zone if fields["offset"] is None else _offset(fields)
        read = datetime(year, month, day, hour, minute, second, microsecond, there)
        return read + extra
    except (ValueError, OverflowError):  # such as 30 February, or the end of year 9999
        return None


def is_date(text: str) -> bool:
    """Tell whether a text has the form of a date without a time."""
    return _DATE.fullmatch(text) is not None


def _offset(fields: dict[str, str | None]) -> tzinfo:
    """Return the time zone of an offset.

    Raises
    ------
    ValueError
        If the offset is a day or more, or has more than 59 minutes.
    """
    if fields["sign"] is None:
        return UTC
    minutes = int(fields["offset_minutes"] or 0)
    if minutes > 59:
        raise ValueError
    offset = timedelta(hours=int(fields["offset_hours"] or 0), minutes=minutes)
    return timezone(-offset if fields["sign"] == "-" else offset)


def epoch_us(instant: datetime) -> int:
    """Return the microseconds since the epoch, exactly."""
    return (instant - _EPOCH) // _MICROSECOND


def utc_text(ms: int) -> str:
    """Write a time in ISO 8601, UTC, to the millisecond."""
    return (
        (_EPOCH + timedelta(milliseconds=ms))
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )


def last(duration_us: int, now_ms: int) -> Span:
    """Return the span of this length that ends now."""
    return now_ms * 1000 - duration_us, now_ms * 1000


def coming(duration_us: int, now_ms: int) -> Span:
    """Return the span of this length that starts now."""
    return now_ms * 1000, now_ms * 1000 + duration_us


def current(unit: Unit, now_ms: int, zone: tzinfo) -> Span:
    """Return the current hour, day, month or year in `zone`.

    A day lasts from midnight to midnight, so it has 23 or 25 hours when the clocks change. Beyond
    the years 1 to 9999 the result is :data:`NEVER`.
    """
    try:
        now = (_EPOCH + timedelta(milliseconds=now_ms)).astimezone(zone)
        if unit == "hour":
            # Count back from now, because the wall clock shows some hours twice.
            gone = timedelta(minutes=now.minute, seconds=now.second, microseconds=now.microsecond)
            first = now_ms * 1000 - gone // _MICROSECOND
            return first, first + _HOUR_US - 1
        midnight = datetime(now.year, now.month, now.day, tzinfo=zone)
        if unit == "day":
            first_day, next_day = midnight, midnight + timedelta(days=1)
        elif unit == "month":
            first_day = midnight.replace(day=1)
            next_day = (first_day + timedelta(days=31)).replace(day=1)
        else:
            first_day = midnight.replace(month=1, day=1)
            next_day = first_day.replace(year=now.year + 1)
        return epoch_us(first_day), epoch_us(next_day) - 1
    except (OverflowError, ValueError):  # beyond the years 1 to 9999
        return NEVER


def duration_ms(text: str) -> int:
    """Read an ISO 8601 duration of weeks, days, hours, minutes and seconds.

    Raises
    ------
    ValueError
        If `text` is no duration, has years or months (which have no fixed length), is zero or
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
        raise ValueError("Write a duration longer than zero and of at most 100 years.")
    return total


def time_zone(name: str) -> tzinfo:
    """Find a time zone by its IANA name.

    Raises
    ------
    ValueError
        If there is no zone of this name.
    """
    if name == "UTC":
        return UTC
    try:
        if name != "localtime":  # a file that differs from system to system
            return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, malformed, a directory
        pass
    raise ValueError("Write an IANA time zone such as UTC, Europe/Warsaw or America/New_York.")

"""Points in time and durations, as ISO 8601 writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbincoming.core.moments import (
    NEVER,
    UNITS,
    coming,
    current,
    duration_ms,
    epoch_us,
    last,
    moment,
    time_zone,
)

WARSAW = ZoneInfo("Europe/Warsaw")
offsets = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
instants = st.datetimes(timezones=offsets)


@given(instants)
def test_what_python_writes_is_read(instant: datetime) -> None:
    """Any date-time with an offset of whole minutes is read back."""
    assert moment(instant.isoformat(), UTC) == instant


@given(
    st.text(max_size=30) | st.from_regex(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(Z|\+\d\d:\d\d)?")
)
def test_any_text_is_read_or_is_none(text: str) -> None:
    """Nothing is raised, and what is read has an offset."""
    read = moment(text, WARSAW)
    assert read is None or read.utcoffset() is not None


@pytest.mark.parametrize(
    "text",
    ["2024-06-10", "2024-06-10T00:00", "2024-06-10 00:00:00", "2024-06-10T00:00:00.000",
     "2024-06-09T22:00:00Z", "2024-06-09t22:00:00z", "2024-06-10T00:00:00+02:00",
     "2024-06-10T00:00:00+0200", "2024-06-10T00:00:00,0000000001", "2024-06-10T00:00:00+02",
     "2024-06-09 22:00:00+00", "20240610T000000", "20240609T2200Z", "20240609T220000.0Z",
     "20240610T000000+02", "2024-06-09T24:00", "2024-06-09T24:00:00.000+02:00", "20240609T240000",
     "2024-06-09T21:59:60Z", "2024-06-09T23:59:60", "2024-06-09 21:59:60.5Z"],
)  # fmt: skip
def test_the_forms_of_one_instant(text: str) -> None:
    """As people and databases write it: basic and extended, +02, a space, 24:00, second 60."""
    assert moment(text, WARSAW) == datetime(2024, 6, 9, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    ["", "now", "2024", "2024-06", "20240610", "2024-6-10", "2024-W24-1", "2024-06-10T",
     "2024-06-10T09", "2024-06-10T24:01", "2024-06-10T24:00:00.1", "2024-06-10T09:60",
     "2024-06-10T09:15:61Z", "2024-02-30", "2024-06-10T25:00", "2024-06-10T24:00:60",
     "0000-01-01", "9999-12-31T24:00", "2024-06-10T0915", "20240610T09:15", "20240610 091500",
     "2024-06-10T09:15+0260", "2024-06-10T09:15+2", "2024-06-10T09:15+02:0",
     "2024-06-10T09:15Z ", " 2024-06-10", "2024-06-10T09:15+24:00", "2024-06-10Z",
     "2024-06-10T09:15:30.Z", "\u0662024-06-10", "2024-06-10T09:15:30." + "0" * 100, "10.06.2024"],
)  # fmt: skip
def test_what_is_no_date_time(text: str) -> None:
    """Other formats are not guessed at."""
    assert moment(text, UTC) is None


@given(instants)
def test_microseconds_are_counted_exactly(instant: datetime) -> None:
    """The whole calendar, whatever the offset: no instant is out of reach."""
    naive = instant.replace(tzinfo=None) - datetime(1970, 1, 1)  # noqa: DTZ001 - both are naive
    offset = instant.utcoffset()
    assert offset is not None
    assert epoch_us(instant) == (naive - offset) // timedelta(microseconds=1)


def test_a_stretch_has_both_its_ends() -> None:
    """The last and the coming stretch of a length share now."""
    assert last(5, 1) == (995, 1_000)
    assert coming(5, 1) == (1_000, 1_005)


def bounds(text: str, unit: str, zone: tzinfo) -> tuple[str, str]:
    """Write the current unit's first and last microsecond in UTC."""
    now_ms = epoch_us(datetime.fromisoformat(text)) // 1000
    return tuple(  # type: ignore[return-value]
        (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)).isoformat()[:19]
        for us in current(unit, now_ms, zone)  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("now", "unit", "zone", "first", "end"),
    [
        ("2024-06-10T09:15:30Z", "hour", "UTC", "2024-06-10T09:00:00", "2024-06-10T09:59:59"),
        ("2024-06-10T09:15:30Z", "hour", "Asia/Kathmandu", "2024-06-10T09:15:00",
         "2024-06-10T10:14:59"),
        ("2024-06-10T09:15:30Z", "day", "Europe/Warsaw", "2024-06-09T22:00:00",
         "2024-06-10T21:59:59"),
        ("2024-06-10T09:15:30Z", "month", "Europe/Warsaw", "2024-05-31T22:00:00",
         "2024-06-30T21:59:59"),
        ("2024-06-10T09:15:30Z", "year", "Europe/Warsaw", "2023-12-31T23:00:00",
         "2024-12-31T22:59:59"),
        ("2024-02-29T12:00:00Z", "year", "UTC", "2024-01-01T00:00:00", "2024-12-31T23:59:59"),
        ("2024-02-29T12:00:00Z", "month", "UTC", "2024-02-01T00:00:00", "2024-02-29T23:59:59"),
        # The clocks go forward and back: days of 23 and 25 hours.
        ("2024-03-31T12:00:00Z", "day", "Europe/Warsaw", "2024-03-30T23:00:00",
         "2024-03-31T21:59:59"),
        ("2024-10-27T12:00:00Z", "day", "Europe/Warsaw", "2024-10-26T22:00:00",
         "2024-10-27T22:59:59"),
        # 02:30 comes twice; each is an hour of its own.
        ("2024-10-27T00:30:00Z", "hour", "Europe/Warsaw", "2024-10-27T00:00:00",
         "2024-10-27T00:59:59"),
        ("2024-10-27T01:30:00Z", "hour", "Europe/Warsaw", "2024-10-27T01:00:00",
         "2024-10-27T01:59:59"),
        # A day that begins at 01:00, since its midnight was skipped.
        ("2018-11-04T12:00:00Z", "day", "America/Sao_Paulo", "2018-11-04T03:00:00",
         "2018-11-05T01:59:59"),
    ],
)  # fmt: skip
def test_the_current_unit_is_that_of_the_zone(
    now: str, unit: str, zone: str, first: str, end: str
) -> None:
    """From its first microsecond to its last, as clocks on the wall there show it."""
    assert bounds(now, unit, time_zone(zone)) == (first, end)


@given(
    st.integers(-(10**12), 10**13),
    st.sampled_from(UNITS),
    st.sampled_from(["UTC", "Europe/Warsaw", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Tehran"]),
)
def test_now_is_always_in_its_current_unit(now_ms: int, unit: str, zone: str) -> None:
    """Whatever clocks do, what happens now happens in the current hour, day, month, year."""
    first, end = current(unit, now_ms, ZoneInfo(zone))  # type: ignore[arg-type]
    assert first <= now_ms * 1000 <= end


@pytest.mark.parametrize("now_ms", [10**15, -(10**15), 10**30, 253_402_300_799_999])
@pytest.mark.parametrize("unit", ["day", "month", "year"])
def test_beyond_the_calendar_nothing_is_current(now_ms: int, unit: str) -> None:
    """A clock that is out of all bounds makes the comparison false, not the server fail."""
    assert current(unit, now_ms, WARSAW) == NEVER  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "ms"),
    [("PT1S", 1_000), ("PT90S", 90_000), ("PT1M", 60_000), ("PT1H", 3_600_000), ("P1D", 86_400_000),
     ("P7D", 604_800_000), ("P1W", 604_800_000), ("P1DT12H30M5S", 131_405_000),
     ("P0DT1S", 1_000), ("P36525D", 3_155_760_000_000)],
)  # fmt: skip
def test_a_duration_is_read(text: str, ms: int) -> None:
    """Weeks, or days, hours, minutes and seconds."""
    assert duration_ms(text) == ms


@pytest.mark.parametrize(
    ("text", "message"),
    [*((text, "Write a duration of weeks") for text in
       ["", "P", "PT", "P1DT", "7D", "P1Y", "P1M", "P1.5D", "-P1D", "P-1D", "p1d", "P1W1D", "PT1D",
        "P1D ", "P\u0661D", "P" + "1" * 100 + "D"]),
     *((text, "more than nothing") for text in ["PT0S", "P0D", "P36526D", "P99999999W"])],
)  # fmt: skip
def test_what_is_no_duration(text: str, message: str) -> None:
    """Months and years have no fixed length, and nothing is not a duration."""
    with pytest.raises(ValueError, match=message):
        duration_ms(text)


def test_a_time_zone_is_found_by_its_name() -> None:
    """UTC needs no database."""
    assert time_zone("UTC") is UTC
    assert time_zone("Europe/Warsaw") == WARSAW


@pytest.mark.parametrize(
    "name", ["", "Warsaw", "Europe", "../etc/passwd", "/etc/passwd", "a\0b", "localtime", "CEST+1"]
)
def test_what_is_no_time_zone(name: str) -> None:
    """Nor is a name that says another thing on each machine."""
    with pytest.raises(ValueError, match="IANA time zone"):
        time_zone(name)

"""The day that ``simulate run`` plays and ``sandbox serve`` shows the evening of."""

from datetime import UTC, datetime, timedelta


def start_of(day: datetime | None, now: float) -> float:
    """Midnight UTC of that day, by default of the one before ``now``; both in unix seconds."""
    if day is None:
        day = datetime.fromtimestamp(now, UTC) - timedelta(days=1)
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()

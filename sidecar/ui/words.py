"""Plain words for values: pure functions, no clock of their own.

The browser's copy of `remaining` and `relative`, for clocks that tick, is static/js/lib/time.js.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, tzinfo

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR
SOON = 30 * MINUTE
DA_LENGTH = 8


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC to the second, as `<time datetime>` and the scripts read it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def absolute(moment: datetime, zone: tzinfo) -> str:
    """Date and minute in the viewer's zone with the zone's name: "21 Nov 2026 21:04 CET"."""
    local = moment.astimezone(zone)
    return f"{local.day} {local:%b %Y %H:%M %Z}"


def relative(moment: datetime, now: datetime, zone: tzinfo) -> str:
    """Within a day "12 min ago" or "in 3 h"; beyond it the date in the viewer's zone, with the year when it is another one."""
    seconds = (now - moment).total_seconds()
    span = abs(seconds)
    if span < MINUTE:
        return "just now"
    if span < DAY:
        figure = f"{int(span // MINUTE)} min" if span < HOUR else f"{int(span // HOUR)} h"
        return f"{figure} ago" if seconds > 0 else f"in {figure}"
    local, today = moment.astimezone(zone), now.astimezone(zone)
    year = "" if local.year == today.year else f" {local.year}"
    return f"{local.day} {local:%b}{year} {local:%H:%M}"


def span_words(seconds: float) -> str:
    """A length of time in at most two figures: "48 s", "12 min", "1 h 05", "3 d"."""
    whole = int(abs(seconds))
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min"
    if whole < 2 * DAY:
        return f"{whole // HOUR} h {whole % HOUR // MINUTE:02d}"
    return f"{whole // DAY} d"


def remaining(deadline: datetime, now: datetime) -> tuple[str, str]:
    """Text and state of a deadline; the state is "ok", "soon" (30 minutes or less) or "overdue"."""
    left = (deadline - now).total_seconds()
    if left < 0:
        return f"{span_words(left)} late", "overdue"
    return span_words(left), "soon" if left <= SOON else "ok"


def dicom_name(value: str | None) -> str:
    """A PN value (PS3.5 6.2.1) for people: "Yamada, Tarou (山田 太郎)"; the phonetic group is left out."""
    groups = [_person(group) for group in (value or "").split("=")[:2]]
    alphabetic, ideographic = groups[0], " ".join(groups[1].replace(",", "").split()) if len(groups) > 1 else ""
    if alphabetic and ideographic:
        return f"{alphabetic} ({ideographic})"
    return alphabetic or ideographic or "Name missing"


def _person(group: str) -> str:
    """One component group: family, given and middle; prefix and suffix do not help to find a patient in a list."""
    family, given, middle = [*(part.strip() for part in group.split("^")), "", "", ""][:3]
    forenames = " ".join(part for part in (given, middle) if part)
    return ", ".join(part for part in (family, forenames) if part)


def age(birth: date | str | None, today: date) -> str:
    """Years from two on, months from two on, else days; "" when unknown, "?" when the value is not a date.

    Of a year alone, which is what a masked date is, the years.
    """
    if not birth:
        return ""
    if isinstance(birth, str) and len(birth) == 4 and birth.isdecimal() and int(birth) <= today.year:  # noqa: PLR2004
        return f"{today.year - int(birth)} y"
    if isinstance(birth, str):
        try:
            born = datetime.strptime(birth[:DA_LENGTH], "%Y%m%d").replace(tzinfo=UTC).date()
        except ValueError:
            return "?"
    else:
        born = birth
    if born > today:
        return "?"
    months = (today.year - born.year) * 12 + today.month - born.month - (today.day < born.day)
    if months >= 24:  # noqa: PLR2004 (paediatric convention: months until two years)
        return f"{months // 12} y"
    return f"{months} mo" if months >= 2 else f"{(today - born).days} d"  # noqa: PLR2004


def day(value: str) -> str:
    """A DICOM DA (PS3.5 6.2) as 2026-11-21; "" when absent, any other text as it came."""
    return f"{value[:4]}-{value[4:6]}-{value[6:]}" if len(value) == DA_LENGTH and value.isdigit() else value


def minute(value: str) -> str:
    """A DICOM TM (PS3.5 6.2) as 21:04; "" when absent or malformed."""
    return f"{value[:2]}:{value[2:4]}" if value[:4].isdigit() and len(value) >= 4 else ""  # noqa: PLR2004


def size(count: int) -> str:
    """Bytes in decimal units, as disks are sold and PACS quotas are written: "3.4 GB"."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:  # noqa: PLR2004
            return f"{value:.0f} {unit}" if value >= 10 or unit == "B" else f"{value:.1f} {unit}"  # noqa: PLR2004
        value /= 1000
    return f"{value:.1f} TB"

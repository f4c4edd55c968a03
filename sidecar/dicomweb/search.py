"""Searches answered by Postgres: a query in our words becomes one statement, inside the walls of whoever asks.

An organisation searches its own archive through the views ``own_…``, which any index can serve; what they name is then read
through the tables' own walls. A reading context is a few studies: their rows are looked at directly.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, FromClause, Select, and_, cast, column, false, func, literal, or_, select, table, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Text

from sidecar.dicomweb.attributes import Attribute, Level, Row
from sidecar.dicomweb.criteria import Criterion, DateRange, FuzzyName, Like, Name, Number, OneOf, TimeRange
from sidecar.dicomweb.query import Query
from sidecar.gate.scope import Scope
from sidecar.studies.tables import Instance, Series, Study

Columns = Any
TABLES: Mapping[Level, Any] = {Level.STUDY: Study.__table__, Level.SERIES: Series.__table__, Level.INSTANCE: Instance.__table__}
VIEWS = {Level.STUDY: "own_studies", Level.SERIES: "own_series", Level.INSTANCE: "own_instances"}
CAREFUL = text("SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('jit', 'off', true)")
"""The best plan depends on what is asked; compiling a statement would take longer than running it."""


@dataclass(frozen=True, slots=True)
class Part:
    """Where to look: all of the asking organisation's own archive, or these ``studies`` of it or of a contracted provider."""

    organisation_id: UUID
    studies: Sequence[UUID] | None = None
    series: Sequence[UUID] | None = None
    own: bool = False


def search(scope: Scope, part: Part, query: Query) -> tuple[list[Row], bool]:
    """Return what is found, latest study first, and whether there is more behind the query's limit."""
    if query.limit == 0:
        return [], False
    scope.session.execute(CAREFUL)
    rows = scope.session.execute(_statement(part, query)).all()
    return [Row(*row) for row in rows[: query.limit]], len(rows) > query.limit


def _statement(part: Part, query: Query) -> Select[Any]:
    """Return the select of whole rows, in order: the page is cut first, in a subquery of keys."""
    sources = {level: _source(level, own=part.own) for level in Level if level <= query.level}
    found = (
        select(*(sources[level].c[KEYS[level]].label(f"key_{level}") for level in sources))
        .select_from(_joined(sources))
        .where(*_part(part, sources), *(_condition(sources, each, asked) for each, asked in query.conditions))
        .order_by(*_order({level: sources[level].c for level in sources}))
        .offset(query.offset)
        .limit(query.limit + 1)
        .subquery("found")
    )
    entities = (Study, Series, Instance)[: query.level]
    statement: Any = select(*entities).select_from(found)
    for level, entity in zip(sources, entities, strict=True):
        same = and_(
            TABLES[level].c.organisation_id == part.organisation_id, TABLES[level].c[KEYS[level]] == found.c[f"key_{level}"]
        )
        statement = statement.join(entity, same)
    ordered: Select[Any] = statement.order_by(*_order({level: TABLES[level].c for level in sources}))
    return ordered


KEYS = {Level.STUDY: "id", Level.SERIES: "id", Level.INSTANCE: "orthanc_id"}


def _source(level: Level, *, own: bool) -> FromClause:
    if not own:
        return TABLES[level].alias(f"s{level}")  # type: ignore[no-any-return]
    return table(VIEWS[level], *(column(each.name, each.type) for each in TABLES[level].c)).alias(f"s{level}")


def _joined(sources: Mapping[Level, FromClause]) -> FromClause:
    joined = sources[Level.STUDY]
    for level in list(sources)[1:]:
        upper, lower = sources[Level(level - 1)].c, sources[level].c
        link = lower["study_id" if level is Level.SERIES else "series_id"]
        joined = joined.join(sources[level], and_(lower.organisation_id == upper.organisation_id, link == upper.id))
    return joined


def _part(part: Part, sources: Mapping[Level, FromClause]) -> list[ColumnElement[bool]]:
    limits = [source.c.organisation_id == part.organisation_id for source in sources.values()]
    if part.studies is not None:
        limits.append(sources[Level.STUDY].c.id.in_(part.studies))
    if part.series is not None:
        limits.append(sources[Level.SERIES].c.id.in_(part.series))
    return limits


def _order(columns: Mapping[Level, Columns]) -> list[ColumnElement[Any]]:
    """Return the stable order: latest study first, then by Series Number, then by Instance Number, unnumbered last."""
    study = columns[Level.STUDY]
    order = [study["study_date"].desc(), study["study_time"].desc(), study["id"]]
    if Level.SERIES in columns:
        series = columns[Level.SERIES]
        order += [series["series_number"].nulls_last(), series["series_instance_uid"], series["id"]]
    if Level.INSTANCE in columns:
        instance = columns[Level.INSTANCE]
        order += [instance["instance_number"].nulls_last(), instance["sop_instance_uid"]]
    return order


def _condition(sources: Mapping[Level, FromClause], attribute: Attribute, asked: Criterion) -> ColumnElement[bool]:
    columns = sources[attribute.level].c
    value: Any = columns[attribute.column] if attribute.column else literal("ONLINE")
    found: ColumnElement[bool]
    match asked:
        case OneOf(uids):
            found = value == next(iter(uids)) if len(uids) == 1 else value.in_(sorted(uids))
        case DateRange(first, last):
            found = _date(value, first, last)
        case TimeRange(first, last):
            found = _time(value, first, last)
        case Number(number):
            found = value == number
        case Name(pattern):
            found = _name(value, _words(columns, attribute), pattern)
        case FuzzyName(words, parts):
            name = _words(columns, attribute)
            found = and_(*(name.like(_begins(word)) for word in words), *(name.like(_holds(part)) for part in parts))
        case Like(patterns):
            found = _codes(value, patterns) if attribute.column == "modalities_in_study" else _text(value, patterns)
    return found


def _date(value: Any, first: str, last: str) -> ColumnElement[bool]:
    if first == last:
        return value == first  # type: ignore[no-any-return]
    ends = [value >= first] if first else []
    ends += [value <= last] if last else []
    return and_(*ends, value.regexp_match("^[0-9]{8}$"))


def _time(value: Any, first: str, last: str) -> ColumnElement[bool]:
    plain = func.rpad(func.replace(func.btrim(value, " "), ".", ""), 12, "0")
    ends = [plain >= first] if first else []
    ends += [plain <= last] if last else []
    return and_(*ends, func.btrim(value, " ").regexp_match(r"^[0-9]{2}([0-9]{2}([0-9]{2}(\.[0-9]{1,6})?)?)?$"))


def _text(value: Any, patterns: Sequence[str]) -> ColumnElement[bool]:
    """Match; what has no value fits no pattern but ``*``, which was taken out before."""
    exact = [each for each in patterns if not _wild(each)]
    choices = [value == exact[0]] if len(exact) == 1 else [value.in_(exact)] if exact else []
    choices += [value.like(_like(each)) for each in patterns if _wild(each)]
    return and_(or_(*choices), value != "")


def _codes(value: Any, patterns: Sequence[str]) -> ColumnElement[bool]:
    """Match any of several values."""
    exact = [each for each in patterns if each and not _wild(each)]
    wild = [_like(each) for each in patterns if _wild(each)]
    choices: list[ColumnElement[bool]] = [value.op("&&")(cast(exact, ARRAY(Text)))] if exact else []
    if wild:
        each = func.unnest(value).column_valued("each")
        choices.append(select(literal(1)).where(or_(*(each.like(pattern) for pattern in wild))).exists())
    return or_(*choices) if choices else false()


def _words(columns: Any, attribute: Attribute) -> Any:
    return columns["patient_name_words"] if attribute.column == "patient_name" else func.name_words(columns[attribute.column])


def _name(value: Any, words: Any, asked: str) -> ColumnElement[bool]:
    """Match a person name; every literal match has the pattern's words at the beginning of a word, so trigrams find it too."""
    plain, pattern = func.name_plain(value), func.name_plain(_like(asked))
    groups = [func.rtrim(func.btrim(func.split_part(plain, "=", number), " "), "^= ") for number in (1, 2, 3)]
    in_a_group = and_(value.contains("="), or_(*(each.like(pattern) for each in groups)))
    return and_(value != "", words.like(_begins(asked)), or_(plain.like(pattern), in_a_group))


def _begins(asked: str) -> ColumnElement[str]:
    """Return the pattern of words beginning so. One character may have become several without its accents: ``?`` is loose."""
    return literal("%").concat(func.name_words(_like(asked.rstrip("^= ").replace("?", "*")))).concat("%")


def _holds(part: str) -> ColumnElement[str]:
    return literal("%").concat(func.btrim(func.name_words(_like(part)), " ")).concat("%")


def _wild(asked: str) -> bool:
    return "*" in asked or "?" in asked


def _like(asked: str) -> str:
    """Translate ``*`` and ``?`` (PS3.4 C.2.2.2.4) for LIKE."""
    for sign in "\\%_":
        asked = asked.replace(sign, "\\" + sign)
    return asked.replace("*", "%").replace("?", "_")

"""The document prepared for a page: by resource, each operation with its fields in words."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Line:
    """One field or argument: its name, its type in words, what it means. ``depth`` indents what stands inside another."""

    name: str
    type: str
    text: str
    required: bool
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One operation as the page shows it. ``answers``: (status, words); ``example``: a request for a command line."""

    id: str
    method: str
    path: str
    summary: str
    needs: str
    arguments: list[Line]
    body: list[Line]
    answer: list[Line]
    answers: list[tuple[str, str]]
    example: str


@dataclass(frozen=True, slots=True)
class Group:
    """One resource."""

    name: str
    entries: list[Entry] = field(default_factory=list)


def page(document: dict[str, Any]) -> dict[str, Any]:
    """Return the context of ``api_docs.html``."""
    groups: dict[str, Group] = {}
    schemas, server = document["components"]["schemas"], document["servers"][0]["url"]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            group = groups.setdefault(operation["tags"][0], Group(operation["tags"][0]))
            group.entries.append(_entry(path, method, operation, schemas, server))
    return {"groups": [groups[name] for name in sorted(groups)], "server": server, "info": document["info"]}


def _entry(path: str, method: str, operation: dict[str, Any], schemas: dict[str, Any], server: str) -> Entry:
    body = operation.get("requestBody", {}).get("content", {}).get(JSON, {}).get("schema")
    good = next(status for status in operation["responses"] if status.startswith("2"))
    answer = operation["responses"][good].get("content", {}).get(JSON, {}).get("schema")
    parameters = operation["parameters"]
    return Entry(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        needs=operation["description"].split("`")[1],
        arguments=[_argument(each, schemas) for each in parameters],
        body=list(_fields(body, schemas)) if body else [],
        answer=list(_fields(answer, schemas)) if answer else [],
        answers=[(status, each["description"]) for status, each in operation["responses"].items()],
        example=_example(server + path, method.upper(), parameters, has_body=body is not None),
    )


def _argument(each: dict[str, Any], schemas: dict[str, Any]) -> Line:
    text = each.get("description", "")
    return Line(each["name"], f"{_type(each['schema'], schemas)} · {each['in']}", text, each["required"])


def _fields(schema: dict[str, Any], schemas: dict[str, Any], depth: int = 0) -> Iterator[Line]:
    """Yield the fields of an object and of the objects in it, three levels deep: more nobody reads in a table."""
    whole = _resolved(schema, schemas)
    for name, inner in whole.get("properties", {}).items():
        yield Line(name, _type(inner, schemas), inner.get("description", ""), name in whole.get("required", []), depth)
        nested = _inside(inner, schemas)
        if nested is not None and depth < 2:  # noqa: PLR2004
            yield from _fields(nested, schemas, depth + 1)


def _inside(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any] | None:
    for each in (schema, schema.get("items", {}), *schema.get("anyOf", [])):
        found = _resolved(each, schemas)
        if "properties" in found:
            return found
    return None


def _resolved(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    return schemas[name] if name else schema


def _type(schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    whole = _resolved(schema, schemas)
    if "anyOf" in whole:
        return " or ".join(_type(each, schemas) for each in whole["anyOf"])
    if "enum" in whole:
        return " | ".join(str(each) or '""' for each in whole["enum"])
    if "const" in whole:
        return str(whole["const"])
    if whole.get("type") == "array":
        return f"list of {_type(whole.get('items', {}), schemas)}"
    return str(whole.get("format") or whole.get("type") or "anything")


def _example(url: str, method: str, parameters: list[dict[str, Any]], *, has_body: bool) -> str:
    """Return the request as somebody would type it to try it."""
    lines = [f"curl -X {method} '{url}'", "-H 'Authorization: Bearer …'"]
    lines += [f"-H '{each['name']}: …'" for each in parameters if each["in"] == "header"]
    lines += ["--json '{…}'"] if has_body else []
    return " \\\n  ".join(lines)

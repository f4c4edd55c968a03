"""The document of the JSON API (OpenAPI 3.1), written from the declarations of its routes: it cannot say what they do not do."""

import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from flask import Flask
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema
from werkzeug.routing import Rule

from sidecar.gate import idempotency
from sidecar.gate.api import JSON, Declared
from sidecar.gate.permissions import Permission
from sidecar.gate.requests import Refusal

PREFIX = "/api/"
SCHEMAS = "#/components/schemas/{model}"
REFUSALS = {
    400: "Not well formed; the message names the field.",
    401: "Nobody is signed in, the session or token ended, or a fresh second factor is wanted (code `step-up`).",
    403: "Not for your role, or more than it may be asked to do here.",
    404: "Nothing is here, or it is not yours to see: the answer is the same.",
    409: "The state moved on; the message says how.",
    410: "It is gone for good.",
    412: "It was changed since you read it: the ETag in If-Match is another's.",
    413: "More than is taken at once.",
    415: "Send JSON, not the parts of a form.",
    422: "This Idempotency-Key came with another request before.",
    428: "If-Match is missing: say what you change.",
    429: "Too many requests; Retry-After says when to come back.",
    503: "A part is not answering; Retry-After says when to come back.",
}
IF_MATCH = {"name": "If-Match", "in": "header", "required": True,
            "schema": {"type": "string", "pattern": '^(\\*|(W/)?"[!#-~]*")$'},
            "description": "The ETag of what you change, as you read it last."}  # fmt: skip
KEY = {"name": idempotency.HEADER, "in": "header", "required": True,
       "schema": {"type": "string", "minLength": 1, "maxLength": idempotency.LONGEST_KEY, "pattern": "^[!#-~]+$"},
       "description": "A new one for each create, such as a random UUID; asked twice, it is done once."}  # fmt: skip
ETAG = {"ETag": {"schema": {"type": "string"}, "description": "Stands for exactly this state."}}
COMMAS = {"style": "form", "explode": False, "description": "One, or several separated by commas."}
TYPES = {"uuid": {"type": "string", "format": "uuid"}, "int": {"type": "integer", "minimum": 0}, "default": {"type": "string"}}
ARGUMENT = re.compile(r"<(?:(?P<type>\w+)(?:\([^)]*\))?:)?(?P<name>\w+)>")


class Operation:
    """One method of one rule, and what its view declared."""

    def __init__(self, rule: Rule, method: str, declared: Declared) -> None:
        self.rule, self.method, self.declared = rule, method, declared
        self.path = ARGUMENT.sub(r"{\g<name>}", rule.rule)
        self.tag = rule.rule.removeprefix(PREFIX).split("/")[0]


def operations(app: Flask) -> Iterator[Operation]:
    """Yield every operation of the JSON API. Raises LookupError for a route under /api/ that declares nothing."""
    for rule in sorted(app.url_map.iter_rules(), key=lambda each: each.rule):
        if not rule.rule.startswith(PREFIX):
            continue
        declared: Declared | None = getattr(app.view_functions[rule.endpoint], "api", None)
        if declared is None:
            raise LookupError(f"{rule.rule} is declared without gate.api")
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield Operation(rule, method, declared)


def document(app: Flask, *, server: str) -> dict[str, Any]:
    """Return the whole document; ``server`` is the origin it is served from."""
    found = list(operations(app))
    names, components = _schemas(found)
    paths: dict[str, dict[str, Any]] = {}
    for each in found:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each, names)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Reading Room",
            "version": "1",
            "description": "The JSON API of Reading Room. Errors are `{status, message, code}`; lists come in pages by cursor.",
        },
        "servers": [{"url": server}],
        "tags": [{"name": name} for name in sorted({each.tag for each in found})],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "An access token, or a personal API key."},
                "session": {"type": "apiKey", "in": "cookie", "name": "rr_session", "description": "A signed-in browser."},
            },
        },
    }


def _schemas(found: list[Operation]) -> tuple[Mapping[Any, Any], dict[str, Any]]:
    """Return the reference of each model by (model, mode), and all definitions."""
    wanted: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {(Refusal, "serialization"): None}
    for each in found:
        for model, mode in _models(each.declared):
            wanted[model, mode] = None
    names, schema = models_json_schema(list(wanted), ref_template=SCHEMAS, schema_generator=GenerateJsonSchema)
    return names, schema.get("$defs", {})


def _models(declared: Declared) -> Iterator[tuple[type[BaseModel], JsonSchemaMode]]:
    for model, mode in ((declared.body, "validation"), (declared.query, "validation"), (declared.answer, "serialization")):
        if model is not None:
            yield model, mode  # type: ignore[misc]  # literals, joined as str


def _operation(each: Operation, names: Mapping[Any, Any]) -> dict[str, Any]:
    declared = each.declared
    written: dict[str, Any] = {
        "operationId": each.rule.endpoint.replace(".", "_"),
        "summary": declared.summary,
        "description": f"Needs `{declared.needs.value}`.",
        "tags": [each.tag],
        "parameters": [*_arguments(each), *_query(declared), *_headers(declared)],
        "responses": _responses(each, names),
        "security": [] if declared.needs is Permission.PUBLIC else [{"bearer": []}, {"session": []}],
    }
    if declared.body is not None:
        written["requestBody"] = {"required": True, "content": {JSON: {"schema": names[declared.body, "validation"]}}}
    return written


def _arguments(each: Operation) -> Iterator[dict[str, Any]]:
    for found in ARGUMENT.finditer(each.rule.rule):
        schema = TYPES[found["type"] or "default"]
        yield {"name": found["name"], "in": "path", "required": True, "schema": schema}


def _query(declared: Declared) -> Iterator[dict[str, Any]]:
    """Yield each field of the query model as a parameter of its own; these hold no nested models."""
    if declared.query is None:
        return
    whole = declared.query.model_json_schema(ref_template=SCHEMAS)
    definitions = whole.get("$defs", {})
    for name, schema in whole["properties"].items():
        plain = _plain(schema, definitions)
        described: dict[str, Any] = {"description": plain.pop("description")} if "description" in plain else {}
        several = COMMAS if plain.get("type") == "array" else {}
        yield {
            "name": name,
            "in": "query",
            "required": name in whole.get("required", []),
            "schema": plain,
            **described,
            **several,
        }


def _plain(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Return a parameter's schema with its enums written out, and without null: an address leaves out what it does not say."""
    inner = dict(schema)
    if "$ref" in inner:
        inner = {**definitions[inner.pop("$ref").rsplit("/", 1)[1]], **inner}
    if "items" in inner:
        inner["items"] = _plain(inner["items"], definitions)
    if "anyOf" in inner:
        some = [_plain(each, definitions) for each in inner.pop("anyOf") if each != {"type": "null"}]
        inner = {**some[0], **inner} if len(some) == 1 else {**inner, "anyOf": some}
    if inner.get("default", "") is None:
        del inner["default"]
    return {key: value for key, value in inner.items() if key != "title"}


def _headers(declared: Declared) -> Iterator[dict[str, Any]]:
    if declared.idempotent:
        yield KEY
    if declared.conditional is not None or declared.revised is not None:
        yield IF_MATCH


def _responses(each: Operation, names: Mapping[Any, Any]) -> dict[str, Any]:
    declared = each.declared
    good: dict[str, Any] = {"description": HTTPStatus(declared.status).phrase}
    if declared.answer is not None:
        good["content"] = {JSON: {"schema": names[declared.answer, "serialization"]}}
    elif declared.media:
        good["content"] = {declared.media: {}}
    if declared.etag:
        good["headers"] = ETAG
    refusal = {JSON: {"schema": names[Refusal, "serialization"]}}
    refused = {str(status): {"description": REFUSALS[status], "content": refusal} for status in sorted(_refusals(each))}
    unchanged = {"304": {"description": "As If-None-Match says.", "headers": ETAG}} if declared.etag is True else {}
    return {str(declared.status): good, **unchanged, **refused}


def _refusals(each: Operation) -> set[int]:
    """Return the statuses that follow from what is declared. The edge may find any request crooked, and a body too large."""
    declared = each.declared
    found = {400, 429, 503, *declared.refusals}
    if declared.body is not None:
        found |= {413, 415}
    if declared.needs is not Permission.PUBLIC:
        found |= {401, 403}
    if each.rule.arguments:
        found.add(404)
    if declared.idempotent:
        found |= {409, 422}
    if declared.conditional is not None or declared.revised is not None:
        found |= {409, 412, 428}
    return found

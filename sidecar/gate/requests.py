"""Reading what a program sends: a JSON body, the arguments of an address. Strict, and a fault is named by its field."""

import json
import re
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal, TypeVar, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from werkzeug.datastructures import MultiDict

from sidecar.gate.forms import worded
from sidecar.kernel.errors import Invalid

Model = TypeVar("Model", bound=BaseModel)
UNSTORABLE = re.compile("[\0\ud800-\udfff]")
"""What Postgres cannot hold: NUL, and half of a pair of surrogates."""


class Asked(BaseModel):
    """What a route takes: no names beyond those it knows.

    ``drops_unstorable``: characters that Postgres cannot hold are left out of texts, where a refusal would lose a person's words.
    """

    model_config = ConfigDict(extra="forbid")
    drops_unstorable: ClassVar[bool] = False


class Told(BaseModel):
    """What a route answers. Errors say ``"status": "error"`` instead."""

    status: Literal["ok"] = "ok"


class Shown(BaseModel):
    """A thing as an answer shows it, taken from the attributes of its row."""

    model_config = ConfigDict(from_attributes=True)


class Paging(Asked):
    """Which part of a list."""

    limit: Annotated[int, Field(ge=1, le=200, description="How many at most.")] = 50
    cursor: Annotated[str, Field(max_length=1024, description="`next` of the page before; empty for the first.")] = ""


class Refusal(BaseModel):
    """What went wrong: ``message`` for a person, ``code`` for a program."""

    status: Literal["error"]
    message: str
    code: str


def read_body(model: type[Model], raw: bytes) -> Model:
    """Validate a JSON body strictly (a number is no text) unless the model says otherwise. Raises Invalid naming the fields."""
    try:
        value = json.loads(raw)
    except ValueError as error:  # UnicodeDecodeError is one
        raise Invalid("Send a JSON body in UTF-8.") from error
    except RecursionError as error:
        raise Invalid("Nobody nests this deep.") from error
    if any(UNSTORABLE.search(text) for text in _texts(value)):
        if not getattr(model, "drops_unstorable", False):
            raise Invalid("The body holds a character that cannot be stored: NUL or half of a pair.")
        raw = json.dumps(_without(value)).encode()
    try:
        return model.model_validate_json(raw, strict=model.model_config.get("strict", True))
    except ValidationError as error:
        raise Invalid(_faults(error)) from error


def read_query(model: type[Model], given: MultiDict[str, str]) -> Model:
    """Validate the arguments of an address. Raises Invalid naming the fields.

    A field of several values takes them separated by commas: the public door refuses a name that stands twice, of which one
    program reads the first and another the last.
    """
    values: dict[str, Any] = {}
    for name, texts in given.lists():
        field = model.model_fields.get(name)
        several = field is not None and get_origin(field.annotation) is list
        if len(texts) > 1 or UNSTORABLE.search(texts[0]):
            raise Invalid(f"{name[:40]}: once, and plain text.")
        values[name] = texts[0].split(",") if several else texts[0]
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise Invalid(_faults(error)) from error


def _faults(error: ValidationError) -> str:
    named = {f"{'.'.join(map(str, each['loc']))[:80] or 'body'}: {worded(each)}" for each in error.errors()}
    return "; ".join(sorted(named))


def _texts(value: Any) -> Iterator[str]:
    """Return every text in a JSON value, names included."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict):
            waiting += [*each, *each.values()]
        elif isinstance(each, list):
            waiting += each


def _without(value: Any) -> Any:
    """Return a JSON value without the characters that cannot be stored."""
    if isinstance(value, str):
        return UNSTORABLE.sub("", value)
    if isinstance(value, list):
        return [_without(each) for each in value]
    return {_without(name): _without(each) for name, each in value.items()} if isinstance(value, dict) else value

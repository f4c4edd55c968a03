"""Reading a submitted form into a pydantic model, with messages a person can act on, one per field."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Problem

Model = TypeVar("Model", bound=BaseModel)

WORDS = {
    "missing": "Fill this in.",
    "string_too_short": "Fill this in.",
    "string_too_long": "At most {max_length} characters.",
    "int_parsing": "Write a whole number.",
    "greater_than_equal": "At least {ge}.",
    "less_than_equal": "At most {le}.",
    "date_from_datetime_parsing": "Write a date such as 2026-11-21.",
    "date_parsing": "Write a date such as 2026-11-21.",
    "uuid_parsing": "Choose one from the list.",
    "enum": "Choose one from the list.",
    "literal_error": "Choose one from the list.",
}


@dataclass(frozen=True, slots=True)
class Filled(Generic[Model]):
    """A form as it came back: the value when it is good, else what was typed and what is wrong with it."""

    value: Model | None
    values: Mapping[str, Any]
    errors: Mapping[str, str] = field(default_factory=dict)

    def refused(self, name: str, message: str) -> "Filled[Model]":
        """Return the same form with a message at one field: for what only the database could know."""
        return Filled(None, self.values, {**self.errors, name: message})


def read(model: type[Model], submitted: Mapping[str, Any]) -> Filled[Model]:
    """Validate a form. ``submitted`` maps names to text; a name that may repeat brings its list itself."""
    values = {name: submitted[name] for name in model.model_fields if name in submitted}
    try:
        return Filled(model.model_validate(values), values)
    except ValidationError as error:
        return Filled(None, values, {str(each["loc"][0]): worded(each) for each in reversed(error.errors())})


def worded(error: Any) -> str:
    """Return one fault of pydantic in words for a person."""
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    template = WORDS.get(error["type"])
    return template.format(**error.get("ctx", {})) if template else str(error["msg"])


@contextmanager
def tentatively(scope: Scope) -> Iterator[None]:
    """Try a change whose refusal will be shown on the form again: what it wrote and emitted until then is taken back."""
    before = len(scope.events), len(scope.after)
    try:
        with scope.session.begin_nested():
            yield
    except Problem:
        del scope.events[before[0] :]
        del scope.after[before[1] :]
        raise

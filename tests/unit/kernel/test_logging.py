"""A log line is one line of JSON, whatever was written into any of its fields, and opens no door."""

import io
import json
import logging
from typing import Any

import pytest
import structlog

from sidecar.kernel import logging as module
from sidecar.kernel.errors import Conflict
from tests.factories.payloads import MARK, WITHHELD, payloads

CONTROLS = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, 0x202E) if chr(code) != "\n"]


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def log(stream: io.StringIO) -> Any:
    return structlog.wrap_logger(structlog.PrintLogger(stream), processors=[*module._shared(), *module._rendered()])


@pytest.fixture
def standard(stream: io.StringIO) -> logging.Logger:
    logger = logging.Logger("somebody else's")  # noqa: LOG001 - not to be found by anybody else
    logger.addHandler(module.standard_handler(stream))
    return logger


def judged(stream: io.StringIO, lines: int) -> list[dict[str, Any]]:
    """Check what every line must be; return them read."""
    text = stream.getvalue()
    assert not any(sign in text for sign in CONTROLS)
    assert not any(secret in text for secret in WITHHELD)
    written = text.splitlines()
    assert len(written) == lines
    return [json.loads(line) for line in written]


@pytest.mark.parametrize("field", ["event", "path", "user", "reason", "PatientName", "agent"])
def test_c05_two_hundred_payloads_in_every_field_forge_no_line_and_show_no_secret(
    log: Any, stream: io.StringIO, field: str
) -> None:
    for text in payloads():
        if field == "event":
            log.warning(text)
        else:
            log.warning("request", **{field: text})
    assert all(MARK in str(line[field]) for line in judged(stream, 200))


def test_c05_nested_values_keys_and_names_of_secrets(log: Any, stream: io.StringIO) -> None:
    for text in payloads():
        log.info("x", faults=[text, {text: text}], password=text, headers={"Cookie": text, "Authorization": text}, code="123456")
    for line in judged(stream, 200):
        assert (line["password"], line["code"], line["headers"]) == (
            module.WITHHELD, module.WITHHELD, {"Cookie": module.WITHHELD, "Authorization": module.WITHHELD},
        )  # fmt: skip


def test_c05_the_standard_librarys_loggers_and_exceptions_write_the_same_lines(
    standard: logging.Logger, log: Any, stream: io.StringIO
) -> None:
    for text in payloads(100):
        standard.warning("Error handling request %s", text)
        try:
            int(text)
        except ValueError as error:
            standard.exception("unexpected: %s", text)
            log.error("unexpected", exc_info=error)  # noqa: TRY400 - as Flask hands it over
    for line in judged(stream, 300):
        if "exception" in line:
            assert MARK not in line["exception"], "what an exception quotes is not for the log"
            assert "test_logging.py" in line["exception"]
            assert line["exception"].endswith("ValueError")


def test_a_problems_own_words_and_the_first_cause_are_told(log: Any, stream: io.StringIO) -> None:
    try:
        try:
            {}["patient"]
        except KeyError as error:
            raise Conflict("Somebody else was quicker.") from error
    except Conflict:
        log.exception("refused")
    (line,) = judged(stream, 1)
    first, _, then = line["exception"].partition(" | then ")
    assert first.endswith("KeyError")
    assert then.endswith("Conflict: Somebody else was quicker.")


def test_ids_numbers_and_places_stay_readable(log: Any, stream: io.StringIO) -> None:
    said = {
        "request_id": "0123456789abcdef0123456789abcdef", "study": "6f1d4c1e-0f6c-4c7e-9c5e-2f8a1b7d3e01",
        "uid": "1.2.840.113619.2.1.1",
        "hash": "ab" * 32, "count": 3, "route": "/studies/<uuid:study_id>/send", "reason": "busy",
    }  # fmt: skip
    log.info("request", **said)
    (line,) = judged(stream, 1)
    assert {name: line[name] for name in said} == said

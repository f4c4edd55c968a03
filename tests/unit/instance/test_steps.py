import io
from collections.abc import Callable

import pytest
from rich.console import Console

from sidecar.instance.steps import Step, StepError, always, run_command, run_steps


def note(log: list[str], name: str) -> Callable[[], None]:
    return lambda: log.append(name)


def test_finished_steps_are_not_done_again() -> None:
    log: list[str] = []
    run_steps([Step("a", lambda: True, note(log, "a")), Step("b", lambda: False, note(log, "b"))], Console(file=io.StringIO()))
    assert log == ["b"]


def test_a_failure_names_the_step_the_reason_and_the_remedy_and_stops() -> None:
    log: list[str] = []

    def fail() -> None:
        raise OSError("disk full")

    with pytest.raises(StepError) as failure:
        run_steps(
            [Step("make room", lambda: False, fail, "delete something"), Step("b", lambda: False, note(log, "b"))],
            Console(file=io.StringIO()),
        )
    assert all(words in str(failure.value) for words in ("make room", "disk full", "delete something", "same command again"))
    assert log == []


def test_a_log_names_a_step_before_it_begins_since_it_has_no_spinner() -> None:
    output = io.StringIO()
    run_steps([Step("a", lambda: False, lambda: output.write("at work\n"))], Console(file=output))
    assert [line.split()[0] for line in output.getvalue().splitlines()] == ["a", "at", "✓"]


def test_quiet_steps_print_nothing() -> None:
    output = io.StringIO()
    run_steps([always("a", lambda: None)], Console(file=output))
    assert output.getvalue() == ""


def test_a_failed_program_is_quoted() -> None:
    with pytest.raises(StepError, match=r"ended with 3[\s\S]*no luck"):
        run_command(["sh", "-c", "echo no luck; exit 3"])


def test_a_missing_program_is_named() -> None:
    with pytest.raises(StepError, match="no-such-program is not installed"):
        run_command(["no-such-program"])

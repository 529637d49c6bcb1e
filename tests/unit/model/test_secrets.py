"""What is taken for a secret, and that ordinary text is left alone."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pytest

from tox_prodsim.model.events import Evidence, Found, Outcome, Step, StepFinished
from tox_prodsim.model.findings import Finding, Level
from tox_prodsim.model.secrets import Redactor, redact, redact_argv


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("postgresql://acme:hunter2@db.example/acme", "postgresql://***@db.example/acme"),
        ("uvicorn app:app --api-key=abc --port 80", "uvicorn app:app --api-key=*** --port 80"),
        ("app --token='two words' --x", "app --token=*** --x"),
        ("app --db-password hunter2 --x", "app --db-password *** --x"),
        ("env DB_PASSWORD=hunter2 python app.py", "env DB_PASSWORD=*** python app.py"),
        ("'--client-secret=abc'", "'--client-secret=***'"),
    ],
)
def test_a_secret_in_a_text_is_masked(text: str, masked: str) -> None:
    assert redact(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "git@github.com:acme/acme.git",
        "argument --token: expected one argument",
        "write to me@example.org",
        "x == y, key = value, monkey=3",
        "tox run -e prodsim --prodsim-update-baseline=contents",
        "http://127.0.0.1:8000/@me answered 200",
    ],
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert redact(text) == text


def test_a_command_line_is_masked_word_by_word() -> None:
    command = ["app", "--password", "two words", "--api-key=1 2", "-p", "80", "TOKEN=a b", "redis://:pw@h"]
    assert redact_argv(command) == (
        *("app", "--password", "***", "--api-key=***", "-p", "80", "TOKEN=***", "redis://***@h"),
    )


def test_known_secrets_are_masked_wherever_they_stand() -> None:
    redactor = Redactor.of(
        [["app", "--password=hunter2", "--token", "t0ken-x", "amqp://guest:p%40ssw@h"]],
        [{"SECRET_KEY": "k!/one\nk!/two two", "DEBUG_TOKEN": "true", "API_HOST": "localhost", "TOKEN_FILE": "/run/t"}],
    )
    seen = redactor("hunter2 t0ken-x p%40ssw p@ssw k!/one k%21%2Fone k!/two two true localhost /run/t")
    assert seen == "*** *** *** *** *** *** *** true localhost /run/t"


@dataclass(frozen=True)
class Other:
    text: str


def test_every_text_of_an_event_is_masked_and_the_rest_is_as_it_was() -> None:
    redactor = Redactor(["hunter2"])
    finding = Finding(code="RUN601", level=Level.ERROR, subject="hunter2", message="a hunter2", hint="hunter2", line=3)
    assert redactor.all(Found(finding=finding)).finding == Finding(
        code="RUN601", level=Level.ERROR, subject="***", message="a ***", hint="***", line=3
    )
    assert redactor.all(Evidence(step=Step.DEPLOY, title="t", lines=("a", "hunter2"))).lines == ("a", "***")
    finished = StepFinished(step=Step.DEPLOY, outcome=Outcome.OK, detail="ok", duration_s=1.0)
    assert redactor.all(finished) is finished
    assert redactor.all((Other("hunter2"), 1.5)) == (Other("***"), 1.5)
    assert Redactor(["deploy"]).all(finished).step is Step.DEPLOY


@pytest.mark.parametrize("text", ["-" * 50_000, "--key" * 10_000, "http://" * 10_000, "A" * 50_000, "TOKEN_" * 9_000])
def test_no_text_takes_long(text: str) -> None:
    def seconds(times: int) -> float:
        began = time.process_time()
        redact(text * times + " --=@")
        return time.process_time() - began

    assert seconds(4) < 40 * max(seconds(1), 0.001)

"""What the user wrote, understood or refused with the key it belongs to; nothing else may come out."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.refusals import outcome, refused

from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.probes import HttpProbe, ListenProbe, ProbeSource
from tox_prodsim.model.scenario import (
    Deployment,
    Stop,
    codes,
    drain_urls,
    exit_codes,
    patterns,
    placeholders,
    signal_named,
    uses_port,
)

SCRATCH = Path("/tmp/scratch")
VALUES = {"scratch": "/tmp/scratch", "port": "8123", "url": "http://127.0.0.1:8123"}
ANY_TEXT = st.text(st.characters(exclude_categories=()))


def test_without_a_port_only_scratch_stands_for_something() -> None:
    assert placeholders(port=None, scratch=SCRATCH) == {"scratch": "/tmp/scratch"}
    assert placeholders(port=8123, scratch=SCRATCH) == VALUES


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        pytest.param(["serve", "--port={port}"], True, id="the command names it"),
        pytest.param(["serve", "{url}"], True, id="the URL holds it"),
        pytest.param(["serve", {"http": "{url}/health"}], True, id="a table names it"),
        pytest.param(["serve", "{ports}"], False, id="nobody does"),
    ],
)
def test_a_port_is_made_when_something_names_it(texts: list[object], *, expected: bool) -> None:
    assert uses_port(texts) is expected


def test_every_launch_gets_its_own_port() -> None:
    deployment = Deployment(
        argv=("serve", "--port", "{port}", "{scratch}/db"),
        ready=("{url}/health", "listen"),
        ready_timeout_s=30.0,
        run_timeout_s=300.0,
        stop=Stop(signal=signal.SIGTERM, grace_s=10.0),
        exit_codes=frozenset({0}),
    )
    launch = deployment.launch(port=8123, scratch=SCRATCH)
    assert launch.argv == ("serve", "--port", "8123", "/tmp/scratch/db")
    assert launch.probes == (HttpProbe(url="http://127.0.0.1:8123/health"), ListenProbe())
    assert (launch.port, launch.url) == (8123, "http://127.0.0.1:8123")
    assert deployment.launch(port=8124, scratch=SCRATCH).argv[2] == "8124"
    assert deployment.is_service


def service(*ready: ProbeSource, limit_s: float = 30.0) -> Deployment:
    return Deployment(
        argv=("serve",),
        ready=ready,
        ready_timeout_s=limit_s,
        run_timeout_s=300.0,
        stop=Stop(signal=signal.SIGTERM, grace_s=10.0),
        exit_codes=frozenset({0}),
    )


def test_a_probe_of_several_is_refused_by_its_place() -> None:
    assert refused(lambda: service("listen", "tcp://")).key == "ready[1]"


def test_a_probe_that_can_never_be_satisfied_in_time_is_refused() -> None:
    assert service("listen", "log:/up/ for=29.9").is_service
    problem = refused(lambda: service("listen", {"log": "up", "for": 30}))
    assert (problem.key, problem.message) == ("ready[1]", "for=30 leaves no time to become ready in ready_timeout = 30")


@pytest.mark.parametrize("name", ["SIGTERM", "TERM", "term", " 15 ", "sigterm"])
def test_a_signal_has_many_names(name: str) -> None:
    assert signal_named("stop_signal", name) is signal.SIGTERM


@pytest.mark.parametrize("name", ["", "0", "999", "²", "SIGNAL", "KILLALL", "-15", "1.5", "_DFL"])
def test_what_is_no_signal_is_refused(name: str) -> None:
    assert "is not a signal of this system" in refused(lambda: signal_named("stop_signal", name)).message


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param([], set(), id="nothing is said"),
        pytest.param(["3"], {3}, id="a number"),
        pytest.param(["0", "255", "SIGTERM"], {0, 255, -15, 143}, id="a signal allows both of its codes"),
        pytest.param(["int"], {-2, 130}, id="a short name"),
    ],
)
def test_exit_codes_are_understood(words: list[str], expected: set[int]) -> None:
    assert exit_codes("exit_codes", words) == expected


@pytest.mark.parametrize("word", ["256", "-1", "success", "²", "9" * 5000, ""])
def test_what_is_no_exit_code_is_refused(word: str) -> None:
    assert refused(lambda: exit_codes("exit_codes", [word])).key == "exit_codes"


REQUESTS = [
    "{url}/slow?a=b",
    "{web_url}/",
    "http://127.0.0.1:{db_port}/x",
    "https://[::1]:{port}/",
    "tcp://localhost:5432",
]


def test_requests_are_kept_as_they_are_written() -> None:
    assert drain_urls("drain", REQUESTS) == tuple(REQUESTS)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        pytest.param("/slow", "is not a URL to request", id="no server"),
        pytest.param("unix:app.sock", "is not a URL to request", id="no scheme that can be asked"),
        pytest.param("tcp://127.0.0.1:http", "is not a URL to request", id="a port that is none"),
        pytest.param("http://[::1/", "is not a URL to request", id="an address that is none"),
        pytest.param("{url}/\udcff", "is not a URL to request", id="a byte that is not UTF-8"),
        pytest.param("tcp://127.0.0.1", "names no port", id="a stream without a port"),
        pytest.param("{url}/a, {url}/b", "write one URL a line", id="two in a line"),
        pytest.param("{url}/slow status=200", "write one URL a line", id="an option of a probe"),
    ],
)
def test_what_cannot_be_requested_is_refused(line: str, problem: str) -> None:
    refusal = refused(lambda: drain_urls("drain", ["{url}/", line]))
    assert (refusal.key, problem in refusal.message) == ("drain", True)


def test_patterns_match_bytes_and_name_the_one_that_is_broken() -> None:
    (only,) = patterns("expect_output", ["é"])
    assert only.search("café".encode())
    assert refused(lambda: patterns("expect_output", ["ok", "("])).key == "expect_output[1]"
    assert refused(lambda: patterns("expect_output", ["("])).key == "expect_output"


@pytest.mark.filterwarnings("ignore:Possible:FutureWarning")
@given(ANY_TEXT)
def test_any_text_is_a_pattern_or_refused(text: str) -> None:
    result = outcome(lambda: patterns("expect_output", [text])[0])
    assert isinstance(result, re.Pattern | ProdsimError)


def test_a_code_or_a_prefix_of_one_is_accepted() -> None:
    known = ["RUN601", "WHL101"]
    assert codes("ignore", ["RUN6", "WHL101", "RUN601:plum *"], known) == ("RUN6", "WHL101", "RUN601:plum *")


@pytest.mark.parametrize("word", ["RUN7", "RUN6011", "run6", ""])
def test_what_is_no_code_is_refused_and_nothing_at_all_is_no_prefix(word: str) -> None:
    assert "is neither a code nor a prefix of one" in refused(lambda: codes("ignore", [word], ["RUN601"])).message


def test_a_subject_needs_a_code_and_a_glob() -> None:
    assert "'IMPS:plum' is neither a code" in refused(lambda: codes("ignore", ["IMPS:plum"], ["IMP504"])).message
    assert "'IMP504:' names no subject" in refused(lambda: codes("ignore", ["IMP504:"], ["IMP504"])).message

"""What the user wrote, understood or refused with the key it belongs to; nothing else may come out."""

from __future__ import annotations

import math
import re
import signal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tox_prodsim.errors import ProdsimError
from tox_prodsim.scenario import (
    Deployment,
    FileProbe,
    HttpProbe,
    ListenProbe,
    LogProbe,
    Probe,
    ProbeSource,
    Stop,
    TcpProbe,
    codes,
    exit_codes,
    fill,
    parse_probe,
    patterns,
    placeholders,
    seconds,
    signal_named,
    uses_port,
)

SCRATCH = Path("/tmp/scratch")
VALUES = {"scratch": "/tmp/scratch", "port": "8123", "url": "http://127.0.0.1:8123"}
ANY_TEXT = st.text(st.characters(exclude_categories=()))
NEARLY_PROBES = st.tuples(
    st.sampled_from(
        ["http://h", "https://h:", "http:", "tcp:", "tcp://", "listen", "listen:", "log:", "log:/", "file:", ""]
    ),
    ANY_TEXT | st.sampled_from(["²", "/a{99999999999}/", "/(/", ":80", " status=²", " body=/x", " status='", "[::1"]),
).map("".join)


def refused(call: Any) -> ProdsimError:
    """Return the error of a call, which must be ours and speak in one line that one can act on."""
    with pytest.raises(ProdsimError) as caught:
        call()
    message = caught.value.message
    assert "\n" not in message
    assert not message.endswith(".")
    return caught.value


@pytest.mark.parametrize(
    ("source", "probe"),
    [
        pytest.param("http://127.0.0.1:{port}/health", HttpProbe(url="http://127.0.0.1:8123/health"), id="http"),
        pytest.param("{url}/health", HttpProbe(url="http://127.0.0.1:8123/health"), id="url"),
        pytest.param("https://localhost", HttpProbe(url="https://localhost"), id="https without a port"),
        pytest.param(
            'http://127.0.0.1:80/ status=200,204 body=/"ok": true/ header=/x-app: 1/ method=head timeout=2.5',
            HttpProbe(
                url="http://127.0.0.1:80/",
                statuses=(200, 204),
                body='"ok": true',
                header=("x-app", "1"),
                method="HEAD",
                timeout_s=2.5,
            ),
            id="all options, with blanks and quotes in a regular expression",
        ),
        pytest.param("http://h/\t status=200", HttpProbe(url="http://h/", statuses=(200,)), id="a tab is a blank"),
        pytest.param("tcp://127.0.0.1:{port}", TcpProbe(host="127.0.0.1", port=8123), id="tcp"),
        pytest.param("tcp://[::1]:80/", TcpProbe(host="::1", port=80), id="tcp to an address of IPv6"),
        pytest.param("listen", ListenProbe(), id="listen on any port"),
        pytest.param(" listen:8000 ", ListenProbe(port=8000), id="listen on a port"),
        pytest.param(r"log:/a,b{1,2} \d: x/", LogProbe(pattern=r"a,b{1,2} \d: x"), id="log"),
        pytest.param("file:{scratch}/app.pid", FileProbe(path="/tmp/scratch/app.pid"), id="file"),
        pytest.param(
            {"http": "{url}/", "status": 200}, HttpProbe(url="http://127.0.0.1:8123/", statuses=(200,)), id="table"
        ),
        pytest.param(
            {"http": "http://h/", "body": "{port}", "header": "x-app: 1", "method": "post", "timeout": 3},
            HttpProbe(url="http://h/", body="8123", header=("x-app", "1"), method="POST", timeout_s=3.0),
            id="table with options, whose regular expressions have no slashes",
        ),
        pytest.param({"tcp": "localhost:80"}, TcpProbe(host="localhost", port=80), id="table tcp"),
        pytest.param({"tcp": "tcp://localhost:80"}, TcpProbe(host="localhost", port=80), id="table tcp as a URL"),
        pytest.param({"listen": True}, ListenProbe(), id="table listen"),
        pytest.param({"listen": 8000}, ListenProbe(port=8000), id="table listen on a port"),
        pytest.param({"log": "ready"}, LogProbe(pattern="ready"), id="table log"),
        pytest.param({"file": "app.pid"}, FileProbe(path="app.pid"), id="table file"),
    ],
)
def test_a_probe_is_understood(source: ProbeSource, probe: Probe) -> None:
    assert parse_probe(source, "ready", VALUES) == probe


@pytest.mark.parametrize(
    ("source", "says"),
    [
        pytest.param("", "is no probe", id="nothing"),
        pytest.param("HTTP is up", "is no probe", id="prose"),
        pytest.param("http://", "is no URL", id="no host"),
        pytest.param("http://127.0.0.1:{prot}/", "is no URL", id="a misspelt placeholder"),
        pytest.param("http://127.0.0.1:0/", "is no URL", id="port 0"),
        pytest.param("http://[::1/", "is no URL", id="half a bracket"),
        pytest.param("http://h/ status=99", "is no HTTP status", id="no HTTP status"),
        pytest.param("http://h/ status=²", "is no HTTP status", id="a digit that is no number"),
        pytest.param("http://h/ state=200", "is no option", id="unknown option"),
        pytest.param("http://h/ 200", "is no option", id="a bare number"),
        pytest.param("http://h/ body=ok", "between slashes", id="a regular expression without slashes"),
        pytest.param("http://h/ body=/(/", "no regular expression", id="a broken regular expression"),
        pytest.param("http://h/ body='/x/", "cannot be read", id="an open quote"),
        pytest.param("http://h/ header=/x-app/", "needs the form", id="a header without a value"),
        pytest.param("http://h/ timeout=soon", "no time limit", id="no number"),
        pytest.param("http://h/ timeout=nan", "no time limit", id="not a number"),
        pytest.param("http://h/ timeout=-1", "no time limit", id="a negative limit"),
        pytest.param("tcp://127.0.0.1", "needs host and port", id="no port"),
        pytest.param("tcp://:80", "needs host and port", id="tcp without a host"),
        pytest.param("tcp://h:http", "no TCP port", id="a name for a port"),
        pytest.param("listen:0", "no TCP port", id="listen on 0"),
        pytest.param("listen:65536", "no TCP port", id="listen above the last port"),
        pytest.param("listen:²", "no TCP port", id="listen on a digit that is no number"),
        pytest.param("listen:" + "9" * 5000, "no TCP port", id="listen on a number without an end"),
        pytest.param("log:ready", "between slashes", id="a log pattern without slashes"),
        pytest.param("log://", "between slashes", id="an empty log pattern"),
        pytest.param("log:/a{99999999999999999999}/", "no regular expression", id="a repetition that is too large"),
        pytest.param("log:/\udcff/", "no regular expression", id="a byte that is no text"),
        pytest.param("file: ", "needs a path", id="no path"),
        pytest.param({}, "exactly one", id="an empty table"),
        pytest.param({"http": "http://h/", "log": "x"}, "exactly one", id="two probes in a table"),
        pytest.param({"log": "x", "status": 200}, "has no option 'status'", id="an option of another probe"),
        pytest.param({"http": "ftp://h/"}, "is no URL", id="a table with a URL that http cannot ask"),
        pytest.param({"listen": False}, "no TCP port", id="listen: no"),
    ],
)
def test_an_impossible_probe_is_refused_with_its_key(source: ProbeSource, says: str) -> None:
    problem = refused(lambda: parse_probe(source, "ready[1]", VALUES))
    assert problem.key == "ready[1]"
    assert says in problem.message


def outcome(call: Any) -> Any:
    """Return what the call returns, or the error of ours that it raises; any other is let through."""
    try:
        return call()
    except ProdsimError as problem:
        assert "\n" not in problem.message  # noqa: PT017 - the property is that it may be refused, not that it is
        return problem


PROBE_TABLES = st.dictionaries(
    st.sampled_from(["http", "tcp", "listen", "log", "file", "status", "body"]), ANY_TEXT | st.integers(), max_size=2
)


@pytest.mark.filterwarnings("ignore:Possible:FutureWarning")
@given(NEARLY_PROBES | PROBE_TABLES)
def test_whatever_is_written_is_a_probe_or_refused_in_one_line(source: ProbeSource) -> None:
    assert isinstance(outcome(lambda: parse_probe(source, "ready", VALUES)), Probe | ProdsimError)


@given(
    ANY_TEXT,
    st.dictionaries(st.sampled_from(["port", "url", "scratch"]), st.sampled_from(["{port}", "{url}", "8", "\\1"])),
)
def test_what_was_filled_in_is_not_filled_again(text: str, values: dict[str, str]) -> None:
    assert fill(text, {}) == text
    filled = fill("{port}|{url}|{scratch}|{other}|a{1,2}", values)
    assert filled.split("|") == [
        *(values.get(name, f"{{{name}}}") for name in ("port", "url", "scratch")),
        "{other}",
        "a{1,2}",
    ]


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


def test_a_probe_of_several_is_refused_by_its_place() -> None:
    deployment = Deployment(
        argv=("serve",),
        ready=("listen", "tcp://"),
        ready_timeout_s=30.0,
        run_timeout_s=300.0,
        stop=Stop(signal=signal.SIGTERM, grace_s=10.0),
        exit_codes=frozenset({0}),
    )
    assert refused(lambda: deployment.launch(port=None, scratch=SCRATCH)).key == "ready[1]"


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf, -math.inf])
def test_no_time_limit_is_refused(value: float) -> None:
    assert "give a number of seconds above 0" in refused(lambda: seconds("run_timeout", value)).message


def test_a_time_limit_is_kept() -> None:
    assert seconds("run_timeout", 0.5) == 0.5


@pytest.mark.parametrize("name", ["SIGTERM", "TERM", "term", " 15 ", "sigterm"])
def test_a_signal_has_many_names(name: str) -> None:
    assert signal_named("stop_signal", name) is signal.SIGTERM


@pytest.mark.parametrize("name", ["", "0", "999", "²", "SIGNAL", "KILLALL", "-15", "1.5", "_DFL"])
def test_what_is_no_signal_is_refused(name: str) -> None:
    assert "is no signal of this system" in refused(lambda: signal_named("stop_signal", name)).message


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param([], {0, 7}, id="the default"),
        pytest.param(["3"], {3}, id="the default is replaced"),
        pytest.param(["0", "255", "SIGTERM"], {0, 255, -15, 143}, id="a signal allows both of its codes"),
        pytest.param(["int"], {-2, 130}, id="a short name"),
    ],
)
def test_exit_codes_are_understood(words: list[str], expected: set[int]) -> None:
    assert exit_codes("exit_codes", words, default=frozenset({0, 7})) == expected


@pytest.mark.parametrize("word", ["256", "-1", "success", "²", "9" * 5000, ""])
def test_what_is_no_exit_code_is_refused(word: str) -> None:
    assert refused(lambda: exit_codes("exit_codes", [word], default=frozenset())).key == "exit_codes"


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
    assert codes("ignore", ["RUN6", "WHL101"], ["RUN601", "WHL101"]) == ("RUN6", "WHL101")


@pytest.mark.parametrize("word", ["RUN7", "RUN6011", "run6", ""])
def test_what_is_no_code_is_refused_and_nothing_at_all_is_no_prefix(word: str) -> None:
    assert "is no code and no prefix of one" in refused(lambda: codes("ignore", [word], ["RUN601"])).message

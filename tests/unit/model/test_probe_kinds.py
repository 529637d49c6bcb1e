from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.refusals import outcome, refused

from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.probe_kinds import parse_probe
from tox_prodsim.model.probes import (
    DelayProbe,
    ExecProbe,
    FileProbe,
    HttpProbe,
    ListenProbe,
    LogProbe,
    NotifyProbe,
    Probe,
    ProbeSource,
    TcpProbe,
    UnixProbe,
)

VALUES = {"scratch": "/tmp/scratch", "port": "8123", "url": "http://127.0.0.1:8123", "odd": "/a b/'c'"}
ANY_TEXT = st.text(st.characters(exclude_categories=()))
BEGINNINGS = (
    *("http://h", "https://h:", "http:", "tcp:", "tcp://", "listen", "listen:", "log:", "log:/", "file:", "unix:"),
    *("notify", "notify:", "exec:", ""),
)
NEARLY_PROBES = st.tuples(
    st.sampled_from(BEGINNINGS),
    ANY_TEXT | st.sampled_from(["²", "/a{99999999999}/", "/(/", ":80", " status=²", " body=/x", " status='", "[::1"]),
).map("".join)


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
        pytest.param("unix:{scratch}/app.sock", UnixProbe(path="/tmp/scratch/app.sock"), id="unix"),
        pytest.param("unix:run/app.sock", UnixProbe(path="run/app.sock"), id="unix, below the scratch directory"),
        pytest.param("unix:///run/app.sock", UnixProbe(path="/run/app.sock"), id="unix as a URL"),
        pytest.param("notify", NotifyProbe(), id="notify"),
        pytest.param(
            "exec:pg_isready -p {port} -d 'my db'",
            ExecProbe(argv=("pg_isready", "-p", "8123", "-d", "my db"), timeout_s=2.0),
            id="exec, split as shell words",
        ),
        pytest.param("exec: {odd}/check", ExecProbe(argv=("/a b/'c'/check",)), id="exec, a blank that was filled in"),
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
        pytest.param({"unix": "{scratch}/a"}, UnixProbe(path="/tmp/scratch/a"), id="table unix"),
        pytest.param({"notify": True}, NotifyProbe(), id="table notify"),
        pytest.param(
            {"exec": ["pg_isready", "-p", "{port}", 1, ""], "timeout": 0.5},
            ExecProbe(argv=("pg_isready", "-p", "8123", "1", ""), timeout_s=0.5),
            id="table exec",
        ),
        pytest.param({"exec": "check 'a b'"}, ExecProbe(argv=("check", "a b")), id="table exec, one text"),
        pytest.param("delay: 0.5", DelayProbe(delay_s=0.5), id="a blank behind the colon"),
        pytest.param("listen for=3", ListenProbe(steady_s=3.0), id="for"),
        pytest.param("log:/wait for=3/", LogProbe(pattern="wait for=3"), id="for is in a regular expression"),
        pytest.param("log:/up/ for=0.5", LogProbe(pattern="up", steady_s=0.5), id="for, behind a regular expression"),
        pytest.param(
            "http://h/ for=3 body=/a for=2 b/",
            HttpProbe(url="http://h/", body="a for=2 b", steady_s=3.0),
            id="for, first",
        ),
        pytest.param(
            "http://h/ status=200 for=3", HttpProbe(url="http://h/", statuses=(200,), steady_s=3.0), id="for, last"
        ),
        pytest.param("exec:check for=2 every=1", ExecProbe(argv=("check",), every_s=1.0, steady_s=2.0), id="exec, for"),
        pytest.param(
            "exec:check every=1 for=2", ExecProbe(argv=("check",), every_s=1.0, steady_s=2.0), id="exec, for last"
        ),
        pytest.param({"listen": 80, "for": 3}, ListenProbe(port=80, steady_s=3.0), id="table, for"),
        pytest.param(
            {"http": "http://h/", "for": "1.5"}, HttpProbe(url="http://h/", steady_s=1.5), id="table http, for"
        ),
    ],
)
def test_a_probe_is_understood(source: ProbeSource, probe: Probe) -> None:
    assert parse_probe(source, "ready", VALUES) == probe


@pytest.mark.parametrize(
    ("source", "says"),
    [
        pytest.param("", "is not a probe", id="nothing"),
        pytest.param("HTTP is up", "is not a probe", id="prose"),
        pytest.param("http://", "is not a URL", id="no host"),
        pytest.param("http://127.0.0.1:{prot}/", "is not a URL", id="a misspelt placeholder"),
        pytest.param("http://127.0.0.1:0/", "is not a URL", id="port 0"),
        pytest.param("http://127.0.0.1:1/\udcff", "is not a URL", id="a byte that is not UTF-8"),
        pytest.param("http://[::1/", "is not a URL", id="half a bracket"),
        pytest.param("http://h/ status=99", "is not an HTTP status", id="no HTTP status"),
        pytest.param("http://h/ status=²", "is not an HTTP status", id="a digit that is not a number"),
        pytest.param("http://h/ state=200", "is not an option", id="unknown option"),
        pytest.param("http://h/ 200", "is not an option", id="a bare number"),
        pytest.param("http://h/ body=ok", "between slashes", id="a regular expression without slashes"),
        pytest.param("http://h/ body=/(/", "not a regular expression", id="a broken regular expression"),
        pytest.param("http://h/ body='/x/", "cannot be read", id="an open quote"),
        pytest.param("http://h/ header=/x-app/", "needs the form", id="a header without a value"),
        pytest.param("http://h/ timeout=soon", "not a time limit", id="no number"),
        pytest.param("http://h/ timeout=nan", "not a time limit", id="not a number"),
        pytest.param("http://h/ timeout=-1", "not a time limit", id="a negative limit"),
        pytest.param("tcp://127.0.0.1", "needs host and port", id="no port"),
        pytest.param("tcp://:80", "needs host and port", id="tcp without a host"),
        pytest.param("tcp://h:http", "not a TCP port", id="a name for a port"),
        pytest.param("listen:0", "not a TCP port", id="listen on 0"),
        pytest.param("listen:65536", "not a TCP port", id="listen above the last port"),
        pytest.param("listen:²", "not a TCP port", id="listen on a digit that is not a number"),
        pytest.param("listen:" + "9" * 5000, "not a TCP port", id="listen on a number without an end"),
        pytest.param("log:ready", "between slashes", id="a log pattern without slashes"),
        pytest.param("log://", "between slashes", id="an empty log pattern"),
        pytest.param("log:/a{99999999999999999999}/", "not a regular expression", id="a repetition that is too large"),
        pytest.param("log:/\udcff/", "not a regular expression", id="a byte that is not text"),
        pytest.param("file: ", "needs a path", id="no path"),
        pytest.param("file:a\0b", "not allowed in a path or a command line", id="a NUL in a path"),
        pytest.param("unix:", "write for example unix:{scratch}/app.sock", id="unix without a path"),
        pytest.param("unix:\ud800", "not allowed in a path or a command line", id="half a character in a path"),
        pytest.param("notify:now", "write notify alone", id="notify with an argument"),
        pytest.param({"notify": False}, "write notify alone", id="notify: no"),
        pytest.param({"notify": True, "timeout": 1}, "has no option 'timeout'", id="notify with an option"),
        pytest.param("exec", "needs a command, write for example exec:pg_isready", id="exec alone"),
        pytest.param("exec:  ", "needs a command", id="exec of nothing"),
        pytest.param("exec:''", "needs a command", id="exec of an empty word"),
        pytest.param("exec:check 'a", "cannot be read: no closing quotation", id="exec with an open quote"),
        pytest.param("exec:check a\0", "not allowed in a path or a command line", id="a NUL in a command"),
        pytest.param({"exec": []}, "needs a command", id="table exec of nothing"),
        pytest.param({"exec": ["check", True]}, "True is not text, give a list of words", id="exec with a yes"),
        pytest.param({"exec": {"check": 1}}, "is not text, give a list of words", id="exec of a table"),
        pytest.param({"exec": "check", "timeout": 0}, "is not a time limit", id="exec without time"),
        pytest.param({"exec": "check", "status": 0}, "an exec probe", id="exec with an option of http"),
        pytest.param("listen for=", "for= is not a time", id="for nothing"),
        pytest.param("unix:a for=-1", "for=-1 is not a time", id="for less than nothing"),
        pytest.param("http://h/ for=soon status=200", "for=soon is not a time", id="for a word"),
        pytest.param({"tcp": "h:80", "for": 0}, "for=0 is not a time", id="table, for nothing"),
        pytest.param({"tcp": "h:80", "for": "\n"}, "for= is not a time", id="table, for a line end"),
        pytest.param({}, "exactly one", id="an empty table"),
        pytest.param({"http": "http://h/", "log": "x"}, "exactly one", id="two probes in a table"),
        pytest.param({"log": "x", "status": 200}, "has no option 'status'", id="an option of another probe"),
        pytest.param({"http": "ftp://h/"}, "is not a URL", id="a table with a URL that http cannot ask"),
        pytest.param({"listen": False}, "not a TCP port", id="listen: no"),
    ],
)
def test_an_impossible_probe_is_refused_with_its_key(source: ProbeSource, says: str) -> None:
    problem = refused(lambda: parse_probe(source, "ready[1]", VALUES))
    assert problem.key == "ready[1]"
    assert says in problem.message


PROBE_TABLES = st.dictionaries(
    st.sampled_from(["http", "tcp", "listen", "log", "file", "unix", "notify", "exec", "timeout", "for"]),
    ANY_TEXT | st.integers() | st.lists(ANY_TEXT | st.integers(), max_size=2),
    max_size=2,
)


@pytest.mark.filterwarnings("ignore:Possible:FutureWarning")
@given(NEARLY_PROBES | PROBE_TABLES)
def test_whatever_is_written_is_a_probe_or_refused_in_one_line(source: ProbeSource) -> None:
    assert isinstance(outcome(lambda: parse_probe(source, "ready", VALUES)), Probe | ProdsimError)

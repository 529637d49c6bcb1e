from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from refusals import outcome, refused

from tox_prodsim.errors import ProdsimError
from tox_prodsim.readiness import FileProbe, HttpProbe, ListenProbe, LogProbe, Probe, ProbeSource, TcpProbe, parse_probe

VALUES = {"scratch": "/tmp/scratch", "port": "8123", "url": "http://127.0.0.1:8123"}
ANY_TEXT = st.text(st.characters(exclude_categories=()))
NEARLY_PROBES = st.tuples(
    st.sampled_from(
        ["http://h", "https://h:", "http:", "tcp:", "tcp://", "listen", "listen:", "log:", "log:/", "file:", ""]
    ),
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


PROBE_TABLES = st.dictionaries(
    st.sampled_from(["http", "tcp", "listen", "log", "file", "status", "body"]), ANY_TEXT | st.integers(), max_size=2
)


@pytest.mark.filterwarnings("ignore:Possible:FutureWarning")
@given(NEARLY_PROBES | PROBE_TABLES)
def test_whatever_is_written_is_a_probe_or_refused_in_one_line(source: ProbeSource) -> None:
    assert isinstance(outcome(lambda: parse_probe(source, "ready", VALUES)), Probe | ProdsimError)

"""Whether a program says in its own words what it lacks."""

from __future__ import annotations

import pytest

from tox_prodsim.checks.installed import Distribution
from tox_prodsim.checks.installed.own_words import own_words, raised_line

ACME = Distribution(name="acme.web", version="1.0", requires=("click; extra == 'cli'",))
HEAD = 'Traceback (most recent call last):\n  File "acme.py", line 1, in <module>\n    import x\n'


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        pytest.param("error: pip install 'acme-web[cli]'", "set extras = cli", id="an extra"),
        pytest.param(f'{HEAD}RuntimeError: To use it, install "acme-web[cli]":\n', "set extras = cli", id="raised"),
        pytest.param(f"{HEAD}RuntimeError: it lacks something:\n\n  pip install .[cli]\n", "set extras", id="below"),
        pytest.param("This command requires ffmpeg", "install what", id="a program"),
        pytest.param(f"{HEAD}ImportError: Please install numba first", "install what", id="an import error of its own"),
        pytest.param(f"{HEAD}_tkinter.TclError: no display name and no $DISPLAY", "it needs a display", id="tk"),
        pytest.param("qt.qpa.xcb: could not connect to display", "it needs a display", id="qt"),
        pytest.param(f"{HEAD}KeyError: 'DISPLAY'", "it needs a display", id="a variable of displays"),
        pytest.param(f"{HEAD}OSError: PortAudio library not found", "it needs a library", id="a library"),
        pytest.param(f"{HEAD}ValueError: Unable to find libsodium", "it needs a library", id="its file"),
        pytest.param("ACME_TOKEN is not set", "give it what", id="a variable"),
        pytest.param("Error: no configuration found", "answer --help before", id="a configuration"),
        pytest.param("acme only works on Windows", "it is for another", id="another system"),
        pytest.param("This must be run as root", "it is for another", id="another user"),
    ],
)
def test_these_are_its_own_words(text: str, hint: str) -> None:
    words = own_words(ACME, text)
    assert words is not None
    assert words.hint.startswith(hint)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("acme: cannot go on", id="nothing of what it lacks"),
        pytest.param(f"{HEAD}ModuleNotFoundError: No module named 'requires_x'", id="an import"),
        pytest.param(f"{HEAD}ImportError: cannot import name 'install' from 'pip'", id="a name"),
        pytest.param(f"{HEAD}TypeError: main() requires x", id="a mistake"),
        pytest.param(
            f"{HEAD}FileNotFoundError: [Errno 2] No such file or directory: 'acme/config.yaml'", id="a lost file"
        ),
        pytest.param(f"{HEAD}pkg_resources.DistributionNotFound: x is required by acme", id="a requirement"),
        pytest.param("pip install acme.web[other]", id="an extra that does not exist"),
        pytest.param("usage: acme [-h]", id="a usage"),
    ],
)
def test_these_are_not(text: str) -> None:
    assert own_words(ACME, text) is None


def test_a_long_line_is_cut_at_a_word() -> None:
    words = own_words(ACME, "please install " + "word " * 50)
    assert words is not None
    assert words.quote.endswith("word …")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(f"{HEAD}acme.errors.AcmeError: no\n", ("AcmeError", "no"), id="of a module"),
        pytest.param(f"{HEAD}KeyError: 1\n\nAnother:\n\n{HEAD}TypeError\n", ("TypeError", ""), id="the last"),
        pytest.param("  File 'x', line 1\n    (\n    ^\nSyntaxError: no", ("SyntaxError", "no"), id="no traceback"),
        pytest.param("error: it failed", ("", ""), id="none"),
    ],
)
def test_the_exception_is_that_which_ended_it(text: str, expected: tuple[str, str]) -> None:
    assert raised_line(text) == expected

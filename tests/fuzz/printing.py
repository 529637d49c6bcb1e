"""What is printed: secrets are masked in any text, and no control character comes through."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fuzz.engine import Target
from fuzz.inputs import TOKENS, edited
from hypothesis import strategies as st

from tox_prodsim.model.formatting import shortened
from tox_prodsim.model.printable import Printable, has_controls, without_controls, wrap
from tox_prodsim.model.secrets import Redactor, redact, redact_argv
from tox_prodsim.plugin.redaction import one_line

SECRET = "hunter2-hunter2"
TEXTS = (
    b"https://user:pass@example.org/x?token=abc",
    b"--password=abc --api-key abc TOKEN=abc 'x y'",
    b"##vso[task] ::error:: ##[group]x",
    b"GITHUB_TOKEN=abc --secret 'a b' -p=1 " * 20,
    SECRET.encode(),
)


def _play_secrets(data: bytes, _folder: Path) -> Iterator[str]:
    text = data.decode("utf-8", "surrogateescape")
    redactor = Redactor.of([text.split()[:50]], [{"MY_TOKEN": SECRET}])
    assert SECRET not in redactor(text)
    assert redactor.bytes(data).count(SECRET.encode()) == 0
    assert redactor.all((text, (text,), 1))[2] == 1
    yield redact(text)
    yield redactor(text)
    yield " ".join(redact_argv(text.split()))
    line = one_line(text, redactor)
    assert not has_controls(line)
    assert len(line) <= 12 * 2100
    yield line


def _play_printable(data: bytes, _folder: Path) -> Iterator[str]:
    text = data.decode("utf-8", "surrogateescape")
    assert not has_controls(without_controls(text))
    yield text
    yield shortened(text, 40)
    yield from wrap(Printable("utf-8")(text), 40)
    for encoding in ("latin-1", "ascii", "cp1252", "no such", None):
        Printable(encoding)(text).encode("utf-8")


TARGETS = (
    Target("secrets", _play_secrets, edited(TEXTS, most=6)),
    Target(
        "printable",
        _play_printable,
        edited([*TEXTS, *TOKENS]) | st.text().map(lambda text: text.encode("utf-8", "replace")),
    ),
)

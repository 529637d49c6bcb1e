"""How we write, where a user reads it: documents, messages, hints, help and catalogue avoid what has to be read twice.

The patterns are those that reviewers stumbled over, each with what to write instead. A sentence has a limit, too:
beyond it, it is read twice. Style in general is not tested.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from support.sentences import Sentence, clauses, prose

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "tox_prodsim"
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
MOST_WORDS = 30
"""Of a sentence of a document; most have at most 25."""
MOST_WORDS_OF_A_MESSAGE = 25
PATTERNS = {
    # "there is no" and "is no longer" are plain English
    r"(?<!\bthere )(?<!there can )(?<!there must )\b(?:is|are|was|were|be|been) no (?!longer\b|more\b)\w": "is not a …",
    r"without further ado": "by default",
    r"\b(?:tells?|told|speaks?) of\b": "reports",
    r"\b(?:is|are|was|be) told as\b": "reported as",
    r"\b(?:is|are) told (?:with|by)\b": "reports",
    r"\bnobody has (?:seen|waited)\b|\bnobody waited\b": "untested; never awaited",
    r"\bacquit": "it can never prove that none is left",
    r"\baccus": "causes no false failure",
    r"\bcr(?:ies|y|ied) wolf\b": "false alarm",
    r"\bhas? words\b|\bhave words\b": "says",
    r"\b(?:for|as) a remark\b": "ignores",
    r"\bleans? to\b": "favours",
    r"\bat home\b": "in …",
    r"\bdown to every\b": "including each",
    r"\bstand in for\b": "is not found in",
    r"\bnone of it was ever\b": "untested",
    r"\bhas (?:it|them) without\b|\bhas them as\b": "works without; defines",
    r"\b(?:can|to) be had\b|\bcannot be had\b": "is (not) available",
    r"\bfor others$": "using … without tox",
    r"\bwhose side effect\b|\bmade once more\b": "to attribute a side effect, the import is repeated",
    r"\bthe same with less\b": "lowest versions",
    r"\bwins? over\b": "overrides",
    r"\bit may be silent\b": "0 disables the check",
    r"\bwithout a word\b": "silently",
    r"\bwhatever it then\b|\bin whatever order\b": "regardless of; any … works",
    r"\bof (?:which|those of which) the two ways\b": "whose … disagree",
    r"\bgave itself up\b": "requested a watchdog restart",
    r"\bended up nowhere\b": "unhandled",
    r"\bnothing is up\b": "the deployment is not running",
    r"\bshould serve\b": "exited while serving",
    r"\bwhich is not a pass\b|\bis no pass\b": "not a pass",
    r"\bon an output of its own\b": "redirect the output",
    r"\bparses as\b": "syntax valid for",
    r"\bfresh install brings\b": "installing it pulls in",
    r"\bwith every symbol bound\b": "all symbols resolve",
    r"\binstalls for its speed\b": "times are not taken",
    r"\bfor whom there\b": "users without",
    r"\bcatalogue of \d": "N of M checks applied",
    r"\bis none of\b": "is not one of",
    r"\bis of no\b": "does not belong to",
    r"\b(?:its|his) last words\b|\bin its own words\b": "its last line; itself says",
    r"\b(?:vouch|speak)(?:es|s)? for\b": "verifies",
    r"\bof its own accord\b": "by itself",
    r"\bwhose doing\b|\bits word counts\b": "the cause; the tool decides",
    r"\bthe look ended\b|\bhas no business\b|\blies? about\b": "ended; anywhere; is left",
}


def found(text: str) -> list[str]:
    """Return what of the text is written in one of these ways."""
    flat = " ".join(text.split())
    return [
        f"{match[0]!r} in {flat[max(0, match.start() - 40) : match.end() + 40]!r}: write {instead!r}"
        for pattern, instead in PATTERNS.items()
        for match in re.finditer(pattern, flat, re.IGNORECASE)
    ]


def too_long(sentences: Iterable[Sentence], most: int = MOST_WORDS) -> list[str]:
    return [
        f"{sentence.words} words, {most} at most: {sentence.text}" for sentence in sentences if sentence.words > most
    ]


def strings(path: Path) -> Iterator[str]:
    """Yield the texts of a module that are not documentation of the code: an f-string is one text."""
    tree = ast.parse(path.read_text("utf-8"))
    documentation = {
        id(each.value) for each in ast.walk(tree) if isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant)
    }
    parts = {id(part) for each in ast.walk(tree) if isinstance(each, ast.JoinedStr) for part in each.values}
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if id(node) not in documentation | parts:
                yield text
            case ast.JoinedStr(values=values):
                yield "".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in values)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_document_is_in_plain_english(path: Path) -> None:
    paragraphs = re.split(r"\n\s*\n|^#+ ", path.read_text("utf-8"), flags=re.MULTILINE)
    assert [each for text in paragraphs for each in found(text)] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_sentence_of_a_document_has_to_be_read_twice(path: Path) -> None:
    assert too_long(prose(path.read_text("utf-8"))) == []


def test_no_clause_of_a_message_has_to_be_read_twice() -> None:
    texts = [(path, text) for path in sorted(PACKAGE.rglob("*.py")) for text in strings(path) if "|" not in text]
    limits = {True: MOST_WORDS, False: MOST_WORDS_OF_A_MESSAGE}
    long = [(path.name, too_long(clauses(text), limits["catalogue" in path.parts])) for path, text in texts]
    assert [each for each in long if each[1]] == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("One two. Three `four five` six\nseven eight.", [2, 5], id="sentences, and code as one word"),
        pytest.param("| One two; three. Four | [five six](page.md) |\n", [2, 1, 1, 2], id="cells and their clauses"),
        pytest.param("One two:\n\n* three\n  four\n* five, i.e. six\n", [2, 2, 3], id="items of a list"),
        pytest.param("# One\n\nTwo\n\n```text\nthree four\n```\n<!-- five -->\n", [1, 1], id="a block of code"),
    ],
)
def test_the_words_of_sentences_are_counted(text: str, words: list[int]) -> None:
    assert [sentence.words for sentence in prose(text)] == words
    assert too_long(prose(text), 4) == ["5 words, 4 at most: Three Code six seven eight."] * words.count(5)


def test_what_the_program_prints_is_in_plain_english() -> None:
    texts = [(path, text) for path in sorted(PACKAGE.rglob("*.py")) for text in strings(path)]
    assert len(texts) > 5000
    assert [f"{path.relative_to(PACKAGE)}: {each}" for path, text in texts for each in found(text)] == []


@pytest.mark.parametrize(
    "text",
    [
        "'up' is no probe",
        "A probe may find a\nprocess, it never acquits.",
        "Without further ado the wheel is built",
        "means that lean to the fast samples",
        "f'{x}' gave itself up",
        "3 exceptions ended up nowhere",
    ],
)
def test_what_has_to_be_read_twice_is_found(text: str) -> None:
    assert found(text)


@pytest.mark.parametrize("text", ["there is no sdist", "the file is no longer there", "it is not a probe"])
def test_plain_english_is_left_alone(text: str) -> None:
    assert found(text) == []

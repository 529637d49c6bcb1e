"""``allow_leaks``: which leaks the user accepts, and which words are refused."""

from __future__ import annotations

import re

import pytest

from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.leaks import AllowLeaks, Grade, Leak, LeakKind, parse


def leak(kind: LeakKind, subject: str) -> Leak:
    return Leak(kind=kind, grade=Grade.FIRM, subject=subject)


ALL = [
    leak(LeakKind.PROCESS, "pid 1 a"),
    leak(LeakKind.PORT, "127.0.0.1:80"),
    leak(LeakKind.OUTPUT, "pid 1 a"),
    leak(LeakKind.FILE, "run/app.pid"),
    leak(LeakKind.SHARED_MEMORY, "psm_1"),
    leak(LeakKind.WARNING, "ResourceWarning: unclosed socket"),
    leak(LeakKind.EXCEPTION, "BrokenPipeError: [Errno 32]"),
    leak(LeakKind.TASK, "task T"),
]


@pytest.mark.parametrize(
    ("word", "kinds"),
    [
        ("processes", ["processes"]),
        ("ports", ["ports"]),
        ("output", ["output"]),
        ("files:*.pid", ["files"]),
        ("files: run/*", ["files"]),
        ("files:*.lock", []),
        ("shared_memory", ["shared_memory"]),
        ("shared_memory:psm_*", ["shared_memory"]),
        ("shared_memory:sem.*", []),
        ("warnings:unclosed (socket|file)", ["warnings"]),
        ("warnings:^BrokenPipeError:", ["exceptions"]),
        ("warnings:,", []),
        ("tasks", ["tasks"]),
        ("threads", []),
        ("command_processes", []),
    ],
)
def test_a_word_accepts_its_kind_and_no_other(word: str, kinds: list[str]) -> None:
    allow = parse([word])
    assert [each.kind for each in ALL if allow.accepts(each, finds)] == kinds


def finds(pattern: re.Pattern[str], text: str) -> bool:
    return pattern.search(text) is not None


def test_what_commands_leave_lives_on_by_its_own_word() -> None:
    assert [parse(words).keeps_commands for words in ([" command_processes"], ["processes"])] == [True, False]


def test_nothing_is_accepted_without_a_word() -> None:
    assert parse([]) == AllowLeaks()
    assert not any(AllowLeaks().accepts(each, finds) for each in ALL)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("command_process", "'command_process' is not a kind of leak, did you mean command_processes?"),
        ("process", "'process' is not a kind of leak, did you mean processes?"),
        ("file:*.pid", "'file:*.pid' is not a kind of leak, did you mean files?"),
        (
            "everything",
            "'everything' is not a kind of leak, write one of command_processes, files, output, ports, processes,",
        ),
        ("exceptions", "'exceptions' is not a kind of leak, write one of"),
        ("files", "'files' does not say which ones, write for example files:*.pid"),
        ("files:", "'files:' does not say which ones, write for example files:*.pid"),
        ("warnings", "'warnings' does not say which ones, write for example warnings:unclosed socket"),
        ("shared_memory:", "'shared_memory:' does not say which ones, write for example shared_memory:psm_*"),
        ("tasks:Task-1", "'tasks:Task-1' has more than its word, write tasks"),
        ("warnings:(", "'(' is not a regular expression: missing ), unterminated subpattern at position 0"),
        (7, "7 is not a kind of leak, write one of"),
    ],
)
def test_a_wrong_word_is_refused_by_the_name_of_the_key(word: object, message: str) -> None:
    with pytest.raises(ProdsimError) as error:
        parse([word])
    assert error.value.key == "allow_leaks"
    assert error.value.message.startswith(message)

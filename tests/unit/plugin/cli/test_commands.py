"""The command line of ``tox prodsim``: what is accepted where, what is refused, and the help."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from tox.config.cli.parser import ToxParser

from tox_prodsim.plugin.cli.commands import COMMANDS
from tox_prodsim.plugin.cli.parser import add_command


def parsed(*arguments: str) -> Any:
    """Return the options of a command line as tox parses it; nothing may be left over."""
    parser = ToxParser.core()
    add_command(parser)
    parser.fix_defaults()
    options, unknown = parser.parse_known_args(arguments)
    assert unknown == []
    return options


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return the one line on stderr of a command line that is refused."""
    with pytest.raises(SystemExit) as ended:
        parsed(*arguments)
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def helped(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        parsed(*arguments)
    assert ended.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "command"),
    [
        pytest.param("prodsim checks", "checks", id="a word"),
        pytest.param("prodsim baseline show", "baseline show", id="two words"),
        pytest.param("-v prodsim report", "report", id="behind an option of tox"),
        pytest.param("prodsim -e prodsim-a baseline update", "baseline update", id="behind an environment"),
    ],
)
def test_a_command_is_selected_by_its_words(line: str, command: str) -> None:
    assert parsed(*line.split()).prodsim_command == command


@pytest.mark.parametrize(
    "line",
    [
        "prodsim compare main --import a --import b --format json -e prodsim-x -v",
        "prodsim compare --import a -e prodsim-x main -v --import b --format=json",
        "prodsim -e prodsim-x -v --format json --import a --import b compare main",
        "-v -e prodsim-x prodsim --import a --import=b --format json compare main",
        "--format json -v prodsim --import a compare -e prodsim-x --import b main",
    ],
)
def test_options_may_stand_anywhere(line: str) -> None:
    options = parsed(*line.split())
    assert (options.prodsim_command, options.prodsim_reference) == ("compare", "main")
    assert sorted(options.prodsim_imports) == ["a", "b"]
    assert options.prodsim_format == "json"
    assert [*options.env] == ["prodsim-x"]
    assert options.verbosity == 3


def test_an_option_may_have_the_name_of_a_command_as_its_value() -> None:
    options = parsed("prodsim", "--svg", "report", "history")
    assert (options.prodsim_command, options.prodsim_svg) == ("history", "report")


def test_arguments_have_their_types_and_defaults() -> None:
    assert parsed("prodsim", "explain", "run607", "WHL101").prodsim_codes == ["run607", "WHL101"]
    assert parsed("prodsim", "baseline", "accept", "a/b").prodsim_candidates == Path("a/b")
    options = parsed("prodsim", "report")
    assert (options.prodsim_format, [*options.env], options.verbosity) == ("", ["prodsim"], 2)
    assert not options.prodsim_open


def test_options_have_defaults_in_the_environment_like_those_of_tox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOX_PRODSIM_FORMAT", "json")
    assert parsed("prodsim", "report").prodsim_format == "json"
    assert parsed("prodsim", "report", "--format", "text").prodsim_format == "text"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        pytest.param("", "tox prodsim: {required}: COMMAND", id="nothing"),
        pytest.param("burn", "tox prodsim: {choice} 'burn' ", id="an unknown command"),
        pytest.param("baseline", "tox prodsim baseline: {required}: COMMAND", id="half a command"),
        pytest.param("baseline burn", "tox prodsim baseline: {choice} 'burn' ", id="a wrong half"),
        pytest.param("baseline accept", "tox prodsim baseline accept: {required}: DIR", id="no DIR"),
        pytest.param("explain", "tox prodsim explain: {required}: CODE", id="no CODE"),
        pytest.param("compare", "tox prodsim compare: {required}: REF", id="no REF"),
        pytest.param("compare main dev", "tox prodsim: error: unrecognized arguments: dev", id="one REF too many"),
        pytest.param("checks --svg x", "tox prodsim: error: unrecognized arguments: --svg x", id="another's option"),
        pytest.param("report --format pdf", "tox prodsim report: error: argument --format: invalid", id="no format"),
    ],
)
def test_a_wrong_command_line_is_refused_in_one_line_that_names_the_help(
    capsys: pytest.CaptureFixture[str], line: str, reason: str
) -> None:
    refusal = refused(capsys, "prodsim", *line.split())
    required = "error: the following arguments are required"
    assert refusal.startswith(reason.format(required=required, choice="error: argument COMMAND: invalid choice:"))
    assert re.search(r"; see: tox prodsim[a-z ]* --help$", refusal)


@pytest.mark.parametrize("command", COMMANDS, ids=[command.name for command in COMMANDS])
def test_every_command_has_a_help_of_its_own(capsys: pytest.CaptureFixture[str], command: Any) -> None:
    for flag in ("-h", "--help"):
        text = helped(capsys, "prodsim", flag, *command.name.split(), "-v")
        usage = re.sub(r"\s+", " ", text.partition("\n\n")[0])
        assert usage.startswith(f"usage: tox prodsim {command.name} [-h]")
        assert command.arguments in usage
        assert command.help in re.sub(r"\s+", " ", text)
        assert "--result-json" not in text


def test_the_help_of_a_group_lists_its_commands(capsys: pytest.CaptureFixture[str]) -> None:
    lines = helped(capsys, "prodsim", "baseline", "--help").splitlines()
    assert [line.split()[1] for line in lines if line.startswith("  baseline ")] == ["show", "update", "accept"]


def test_the_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    text = helped(capsys, "prodsim", "--help")
    assert [command.name for command in COMMANDS if f"\n  {command.name} " not in text] == []

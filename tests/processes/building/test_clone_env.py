"""A second environment with another wheel of the project: nothing else may differ, and nothing may reach the first."""

from __future__ import annotations

import compileall
import importlib.metadata
import marshal
import os
import py_compile
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from types import CodeType

import pytest
from support.hostile import many_entries
from support.wheels import Ended, Env, wheel

from tox_prodsim.building import clone_env
from tox_prodsim.building.clone_env import OtherWheel, Site
from tox_prodsim.checks.artifact import open_wheel
from tox_prodsim.model.errors import Cancelled, CloneError
from tox_prodsim.supervision import Cancel, Workers
from tox_prodsim.supervision.worker import CallLimits

CLI = "[console_scripts]\nacme = acme.cli:main\n"
SAYS = "import sys\ndef main():\n    print({0!r}, sys.prefix)\n"
COMMAND = "../../../bin/{0},,"


def site_of(env: Env) -> Site:
    return Site(
        prefix=env.folder,
        python=env.python,
        site_packages=env.site_packages,
        scripts=env.scripts_dir,
        base_python=Path(os.path.realpath(sys.executable)),
    )


@pytest.fixture
def env(tmp_path: Path) -> Env:
    """An environment with acme 2.0, its command, and another distribution with a command of its own."""
    made = Env.create(tmp_path / "env")
    new = {"acme/__init__.py": "version = 2", "acme/cli.py": SAYS.format("new"), "acme/added.py": ""}
    more = "\nadded = acme.cli:main\n"
    recorded = [COMMAND.format("acme"), COMMAND.format("added")]
    made.install(
        wheel(
            tmp_path,
            version="2.0",
            files=new,
            entry_points=CLI + more,
            edit_record=lambda lines: [*lines, *recorded],
        )
    )
    files = {"other/__init__.py": "def f(): pass", "other/data.txt": "data", "other/template.py": "{% python %}"}
    points = "[console_scripts]\nother = acme.cli:main\n"
    made.install(wheel(tmp_path, name="other", version="7", files=files, entry_points=points))
    return made


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The wheel of acme 1.0, with a module that 2.0 has lost."""
    (tmp_path / "old").mkdir()
    files = {"acme/__init__.py": "version = 1", "acme/cli.py": SAYS.format("old"), "acme/lost.py": ""}
    return wheel(tmp_path / "old", files=files, entry_points=CLI)


def read(path: Path) -> OtherWheel:
    return OtherWheel(path=path, commands=open_wheel(path).scripts)


def make(env: Env, old: Path, **more: object) -> Site:
    folder = env.folder.parent / "base"
    return clone_env.clone(site_of(env), folder, name="Acme", wheel=read(old), runner=env.run, **more)  # type: ignore[arg-type]


def out(*argv: str | Path) -> str:
    return subprocess.run([*map(str, argv)], check=True, capture_output=True, text=True).stdout.strip()


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_wheel_is_another_and_all_else_is_the_same(env: Env, old: Path) -> None:
    before = content(env.folder)
    base = make(env, old)
    found = importlib.metadata.distributions(path=[str(base.site_packages)])
    assert sorted((each.name, each.version) for each in found) == [("acme", "1.0"), ("other", "7")]
    names = sorted(path.name for path in (base.site_packages / "acme").glob("*.py"))
    assert names == ["__init__.py", "cli.py", "lost.py"]
    assert (base.site_packages / "other/data.txt").samefile(env.site_packages / "other/data.txt")
    assert out(base.python, "-I", "-c", "import acme, other; print(acme.version, other.__file__)") == (
        f"1 {base.site_packages}/other/__init__.py"
    )
    ours = {name: data for name, data in content(env.folder).items() if "__pycache__" not in name}
    assert ours == {name: data for name, data in before.items() if "__pycache__" not in name}


def test_commands_run_in_the_second_environment_and_only_those_that_the_base_has(env: Env, old: Path) -> None:
    base = make(env, old)
    assert out(base.scripts / "acme") == f"old {base.prefix}"
    assert out(base.scripts / "other") == f"old {base.prefix}"
    assert not (base.scripts / "added").exists()
    assert out(env.scripts_dir / "acme") == f"new {env.folder}"


def test_a_command_with_the_same_target_keeps_the_text_that_the_installer_wrote(env: Env, old: Path) -> None:
    script = env.scripts_dir / "acme"
    script.write_text(f"#!{env.python}\n# as the installer writes it\nfrom acme.cli import main\nmain()\n")
    base = make(env, old)
    assert (base.scripts / "acme").read_text().splitlines() == [
        f"#!{base.python}",
        "# as the installer writes it",
        "from acme.cli import main",
        "main()",
    ]


def test_a_shebang_that_became_too_long_is_written_in_the_long_form(env: Env, old: Path) -> None:
    far = env.folder.parent / ("b" * 130)
    base = clone_env.clone(site_of(env), far, name="acme", wheel=read(old), runner=env.run)
    assert (base.scripts / "other").read_bytes().startswith(b"#!/bin/sh\n'''exec' ")
    assert out(base.scripts / "other") == f"old {base.prefix}"


def test_a_file_that_two_distributions_share_is_not_written_through_its_link(env: Env, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    shared = wheel(tmp_path / "old", files={"acme/__init__.py": "", "other/data.txt": "of the base"})
    base = make(env, shared)
    assert (base.site_packages / "other/data.txt").read_text() == "of the base"
    assert (env.site_packages / "other/data.txt").read_text() == "data"


def test_scripts_and_data_of_a_wheel_come_to_their_places(env: Env, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    data = "acme-1.0.data"
    files = {
        "acme/__init__.py": "version = 1",
        f"{data}/purelib/pure.py": "",
        f"{data}/scripts/tool": "#!python\nimport acme; print(acme.version)\n",
        f"{data}/data/share/acme.txt": "shared",
        f"{data}/data/../../../outside.txt": "outside",
        f"{data}/headers/acme.h": "",
    }
    base = make(env, wheel(tmp_path / "old", files=files))
    assert (base.site_packages / "pure.py").is_file()
    assert (base.prefix / "share/acme.txt").read_text() == "shared"
    assert out(base.scripts / "tool") == "1"
    assert not any(path.name == "outside.txt" for path in tmp_path.rglob("*"))


def test_data_that_another_distribution_has_elsewhere_comes_along(env: Env, old: Path) -> None:
    (env.folder / "share").mkdir()
    (env.folder / "share/other.txt").write_text("shared")
    record = next(env.site_packages.glob("other-*/RECORD"))
    record.write_text(f"{record.read_text()}../../../share/other.txt,,\n../../../bin/other,,\n")
    base = make(env, old)
    assert (base.prefix / "share/other.txt").read_text() == "shared"
    assert f"#!{base.python}" in (base.scripts / "other").read_text()


# bytecode


def flags(cached: Path) -> int:
    return int.from_bytes(cached.read_bytes()[4:8], "little")


def compiled(base: Site) -> dict[str, int]:
    """Return the flags of every bytecode file, by module."""
    found = base.site_packages.rglob("*.pyc")
    return {f"{path.parent.parent.name}.{path.name.split('.')[0]}": flags(path) for path in found}


@pytest.mark.parametrize(
    ("mode", "flag"),
    [
        pytest.param(py_compile.PycInvalidationMode.TIMESTAMP, 0, id="as pip does"),
        pytest.param(py_compile.PycInvalidationMode.CHECKED_HASH, 3, id="as with SOURCE_DATE_EPOCH"),
    ],
)
def test_what_was_compiled_is_compiled_the_same_way(
    env: Env, old: Path, mode: py_compile.PycInvalidationMode, flag: int
) -> None:
    compileall.compile_dir(env.site_packages, quiet=2, invalidation_mode=mode)
    base = make(env, old, writes_bytecode=False)
    names = ["acme.__init__", "acme.cli", "acme.lost", "other.__init__"]
    assert compiled(base) == dict.fromkeys(names, flag)
    cached = next((base.site_packages / "other/__pycache__").glob("__init__.*.pyc"))
    code: CodeType = marshal.loads(cached.read_bytes()[16:])
    # The name of another file would be corrected at each import, and that takes time in one of the two only.
    assert code.co_filename == str(base.site_packages / "other/__init__.py")


def test_what_was_not_compiled_is_not(env: Env, old: Path) -> None:
    compileall.compile_file(env.site_packages / "other/__init__.py", quiet=2)
    assert compiled(make(env, old, writes_bytecode=False)) == {"other.__init__": 0}


def test_what_the_warm_up_writes_is_left_to_it_but_hashes_are_not(env: Env, old: Path) -> None:
    hashed = py_compile.PycInvalidationMode.UNCHECKED_HASH
    compileall.compile_file(env.site_packages / "other/__init__.py", quiet=2, invalidation_mode=hashed)
    compileall.compile_file(env.site_packages / "acme/__init__.py", quiet=2)
    assert compiled(make(env, old)) == {"other.__init__": 1}


# what cannot be


def test_an_installation_without_a_record_cannot_be_told_from_the_rest(env: Env, old: Path) -> None:
    next(env.site_packages.glob("acme-*/RECORD")).unlink()
    with pytest.raises(CloneError, match="what Acme has installed is not recorded"):
        make(env, old)


def test_why_there_is_no_environment_is_said(env: Env, old: Path) -> None:
    def broken(argv: Sequence[str], *, timeout_s: float) -> Ended:  # noqa: ARG001 - a Runner
        return Ended(1, False, b"", b"some warning\nRuntimeError: no such interpreter\n")

    with pytest.raises(CloneError, match=r"^virtualenv made no second environment: RuntimeError: no such interpreter$"):
        clone_env.clone(site_of(env), env.folder.parent / "base", name="acme", wheel=read(old), runner=broken)


def test_links_and_other_file_systems_are_no_obstacle(env: Env, old: Path, tmp_path: Path) -> None:
    (env.site_packages / "linked").symlink_to("other")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/deep.py").write_text("")
    (env.site_packages / "editable").symlink_to(tmp_path / "elsewhere")
    base = make(env, old)
    assert (base.site_packages / "linked").readlink() == Path("other")
    assert (base.site_packages / "editable/deep.py").is_file()
    shm = Path("/dev/shm")
    if shm.is_dir() and os.access(shm, os.W_OK) and shm.stat().st_dev != tmp_path.stat().st_dev:
        far = shm / f"prodsim-test-{os.getpid()}"
        try:
            base = clone_env.clone(site_of(env), far, name="acme", wheel=read(old), runner=env.run)
            assert (base.site_packages / "other/data.txt").read_text() == "data"
        finally:
            shutil.rmtree(far, ignore_errors=True)


# a wheel that nobody means well with


def test_a_wheel_that_cannot_be_unpacked_is_a_refusal(env: Env, tmp_path: Path) -> None:
    (tmp_path / "odd").mkdir()
    odd = wheel(tmp_path / "odd", files={"acme/__init__.py": "", "acme/data": "a file", "acme/data/x.py": "a folder"})
    with pytest.raises(CloneError, match=r"^a second environment cannot be made: .*acme/data'$"):
        make(env, odd)


def test_a_command_that_leads_out_of_its_folder_is_not_written(env: Env, tmp_path: Path) -> None:
    (tmp_path / "odd").mkdir()
    points = "[console_scripts]\n../../evil = acme.cli:main\nno_attribute = acme.cli\n"
    odd = wheel(tmp_path / "odd", files={"acme/__init__.py": "", "acme/cli.py": ""}, entry_points=points)
    base = make(env, odd)
    assert not [*tmp_path.rglob("evil"), *base.scripts.glob("no_attribute")]


def test_making_it_ends_at_a_limit_and_at_a_cancel(env: Env, tmp_path: Path) -> None:
    (tmp_path / "odd").mkdir()
    large = OtherWheel(path=many_entries(tmp_path / "odd", 150_000))
    with closing(Cancel()) as cancel:

        def cancelled(argv: Sequence[str], **more: object) -> Ended:
            threading.Timer(0.5, cancel.set).start()
            return env.run(argv, **more)

        reason = r"^making a second environment was ended: it took longer than 0.5 s$"
        options = {"name": "acme", "wheel": large}
        with closing(Workers(limits=CallLimits(cpu_s=0.5))) as call, pytest.raises(CloneError, match=reason):
            clone_env.clone(site_of(env), tmp_path / "base", runner=env.run, call=call, **options)  # type: ignore[arg-type]
        with closing(Workers(cancel=cancel)) as call, pytest.raises(Cancelled):
            clone_env.clone(site_of(env), tmp_path / "base", runner=cancelled, call=call, **options)  # type: ignore[arg-type]

"""The wheel under test: built from the sdist, or exactly the file that was given; what cannot be tested says so."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from support.project import Project
from support.sources import BACKEND, CONFIG, source


def modules_under_test(project: Project) -> list[str]:
    with zipfile.ZipFile(next(project.folder.glob(".tox/prodsim/prodsim/wheel/*.whl"))) as archive:
        return sorted(Path(name).stem for name in archive.namelist() if name.endswith(".py"))


def checked_by_sha256sum(project: Project, folder: Path) -> str:
    """Return what ``sha256sum -c`` says of the files in a folder: that of coreutils, with the list of the run."""
    sums = project.folder / ".tox" / "prodsim" / "prodsim" / "SHA256SUMS"
    command = ["sha256sum", "--check", "--strict", sums]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_module_that_is_missing_from_the_sdist_is_missing_from_the_wheel(quick_project: Project) -> None:
    source(
        quick_project,
        manifest="backend.py pyproject.toml manifest.txt acme/__init__.py",
        rules="",
        __init__="import acme.rules",
    )
    result = quick_project.prodsim().failed()
    assert quick_project.codes() == ["BLD104", "IMP503"], result.out
    assert modules_under_test(quick_project) == ["__init__"]
    assert quick_project.report()["wheel"]["origin"] == "built from the sdist"


def test_a_module_that_was_deleted_does_not_come_back_from_a_stale_build_folder(quick_project: Project) -> None:
    source(quick_project, rules="")
    quick_project.write("build/acme/deleted.py", "")
    quick_project.prodsim().failed()
    assert quick_project.codes() == ["BLD104"]
    assert modules_under_test(quick_project) == ["__init__", "rules"]
    quick_project.prodsim("-x", "testenv:prodsim.package=wheel").passed()
    assert modules_under_test(quick_project) == ["__init__", "deleted", "rules"], "what the default is good for"
    assert quick_project.report()["wheel"]["origin"] == "built from the source tree"


def test_a_given_wheel_is_tested_as_it_is(any_project: Project) -> None:
    """In a folder without a project; the file is shown, and left as it was."""
    given = any_project.wheel()
    digest = sha256(given)
    result = any_project.prodsim("--installpkg", given).passed()
    found = any_project.report()["wheel"]
    assert len(found.pop("sources_sha256")) == 64
    assert found == {
        "name": "acme-1.0-py3-none-any.whl",
        "size_bytes": given.stat().st_size,
        "sha256": digest,
        "origin": "given with --installpkg",
    }
    facts = ["file     acme-1.0-py3-none-any.whl", f"{given.stat().st_size} B", "given with --installpkg"]
    assert f"\n  {' · '.join(facts)}\n           sha256 {digest}\n" in result.out
    size = given.stat().st_size
    assert any_project.report()["files"] == [
        {"name": given.name, "kind": "wheel", "size_bytes": size, "sha256": digest},
    ]
    assert checked_by_sha256sum(any_project, given.parent) == f"{given.name}: OK\n"
    assert sha256(given) == digest


def test_a_given_wheel_is_tested_in_place_of_what_the_source_would_build(quick_project: Project) -> None:
    source(quick_project, __init__="raise SystemExit('this is the source tree')")
    given = quick_project.wheel()
    quick_project.prodsim("--installpkg", given).passed()
    assert quick_project.report()["wheel"]["sha256"] == sha256(given)


def test_a_given_sdist_is_built_and_its_wheel_tested(any_project: Project) -> None:
    """Where there is no project around it."""
    source(any_project, rules="", __init__="import acme.rules")
    sdist = any_project.folder / "acme-1.0.tar.gz"
    subprocess.run(
        [sys.executable, "-c", "import backend; backend.build_sdist('.')"], cwd=any_project.folder, check=True
    )
    for path in (any_project.folder / "pyproject.toml", any_project.folder / "acme" / "rules.py"):
        path.unlink()
    result = any_project.prodsim("--installpkg", sdist).passed()
    assert modules_under_test(any_project) == ["__init__", "rules"]
    assert any_project.report()["wheel"]["origin"] == "built from acme-1.0.tar.gz"
    assert re.search(r"^prodsim: passed", result.out, re.MULTILINE)


def test_a_given_sdist_that_does_not_build_says_why(quick_project: Project) -> None:
    source(quick_project)
    quick_project.write(
        "backend.py", BACKEND.replace('name = "acme-1.0-py3-none-any.whl"', "raise RuntimeError('no compiler')")
    )
    subprocess.run(
        [sys.executable, "-c", "import backend; backend.build_sdist('.')"], cwd=quick_project.folder, check=True
    )
    result = quick_project.prodsim("--installpkg", "acme-1.0.tar.gz")
    assert result.code != 0
    assert "FAIL BLD102 acme-1.0.tar.gz: builds no wheel: RuntimeError: no compiler (backend.py:" in result.out
    assert "internal error" not in result.out


@pytest.mark.index
def test_an_sdist_from_the_index_is_built_and_tested(any_project: Project) -> None:
    any_project.write("tox.ini", "[testenv:prodsim]\nignore = PRF\n")
    download = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:", "iniconfig==2.0.0"]
    subprocess.run([*download, "-d", "dist"], cwd=any_project.folder, check=True)
    any_project.prodsim("--installpkg", "dist/iniconfig-2.0.0.tar.gz").passed()
    found = any_project.report()["wheel"]
    assert (found["name"], found["origin"]) == ("iniconfig-2.0.0-py3-none-any.whl", "built from iniconfig-2.0.0.tar.gz")


UNFIT = "is not what will be uploaded, use sdist-wheel (the default here) or wheel"
LOCKED = "runner: uv-venv-lock-runner installs the project without building a wheel, set runner = uv-venv-runner"
UNSUITABLE = {
    "package = editable": f"package: editable {UNFIT}",
    "package = editable-legacy": f"package: editable-legacy {UNFIT}",
    "package = deps-only": f"package: deps-only {UNFIT}",
    "package = skip": f"package: skip {UNFIT}",
    "use_develop = true": f"package: editable {UNFIT}",
    "skip_install = true": "skip_install: true means that the wheel is not installed, remove it from this environment",
    "runner = uv-venv-lock-runner": LOCKED,
}


def test_what_installs_no_wheel_is_refused_in_one_line(quick_project: Project) -> None:
    source(quick_project)
    quick_project.write("tox.ini", "\n".join(f"[testenv:prodsim-{at}]\n{text}" for at, text in enumerate(UNSUITABLE)))
    result = quick_project.tox("run", "-e", ",".join(f"prodsim-{at}" for at in range(len(UNSUITABLE)))).failed()
    for at, line in enumerate(UNSUITABLE.values()):
        assert f"\nprodsim-{at}: failed with {line}\n" in result.out, result.out
        assert f"\n  prodsim-{at}: FAIL code 1 (" in result.out
    assert "install" not in result.out.replace("installs", "").replace("installed", "").replace("skip_install", "")


def test_a_lock_runner_of_the_base_section_is_for_the_other_environments(quick_project: Project) -> None:
    source(quick_project)
    lint = "[testenv:lint]\nrunner = uv-venv-runner\nskip_install = true\ncommands = python -c 'print(\"LINTED\")'\n"
    base = "[testenv]\nrunner = uv-venv-lock-runner\n[testenv:prodsim]\nignore = WHL, PRF\n"
    quick_project.write("tox.ini", base + lint)
    result = quick_project.tox("run", "-e", "prodsim,lint").passed()
    assert LOCKED not in result.out
    assert "\n  prodsim: OK (" in result.out
    assert "\n  lint: OK (" in result.out
    assert "uv-sync" not in result.out
    quick_project.tox("list").passed()


def test_develop_on_the_command_line_is_refused(quick_project: Project) -> None:
    source(quick_project)
    line = "package: editable is not what will be uploaded, use sdist-wheel (the default here) or wheel"
    assert f"\nprodsim: failed with {line}\n" in quick_project.prodsim("--develop").failed().out


def test_a_project_without_a_package_is_refused(quick_project: Project) -> None:
    source(quick_project)
    quick_project.write("tox.ini", "[tox]\nno_package = true\n")
    line = "no_package: true means that there is no wheel to test, remove it or give a file with --installpkg"
    assert f"\nprodsim: failed with {line}\n" in quick_project.prodsim().failed().out


def test_a_folder_without_a_project_is_refused(quick_project: Project) -> None:
    line = (
        f"pyproject.toml: no pyproject.toml in {quick_project.folder}, so there is nothing to build; "
        "give a file with --installpkg"
    )
    result = quick_project.prodsim().failed()
    assert f"\nprodsim: failed with {line}\n" in result.out
    assert ".pkg" not in result.out


def test_a_wheel_that_was_installed_in_an_earlier_run_is_tested_later(any_project: Project) -> None:
    source(any_project, rules="")
    prepared = any_project.prodsim("--notest").passed()
    assert "RECORD" not in prepared.out
    kept = json.loads((any_project.folder / ".tox" / "prodsim" / "prodsim" / "wheel.json").read_text())
    digest = sha256(any_project.folder / ".tox" / "prodsim" / "prodsim" / "wheel" / kept["name"])
    any_project.write("acme/__init__.py", "raise SystemExit('changed in the meantime')")
    result = any_project.prodsim("--skip-pkg-install").passed()
    assert "install_package" not in result.out
    assert "_pep517" not in result.out
    found = any_project.report()["wheel"]
    assert (found["sha256"], found["origin"]) == (digest, "built from the sdist, installed earlier")
    assert "  import   ok    acme from site-packages" in result.out


def test_skipping_the_installation_needs_an_earlier_run(quick_project: Project) -> None:
    source(quick_project)
    line = "--skip-pkg-install: no wheel was installed here before, run once without it (or with --notest)"
    assert f"\nprodsim: failed with {line}\n" in quick_project.prodsim("--skip-pkg-install").failed().out


def test_a_folder_of_blanks_is_a_folder_like_any_other(quick_project: Project) -> None:
    inner = Project(quick_project.folder / "my project", installer=quick_project.installer)
    source(inner)
    inner.write("run.py", "import sys; print(sys.argv[1:])")
    inner.write("tox.ini", CONFIG + "deploy = python {tox_root}/run.py 'a b'\nexpect_output = ^.'a b'.$\n")
    inner.prodsim().passed()
    inner.write(
        "tox.toml",
        "[env.prodsim]\nignore = ['PRF', 'WHL']\ndeploy = \"python '{tox_root}/run.py' 'a b'\"\n"
        "expect_output = \"^.'a b'.$\"\n",
    )
    (inner.folder / "tox.ini").unlink()
    inner.prodsim().passed()


def test_the_sdist_holds_what_its_manifest_says(tmp_path: Path) -> None:
    """What the tests above stand on."""
    project = Project(tmp_path)
    source(project, manifest="backend.py manifest.txt")
    subprocess.run([sys.executable, "-c", "import backend; backend.build_sdist('.')"], cwd=tmp_path, check=True)
    with tarfile.open(tmp_path / "acme-1.0.tar.gz") as archive:
        assert archive.getnames() == ["acme-1.0/backend.py", "acme-1.0/manifest.txt", "acme-1.0/PKG-INFO"]

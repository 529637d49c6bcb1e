"""What the modules of a wheel import of their own package, and which of it is not there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from support.wheels import wheel

from tox_prodsim.checks.artifact import Wheel, is_optional, open_wheel
from tox_prodsim.checks.artifact.internal_imports import internal_imports
from tox_prodsim.model.internal_imports import InternalImports

METADATA = "Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n\n"


def opened(folder: Path, files: Mapping[str, str], **options: str) -> Wheel:
    files = {"acme/__init__.py": "", **files}
    return open_wheel(wheel(folder, files=files, **options))  # type: ignore[arg-type]


def read(folder: Path, files: Mapping[str, str], **options: str) -> InternalImports:
    return internal_imports(opened(folder, files, **options))


def absent(folder: Path, files: Mapping[str, str], **options: str) -> dict[str, list[tuple[str, int]]]:
    found = read(folder, files, **options).absent
    return {each.name: [(importer.file, importer.line) for importer in each.importers] for each in found}


@pytest.mark.parametrize(
    "source",
    [
        "import acme.plugins",
        "from . import plugins",
        "from .plugins import load",
        "from acme.plugins.text import load",
        "def run():\n    from acme.plugins import load",
        "def run(name):\n    if name == 'text':\n        from acme import plugins",
        "class A:\n    from . import plugins",
        "try:\n    from . import plugins\nexcept KeyError:\n    pass",
        "from acme import (\n    plugins,  # the plugins\n)",
    ],
)
def test_a_module_that_is_not_there_is_found(tmp_path: Path, source: str) -> None:
    (name,) = absent(tmp_path, {"acme/cli.py": source})
    assert name == "acme.plugins"


@pytest.mark.parametrize(
    "source",
    [
        f"import acme.{'x' * 100_000}",
        f"import acme{'.e' * 2000}",
        f"from acme import {'x' * 100_000}",
        f"from {'.' * 2000} import x",
        "import acme.x\0",
        f"x = {'(' * 5000}",
        "x = 9" + "9" * 5000,
    ],
    ids=range(7),
)
def test_odd_sources_are_read_like_others(tmp_path: Path, source: str) -> None:
    found = read(tmp_path, {"acme/odd.py": source, "acme/cli.py": "import acme.plugins"}).absent
    assert [each.name for each in found if each.name != "acme.x"] == ["acme.plugins"]


@pytest.mark.parametrize(
    "source",
    [
        "try:\n    from . import plugins\nexcept ImportError:\n    plugins = None",
        "try:\n    import json\nexcept ImportError:\n    from . import plugins",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from . import plugins",
        "import contextlib\nwith contextlib.suppress(ImportError):\n    from . import plugins",
        "import sys\ndef run():\n    if sys.platform == 'win32':\n        from . import plugins",
        "import sys\ndef run():\n    if sys.platform != 'win32':\n        return\n    from . import plugins",
        "import sys\nassert sys.platform == 'win32'\nfrom . import plugins",
        '"""\nfrom . import plugins\n"""',
        "from ._version import version",
        "from acme import tests",
    ],
)
def test_what_may_be_absent_is_not(tmp_path: Path, source: str) -> None:
    assert absent(tmp_path, {"acme/cli.py": source}) == {}


@pytest.mark.parametrize(
    "init",
    [
        "def __getattr__(name): ...",
        "plugins = 1",
        "def plugins(): ...",
        "from json import *",
        "import json as plugins",
        "globals()['plug' + 'ins'] = 1",
        "import sys\nsys.modules['acme.plugins'] = sys",
        "__path__ = __import__('pkgutil').extend_path(__path__, __name__)",
    ],
)
def test_a_name_that_the_package_may_bind_is_there(tmp_path: Path, init: str) -> None:
    assert absent(tmp_path, {"acme/__init__.py": init, "acme/cli.py": "from acme import plugins"}) == {}


def test_a_star_import_of_a_module_without_the_name_does_not_bind_it(tmp_path: Path) -> None:
    files = {"acme/__init__.py": "from .a import *", "acme/a.py": "x = 1", "acme/cli.py": "from acme import plugins, x"}
    assert absent(tmp_path, files) == {"acme.plugins": [("acme/cli.py", 1)]}


def test_an_import_of_itself_does_not_bind_a_name(tmp_path: Path) -> None:
    assert absent(tmp_path, {"acme/__init__.py": "\nfrom . import plugins"}) == {
        "acme.plugins": [("acme/__init__.py", 2)]
    }


@pytest.mark.parametrize(
    "file", ["acme/plugins.pyx", "acme/plugins.pyi", "acme/plugins.cp39-win_amd64.pyd", "acme/plugins/text/a.py"]
)
def test_what_is_compiled_or_a_folder_of_modules_is_there(tmp_path: Path, file: str) -> None:
    assert absent(tmp_path, {file: "", "acme/cli.py": "import acme.plugins"}) == {}


def test_a_wheel_with_extensions_may_have_others_for_another_system(tmp_path: Path) -> None:
    files = {"acme/_x.abi3.so": "", "acme/cli.py": "from acme import plugins"}
    assert absent(tmp_path, files) == {}


@pytest.mark.parametrize("file", ["acme/_vendor/lib/a.py", "acme/data/bad-name/a.py", "acme/tests/test_a.py"])
def test_what_is_of_others_or_not_for_users_may_be_cut_down(tmp_path: Path, file: str) -> None:
    assert absent(tmp_path, {file: "from acme import plugins"}) == {}


def test_a_package_that_makes_modules_may_lack_others(tmp_path: Path) -> None:
    files = {
        "acme/__init__.py": "import sys\nsys.modules['acme.old'] = sys",
        "acme/sub/__init__.py": "",
        "acme/cli.py": "import acme.old\nfrom acme.sub.base import x",
    }
    assert absent(tmp_path, files) == {"acme.sub.base": [("acme/cli.py", 2)]}


def test_names_of_a_namespace_may_be_those_of_another_distribution(tmp_path: Path) -> None:
    files = {"acme/cli.py": "import google.cloud.storage", "google/cloud/acme/__init__.py": "from google import auth"}
    assert absent(tmp_path, files) == {}


def test_an_example_of_the_description_imports_too(tmp_path: Path) -> None:
    metadata = METADATA + "Usage::\n\n    >>> from acme.plugins import load\n"
    assert absent(tmp_path, {}, metadata=metadata) == {"acme.plugins": [("acme-1.0.dist-info/METADATA", 7)]}


@pytest.mark.parametrize(
    ("init", "is_shell"), [('"""Acme."""\n__version__ = "1.0"\n', True), ("", True), ("x = 1\n", False)]
)
def test_a_wheel_of_nothing_but_its_version_is_a_shell(tmp_path: Path, init: str, *, is_shell: bool) -> None:
    assert read(tmp_path, {"acme/__init__.py": init}).is_shell is is_shell


@pytest.mark.parametrize(
    ("files", "optional"),
    [
        pytest.param({}, False, id="nothing imports it"),
        pytest.param({"acme/__init__.py": "from . import win"}, False, id="always"),
        pytest.param({"acme/__init__.py": "def f():\n    from . import win"}, False, id="by a function"),
        pytest.param(
            {"acme/__init__.py": "import sys\nif sys.x:\n    from .win import a"}, True, id="under a condition"
        ),
        pytest.param(
            {"acme/__init__.py": "try:\n    from . import b\nexcept ImportError: ...", "acme/b.py": "import acme.win"},
            True,
            id="by a module that is optional",
        ),
        pytest.param({"acme/b.py": "import acme.win", "acme/win.py": "import acme.b"}, False, id="in a circle"),
    ],
)
def test_a_module_that_only_conditions_lead_to_is_optional(
    tmp_path: Path, files: dict[str, str], *, optional: bool
) -> None:
    assert is_optional(opened(tmp_path, {"acme/win.py": "", **files}), "acme.win") is optional


def test_what_is_below_an_optional_package_is_optional(tmp_path: Path) -> None:
    init = "import os\nif os.name == 'nt':\n    from . import win"
    files = {"acme/__init__.py": init, "acme/win/__init__.py": "from . import a", "acme/win/a.py": ""}
    assert is_optional(opened(tmp_path, files), "acme.win.a")

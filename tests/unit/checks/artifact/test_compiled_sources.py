from __future__ import annotations

import pytest

from tox_prodsim.checks.artifact.compiled_sources import compiled_sources, is_build_script


@pytest.mark.parametrize("name", ["setup.py", "build.py", "acme/sub/setup.py"])
def test_these_may_declare_an_extension(name: str) -> None:
    assert is_build_script(name)


@pytest.mark.parametrize("name", ["acme/build.py", "setup.cfg"])
def test_these_may_not(name: str) -> None:
    assert not is_build_script(name)


def test_sources_count_where_something_declares_them() -> None:
    scripts = {"setup.py": b"run(ext_modules=[CMakeExtension('a')])"}
    assert list(compiled_sources(["src/a.cpp"], scripts, {})) == ["src/a.cpp", "setup.py"]
    assert list(compiled_sources(["src/a.cpp"], {"setup.py": b"run()  # ext_modules"}, {})) == []
    assert list(compiled_sources(["src/a.h"], scripts, {})) == []


def test_mypyc_that_is_always_used_counts() -> None:
    assert list(compiled_sources([], {"setup.py": b"setup(**{'x': mypycify(['a.py'])})"}, {})) == ["setup.py"]

"""What an import lacks that is not the release's to bring."""

from __future__ import annotations

from typing import Any

import pytest

from tox_prodsim.checks.installed import Distribution
from tox_prodsim.checks.installed.outcomes import Raised
from tox_prodsim.checks.installed.surroundings import absence
from tox_prodsim.model.entry_points import EntryPoint


def raised(kind: str, message: str = "", missing: str = "", **fields: Any) -> Raised:
    return Raised(type=kind, message=message, missing=missing, filename="", file="", line=None, **fields)


def lacks(module: str) -> Raised:
    return raised("ModuleNotFoundError", f"No module named {module!r}", module)


def project(name: str = "acme", **fields: Any) -> Distribution:
    return Distribution(name=name, version="1.0", top_levels=("acme",), modules=("acme",), **fields)


def what(distribution: Distribution, outcome: Raised) -> str:
    found = absence(distribution, outcome)
    return found.what if found is not None else ""


def plugin_of(group: str) -> EntryPoint:
    return EntryPoint(group=group, name="acme", module="acme", attr="setup", extras=())


@pytest.mark.parametrize(
    ("distribution", "missing", "host"),
    [
        (project(classifiers=("Framework :: Apache Airflow :: Provider",)), "airflow.models", "airflow"),
        (project(classifiers=("Framework :: Sphinx :: Extension",)), "docutils.nodes", "sphinx"),
        (project(entry_points=(plugin_of("pytest11"),)), "_pytest", "pytest"),
        (project(entry_points=(plugin_of("flake8.extension"),)), "flake8", "flake8"),
        (project(entry_points=(plugin_of("napari.manifest"),)), "napari", "napari"),
        (project("sphinxcontrib-acme"), "sphinx", "sphinx"),
        (project("django-acme"), "django", "django"),
        (project("acme-bpy"), "bpy", "bpy"),
    ],
)
def test_the_host_of_a_plugin_is_not_the_plugins_to_bring(distribution: Distribution, missing: str, host: str) -> None:
    assert what(distribution, lacks(missing)) == f"it is a plugin of {host}, which is not installed"


@pytest.mark.parametrize(
    ("distribution", "missing"),
    [
        pytest.param(project("numpy-acme"), "numpy", id="a library that it is named after"),
        pytest.param(project(), "sphinx", id="nothing says that it is a plugin"),
        pytest.param(project("django-acme"), "yaml", id="something else"),
        pytest.param(project("django-acme", requires=("django>=4",)), "django", id="a host that it requires"),
    ],
)
def test_what_a_release_has_to_declare_is_its_fault(distribution: Distribution, missing: str) -> None:
    assert what(distribution, lacks(missing)) == ""


def test_an_accelerator_lacks_the_program_that_requires_it() -> None:
    fast = Distribution(name="plum.fast", version="1", top_levels=("_plum",), modules=("_plum",), extensions=("_plum",))
    assert what(fast, lacks("plum")) == "it is a plugin of plum, which is not installed"


def test_what_is_made_for_another_system_need_not_import_here() -> None:
    classifiers = ("Operating System :: OS/2", "Operating System :: PalmOS")
    assert what(project(classifiers=classifiers), raised("ImportError", "no console")) == (
        "its classifiers name OS/2, PalmOS alone"
    )
    portable = (*classifiers, "Operating System :: OS Independent")
    assert what(project(classifiers=portable), raised("ImportError", "no console")) == ""


def test_a_library_whose_place_the_user_names_is_one_of_the_system() -> None:
    message = "could not find any library for acme (ACME_DLL_PATH: unset)"
    assert what(project(), raised("ImportError", message)) == "this machine lacks a library of the system"
    assert what(project(), raised("ImportError", "could not find any library for acme")) == ""


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (raised("OSError", "PortAudio library not found"), "this machine lacks a library of the system"),
        (
            raised(
                "OSError", "cannot load library 'libgobject-2.0-0': libgobject-2.0-0: cannot open shared object file"
            ),
            "this machine lacks a library of the system",
        ),
        (
            raised("ImportError", "libGL.so.1: cannot open shared object file: No such file or directory"),
            "this machine lacks the library libGL.so.1",
        ),
        (
            raised("ImportError", "libx.so.1: cannot open shared object file", dependency="xlib 1.0 (xlib/a.py:1)"),
            "this machine lacks the library libx.so.1",
        ),
        (raised("KeyError", "'DISPLAY'"), "this machine has no display"),
        (
            raised("TclError", "no display name and no $DISPLAY environment variable"),
            "this machine has no display",
        ),
        (lacks("_tkinter"), "the Python of this machine was built without _tkinter"),
        (
            raised("ImproperlyConfigured", "Requested setting X", type_module="django.core.exceptions"),
            "it needs an application of its host, django, which is not set up here",
        ),
        (
            raised(
                "RuntimeError",
                "Model class A isn't in an application in INSTALLED_APPS",
                dependency="Django 5.2 (django/db/models/base.py:1)",
            ),
            "it needs an application of its host, Django 5.2, which is not set up here",
        ),
    ],
)
def test_what_a_machine_or_a_host_lacks_is_not_the_releases_fault(outcome: Raised, expected: str) -> None:
    assert what(project(), outcome) == expected


@pytest.mark.parametrize(
    "outcome",
    [
        raised("ImportError", "libfast.so.2: cannot open shared object file"),
        raised("OSError", "cannot load library '/env/lib/python3.11/site-packages/acme/libx.so'"),
        raised("OSError", "the library of acme was not found"),
        raised("NotConfigured", "no key", type_module="acme.errors"),
        raised("ValueError", "Settings are wrong"),
    ],
)
def test_what_a_release_forgot_is_its_fault(outcome: Raised) -> None:
    assert what(project(), outcome) == ""

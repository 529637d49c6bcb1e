"""What an import lacks that is not the release's to bring: the host of a plugin, or something of the machine.

The host is what a framework classifier, a group of entry points or the name of the project says. What a machine lacks
is read from the words of the exception: a display, a sound card, a library of the system, a part of Python.
"""

from __future__ import annotations

import re
import sys

from tox_prodsim.checks.installed.inventory import Distribution
from tox_prodsim.checks.installed.outcomes import Outcome, Raised
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.formatting import listed
from tox_prodsim.model.regex import lazy_regex

_FRAMEWORKS = frozenset(
    {"aiida", "airflow", "ansible", "bottle", "buildbot", "celery", "cherrypy", "dash", "django", "fastapi", "flake8"}
    | {"flask", "hatchling", "jupyter", "kedro", "mkdocs", "napari", "odoo", "pelican", "pylint", "pylons", "pyramid"}
    | {"pytest", "robot", "scrapy", "sphinx", "tox", "trac", "tryton", "wagtail", "zope"}
    | {"FreeCAD", "bpy", "gdb", "gimpfu", "hou", "idaapi", "lldb", "maya", "mathutils", "nuke", "qgis", "sublime"}
    | {"unreal", "xbmc", "xbmcgui"}
)
"""Modules of the frameworks that classifiers name, and of programs that run Python inside of them."""
_BROUGHT = {
    "celery": {"billiard", "kombu", "vine"},
    "django": {"asgiref", "sqlparse"},
    "flake8": {"mccabe", "pycodestyle", "pyflakes"},
    "flask": {"click", "itsdangerous", "jinja2", "markupsafe", "werkzeug"},
    "mkdocs": {"jinja2", "markdown"},
    "pytest": {"_pytest", "iniconfig", "pluggy"},
    "scrapy": {"itemadapter", "itemloaders", "parsel", "twisted", "w3lib"},
    "sphinx": {"babel", "docutils", "imagesize", "jinja2", "pygments"},
    "tox": {"pluggy"},
}
"""Modules that come with a framework, as its metadata says."""
_WORD = lazy_regex(r"[a-z]+")
_NAMED = lazy_regex(r"contrib$")
_UNCONFIGURED = lazy_regex(
    r"ImproperlyConfigured|NotConfigured|NotReady|Config(?:uration)?(?:Exception|Error)$|Settings"
)
_NEEDS_APPLICATION = lazy_regex(
    r"settings are not configured|Apps aren't loaded|in an application in INSTALLED_APPS"
    r"|outside of (?:application|request|app) context"
)
_LIBRARY = lazy_regex(r"(?P<library>lib[\w.+-]+\.so[\d.]*): cannot open shared object file")
_OF_SYSTEM = lazy_regex(
    r"lib(?:GL|EGL|GLX|GLU|GLESv2|OpenGL|X|xcb|xkbcommon|SM|ICE|wayland|cuda|nvidia|nvcuvid|OpenCL|vulkan|asound|pulse"
    r"|jack|portaudio|sndfile|tk|tcl|glib-|gthread-|gobject-|gio-|gtk-|gdk|cairo|pango|usb|udev|bluetooth|dbus|fuse)"
)
"""Libraries of drivers and desktops, which wheels leave to the system (those of PEP 513 and PEP 599 among them)."""
_DISPLAY = lazy_regex(
    r"no display name|couldn't connect to display|Bad display name|DISPLAY\b|No available video device|X connection"
    r"|(?:cannot|could not|unable to|failed to) (?:connect to|open) (?:the )?(?:X|display|\"None\")",
    re.IGNORECASE,
)
_NO_LIBRARY = lazy_regex(
    r"PortAudio|(?:librar(?:y|ies)\b.{0,40}|\blib\w+(?:\.so[\d.]*)? )(?:was |were |is )?not (?:be )?(?:found|installed)"
    r"|(?:cannot|can't|could not|couldn't|unable to|failed to|not) (?:load|find|locate|open) .{0,40}"
    r"\b(?:librar|lib[a-z]\w+)"
    r"|no library called|shared library not",
    re.IGNORECASE,
)
_LIBRARY_FOLDER = lazy_regex(r"\b[A-Z0-9_]*(?:DLL|LIB|LIBRARY)_?PATH\b")
"""A variable by which the user says where the system has the library."""
_OPTIONAL_PARTS = frozenset(
    {"_bz2", "_ctypes", "_curses", "_dbm", "_gdbm", "_lzma", "_sqlite3", "_ssl", "_tkinter", "_uuid"}
    | {"curses", "readline", "tkinter", "turtle"}
)
"""Modules of the standard library that a Python may be built without."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Absence:
    """What is not here."""

    what: str
    """A sentence."""
    hint: str


def absence(distribution: Distribution, outcome: Outcome) -> Absence | None:
    """Return what the import lacks that is not the release's to bring; None if it is the release's fault."""
    if not isinstance(outcome, Raised):
        return None
    if systems := foreign_systems(distribution):
        return Absence(what=f"its classifiers name {systems} alone", hint="to have it checked, run tox on that system")
    root = outcome.missing.partition(".")[0]
    if root:
        return _absent_module(distribution, root)
    return _unconfigured(distribution, outcome) or _machine(distribution, outcome)


def foreign_systems(distribution: Distribution) -> str:
    """Return the systems that the classifiers name, when this one is not among them; otherwise nothing."""
    found = [each.split(" :: ", 1)[1] for each in distribution.classifiers if each.startswith("Operating System :: ")]
    here = {"linux": ("POSIX", "Unix"), "darwin": ("MacOS", "POSIX", "Unix"), "win32": ("Microsoft",)}
    names = here.get(sys.platform)
    if names is None or any(each.startswith((*names, "OS Independent")) for each in found):
        return ""
    return listed(found, 2)


def host_of(distribution: Distribution, root: str) -> str:
    """Return the host of the distribution, if that has this module or brings it; nothing for what is not a plugin."""
    hosts = [root, *(host for host, brought in _BROUGHT.items() if root in brought)]
    return next((host for host in hosts if _is_host(distribution, host)), "")


def _is_host(distribution: Distribution, root: str) -> bool:
    """Return whether the distribution is a plugin of the program or framework that has this module."""
    if not distribution.lacks_foreign(root) or distribution.requires_always(root):
        return False
    word = root.lower()
    named = {_NAMED.sub("", each) for each in _words(distribution.name, *distribution.top_levels)}
    is_framework = root in _FRAMEWORKS and word in named
    return word in _announced(distribution) or is_framework or _is_accelerator_of(distribution, word)


def _is_accelerator_of(distribution: Distribution, word: str) -> bool:
    """Return whether it is named after the program and holds nothing but private compiled modules, for that."""
    return (
        distribution.key.startswith(f"{word}-")
        and {*distribution.modules} == {*distribution.extensions}
        and all(name.startswith("_") for name in distribution.top_levels)
    )


def _announced(distribution: Distribution) -> set[str]:
    """Return the words of the frameworks in classifiers, and those of the groups of entry points."""
    frameworks = (each.split(" :: ")[1] for each in distribution.classifiers if each.startswith("Framework :: "))
    found = _words(*frameworks, *(point.group for point in distribution.plugins))
    return found | {each for group in distribution.plugins for each in re.findall(r"[a-z]+\d*", group.group.lower())}


def _words(*texts: str) -> set[str]:
    return {word for text in texts for word in _WORD.findall(text.lower())}


def _absent_module(distribution: Distribution, root: str) -> Absence | None:
    if root in _OPTIONAL_PARTS:
        return Absence(
            what=f"the Python of this machine was built without {root}",
            hint=f"to have it checked, use a Python with {root} (Debian has python3-tk and the like)",
        )
    host = host_of(distribution, root)
    if not host:
        return None
    return Absence(
        what=f"it is a plugin of {host}, which is not installed",
        hint=f"to have it checked, add {host} to deps of this environment",
    )


def _unconfigured(distribution: Distribution, raised: Raised) -> Absence | None:
    """Return that a framework was not set up, if the exception is one of the framework's."""
    root = raised.type_module.partition(".")[0]
    host = raised.dependency.partition(" (")[0]
    foreign = root != "builtins" and distribution.lacks_foreign(root)
    if not (foreign and _UNCONFIGURED.search(raised.type)) and not (host and _NEEDS_APPLICATION.search(raised.message)):
        return None
    return Absence(
        what=f"it needs an application of its host, {host or root}, which is not set up here",
        hint="to have it checked, set in set_env what the host reads (DJANGO_SETTINGS_MODULE for Django)",
    )


def _machine(distribution: Distribution, raised: Raised) -> Absence | None:
    library = missing_library(raised)
    if library and (raised.dependency or _OF_SYSTEM.match(library)):
        return Absence(
            what=f"this machine lacks the library {library}", hint=f"to have it checked, install {library} here"
        )
    if _DISPLAY.search(raised.message):
        return Absence(what="this machine has no display", hint="to have it checked, run tox below xvfb-run")
    own = _words(raised.message) & _words(*distribution.top_levels)
    bundled = "site-packages" in raised.message or (bool(own) and not _LIBRARY_FOLDER.search(raised.message))
    if raised.type in {"ImportError", "OSError", "RuntimeError"} and not bundled and _NO_LIBRARY.search(raised.message):
        return Absence(
            what="this machine lacks a library of the system", hint="to have it checked, install the library here"
        )
    return None


def missing_library(raised: Raised) -> str:
    """Return the shared library that the loader did not find; nothing if that is not the problem."""
    found = _LIBRARY.search(raised.message)
    return found["library"] if found else ""

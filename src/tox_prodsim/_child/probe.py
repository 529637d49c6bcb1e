"""Probe an environment from inside of it: what is installed, and whether modules and entry points load.

usage: PYTHON -I probe.py '{"nonce": "…", "limit_s": 60.0, "items": [{"kind": "load", "module": "acme", "attr": ""}]}'

One line ``tox-prodsim NONCE: {"begin": N}`` goes to stdout before item N and one ``tox-prodsim NONCE: {"end": N, …}``
after it, so that the end of this process, whatever brings it about, belongs to one item. Each has the ``pid`` of the
process that answers: an import may fork. The nonce tells an answer from what an import prints.

An item that takes longer than ``limit_s`` seconds ends the process with the stack of every thread on stderr; when all
together have taken ``budget_s`` seconds (null: no limit), the rest is left out. Runs on CPython 3.8 and newer.

With ``modules`` in place of ``items`` these are imported one after the other (``batch.py``). The next ``begin`` then
says that a module has loaded, and only one that has not is answered with an ``end``. The last line is ``{"left": N}``.
Such a request may stand in ``then`` of another one, with a nonce of its own: it is answered behind the items.

What is below a module that failed has failed for the same reason, and is not tried. An item that is to be ``watched``
is answered with its ``effects`` as well; what it prints stands between two such lines on stderr.
Modules that it names in ``after`` are imported before that, so that what they do is not seen.

It imports little before it loads things: code that says ``importlib.metadata`` after a mere ``import importlib`` works
only where somebody else imported the submodule, and that must not be us.
"""

from __future__ import annotations

import faulthandler
import importlib
import json
import os
import re
import site
import sys
import sysconfig
import time
import traceback
import warnings

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # which -I has left out
import batch
import effects
import owners

del sys.path[0], sys.modules["batch"], sys.modules["effects"], sys.modules["owners"]  # packages may have these names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from email.message import Message
    from importlib.metadata import Distribution
    from typing import Any, TypeGuard

_LONGEST_VERSION = 1000
LOST_OUTPUT = 71
"""Exit code when an import closed the file descriptor on which we answer."""

# those of inspect and types, which are not to be imported here
_CO_COROUTINE, _CO_GENERATORS = 0x80, 0x20 | 0x200
_FUNCTION: Any = type(lambda: None)
_METHOD: Any = type(effects.ImportWatch.begin.__get__(object()))

# bound now, because what is imported may replace or patch them
_write, _dumps, _exit, _now, _getpid = os.write, json.dumps, os._exit, time.monotonic, os.getpid


def main() -> None:
    """Answer the request in ``argv[1]``."""
    request = json.loads(sys.argv[1])
    sys.argv[:] = ["-c"]  # as `python -c "import x"` has it: nothing for an import to parse
    out, err = _private(1), _private(2)
    answer_to, note_to = Answers(out, request["nonce"]), Answers(err, request["nonce"])
    os.dup2(2, 1)  # imports may print, and close what they print to
    faulthandler.enable(file=err)
    if "modules" in request:
        batch.import_all(request, answer_to, _raised, err)
        _exit(0)
    watch = effects.ImportWatch(site_packages())
    failed: dict[str, dict[str, Any]] = {}
    began, me = _now(), _getpid()
    for number, item in enumerate(request["items"]):
        if request["budget_s"] is not None and _now() - began > request["budget_s"]:
            answer_to({"left": number})
            break
        answer_to.begin(number)
        faulthandler.dump_traceback_later(request["limit_s"], exit=True, file=err)
        answer = _watched(item, number, watch, note_to) if item.get("watched") else _answer(item, failed)
        if _getpid() != me:  # a fork of the import: the next line would wait for a thread that it lacks
            _exit(0)
        faulthandler.cancel_dump_traceback_later()
        answer_to({"end": number, **answer})
    if "then" in request:
        batch.import_all(request["then"], Answers(out, request["then"]["nonce"]), _raised, err)
    _exit(0)  # threads and atexit handlers of the imported must not keep the answers waiting


def _answer(item: dict[str, Any], failed: dict[str, dict[str, Any]]) -> dict[str, Any]:
    if item["kind"] == "survey":
        return survey(item["name"])
    above = next((bad for bad in failed if item["module"].startswith(bad + ".")), None)
    answer = failed[above] if above else load(item["module"], item["attr"], as_script=item.get("as_script", False))
    if answer["outcome"] == "raised" and not item["attr"]:
        failed[item["module"]] = answer
    return answer


def _watched(item: dict[str, Any], number: int, watch: effects.ImportWatch, note_to: Answers) -> dict[str, Any]:
    """Return what the import came to and what it did besides."""
    for name in item["after"]:
        try:
            importlib.import_module(name)
        except BaseException:  # only the module in question counts
            continue
    _flush()
    note_to({"begin": number})
    known = set(sys.modules)
    watch.begin()
    answer = load(item["module"], "")
    done = watch.end()
    _flush()
    note_to({"end": number})
    if answer["outcome"] == "loaded":
        answer["effects"] = done
        names: list[Any] = list(sys.modules)  # a package may put anything there
        loaded = [name for name in names if isinstance(name, str) and name not in known]
        answer["brought"] = list(filter(watch.is_installed, loaded))
    return answer


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:  # closed, or replaced by something else
            continue


def _private(number: int) -> int:
    """Return a duplicate of the descriptor, out of the way of those who close the low ones."""
    try:
        import fcntl  # not on Windows

        return fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 200)
    except (ImportError, OSError):  # OSError: RLIMIT_NOFILE is lower
        return os.dup(number)


class Answers:
    """Writes records to a file descriptor, one a line, each with the mark of the request and the pid."""

    def __init__(self, out: int, nonce: str) -> None:
        self._out = out
        self._mark = "tox-prodsim %s: " % nonce

    def __call__(self, record: dict[str, Any]) -> None:
        """Write one record; a process that cannot ends."""
        self._write(_dumps(dict(record, pid=_getpid())))

    def begin(self, number: int) -> None:
        """Write that an item begins."""
        self._write('{"begin": %d, "pid": %d}' % (number, _getpid()))

    def _write(self, record: str) -> None:
        data = (self._mark + record + "\n").encode()
        try:
            while data:
                data = data[_write(self._out, data) :]
        except OSError:
            _exit(LOST_OUTPUT)


def load(module: str, attr: str, *, as_script: bool = False) -> dict[str, Any]:
    """Return what importing the module and getting the attribute (none when empty) came to.

    A script of an installer says ``from module import attr``, which imports a module of that name as well.
    """
    try:
        loaded = target = importlib.import_module(module)
        for name in filter(None, attr.split(".")):
            if as_script and target is loaded and not hasattr(target, name) and hasattr(target, "__path__"):
                target = importlib.import_module(module + "." + name)
            else:
                target = getattr(target, name)
    except BaseException as problem:  # SystemExit and KeyboardInterrupt are failures too
        return _raised(problem, module)
    return {
        "outcome": "loaded",
        "elsewhere": _elsewhere(loaded),
        "version": _version(loaded),
        "callable": callable(target),
        "never_runs": _never_runs(target),
        "source": str(getattr(loaded, "__file__", None) or "").endswith(".py"),
    }


def _never_runs(target: Any) -> str:
    """Return what a call of the function makes without running its body; nothing if the call runs it."""
    function = target.__func__ if type(target) is _METHOD else target
    if type(function) is not _FUNCTION:
        return ""
    flags = function.__code__.co_flags
    return "coroutine" if flags & _CO_COROUTINE else "generator" if flags & _CO_GENERATORS else ""


def _elsewhere(module: Any) -> str:
    """Return where the module comes from when that is not site-packages; nothing when it is."""
    file = getattr(module, "__file__", None)
    paths = [file] if isinstance(file, str) else list(getattr(module, "__path__", None) or ())
    if not paths:
        return "the interpreter itself"
    roots = site_packages()
    inside = any(_is_inside(str(path), root) for path in paths for root in roots)
    return "" if inside else str(paths[0])


def _is_inside(path: str, root: str) -> bool:
    return os.path.realpath(path).startswith(root + os.sep)


def _version(module: Any) -> str:
    """Return ``__version__``, or nothing when it is absent or no text."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # reading it is deprecated in some packages
        try:
            version = getattr(module, "__version__", "")
        except BaseException:  # it may be computed
            return ""
    return version[:_LONGEST_VERSION] if isinstance(version, str) else ""


def _raised(problem: BaseException, module: str) -> dict[str, Any]:
    (file, line), deeper = _places(problem, module)
    return {
        "outcome": "raised",
        "type": type(problem).__name__,
        "type_module": str(type(problem).__module__),
        "message": _message(problem),
        "missing": _missing(problem),
        "filename": str(getattr(problem, "filename", None) or "") if isinstance(problem, OSError) else "",
        "file": file,
        "line": line,
        "dependency": _shown(*deeper) if deeper else "",
        "lacking": owners.owner(_lacking_file(problem), site_packages()),
    }


def _message(problem: BaseException) -> str:
    """Return the first line of what the exception says that is more than a rule of stars or the like."""
    try:
        text = str(problem).strip()
    except Exception:  # their __str__
        return "(its message cannot be read)"
    lines = text.splitlines()
    return next((line.strip() for line in lines if re.search(r"\w", line)), text[:1])[:300]


def _missing(problem: BaseException) -> str:
    """Return the module that was not found: here, or where "please install it" began.

    An exception of some package's own says so on purpose; most of the built-in ones are a mistake in the handler.
    """
    current: BaseException | None = problem
    while isinstance(current, (ImportError, RuntimeError, SystemExit)) or _is_own(current):
        if isinstance(current, ModuleNotFoundError) and current.name and isinstance(current.name, str):
            return current.name
        current = current.__cause__ or current.__context__
    return ""


def _is_own(problem: BaseException | None) -> TypeGuard[BaseException]:
    return problem is not None and type(problem).__module__ != "builtins"


def _places(problem: BaseException, module: str) -> tuple[tuple[str, int | None], tuple[str, int] | None]:
    """Return the innermost line of the project, and the innermost one of all if that is in another's code.

    Files are relative to site-packages. Without a line of the project the first is the innermost one, or nothing.
    """
    frames = _frames(problem)
    own = [place for place in frames if place[0].startswith(_own_prefixes(module, [file for file, _ in frames]))]
    if not own:
        return (frames[0] if frames else ("", None)), None
    return own[0], None if own[0] is frames[0] else frames[0]


def _frames(problem: BaseException) -> list[tuple[str, int]]:
    """Return the files, relative to site-packages, and lines through which the exception came, innermost first."""
    frames = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(problem.__traceback__)]
    if isinstance(problem, SyntaxError) and problem.filename:
        frames.append((str(problem.filename), problem.lineno if isinstance(problem.lineno, int) else 0))
    roots = site_packages()
    return [
        (os.path.relpath(os.path.realpath(file), root).replace(os.sep, "/"), line)
        for file, line in reversed(frames)
        for root in roots
        if _is_inside(file, root)
    ]


def _own_prefixes(module: str, files: list[str]) -> tuple[str, str]:
    """Return how the files of the module's distribution begin: with its first part that has a file of its own."""
    parts, above = module.split("."), ""
    for part in parts:
        above = above + "/" + part if above else part
        loaded = sys.modules.get(above.replace("/", "."))
        if getattr(loaded, "__file__", None) or above + "/__init__.py" in files or above + ".py" in files:
            break
    return above + "/", above + "."


def _shown(file: str, line: int) -> str:
    """Return the place with the distribution that it is in: ``werkzeug 3.0.1 (werkzeug/urls.py:12)``."""
    roots = site_packages()
    owner = next(filter(None, (owners.owner(os.path.join(root, file), roots) for root in roots)), "")
    place = "%s:%d" % (file, line)
    return "%s (%s)" % (owner, place) if owner else place


def _lacking_file(problem: BaseException) -> str:
    """Return the file of the module that lacks a name or a submodule; nothing if that is not the problem."""
    name = ""
    if isinstance(problem, ModuleNotFoundError):
        name = str(problem.name or "").rpartition(".")[0]
    elif isinstance(problem, ImportError):
        return str(problem.path or "") if str(problem).startswith("cannot import name") else ""
    elif isinstance(problem, AttributeError):
        found = re.match(r"module '([\w.]+)' has no attribute", _message(problem))
        name = found.group(1) if found else ""
    file = getattr(sys.modules.get(name), "__file__", None)
    return file if isinstance(file, str) else ""


def site_packages() -> list[str]:
    """Return the folders into which installers put packages in this environment."""
    paths = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), *site.getsitepackages()]
    return sorted({os.path.realpath(path) for path in paths})


def survey(name: str) -> dict[str, Any]:
    """Return the marker environment, what is installed, and how the distribution of that name is."""
    from importlib import metadata  # see the module's docstring

    found = []
    for distribution in metadata.distributions():
        try:
            record = _distribution(distribution)
            if _canonical(record["name"]) == _canonical(name):
                record["editable"] = _editable(distribution)
        except Exception:  # what is left of a broken uninstall names nothing
            continue
        found.append(record)
    return {
        "outcome": "surveyed",
        "environment": marker_environment(),
        "distributions": found,
        "stdlib": sorted(getattr(sys, "stdlib_module_names", ())),
    }


def _distribution(distribution: Distribution) -> dict[str, Any]:
    try:
        name, version, requires = distribution.metadata["Name"], distribution.version, distribution.requires
    except UnicodeDecodeError:
        fields = _decoded(distribution)
        name, version, requires = fields["Name"], fields["Version"], fields.get_all("Requires-Dist")
    return {
        "name": str(name),
        "version": str(version),
        "requires": [] if _is_of_the_interpreter(distribution) else list(requires or ()),
        "editable": "",
        "tops": _tops(distribution),
    }


def _is_of_the_interpreter(distribution: Distribution) -> bool:
    """Return whether it lies in the standard library: PyPy brings cffi and hpy, without what they require."""
    folder = os.path.realpath(str(distribution.locate_file("")))
    return folder in {os.path.realpath(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")}


def _decoded(distribution: Distribution) -> Message:
    """Return METADATA that is not UTF-8, with marks in place of what cannot be decoded."""
    import email

    folder = str(getattr(distribution, "_path", ""))  # there is no public name for it
    with open(os.path.join(folder, "METADATA"), encoding="utf-8", errors="replace") as file:
        return email.message_from_file(file)


def _tops(distribution: Distribution) -> list[str]:
    """Return the names that the distribution adds to what can be imported."""
    record = distribution.read_text("RECORD")
    if record is None:
        return (distribution.read_text("top_level.txt") or "").split()
    paths = {line.partition(",")[0] for line in record.splitlines()}
    heads = {path.partition("/")[0] if "/" in path else _module_name(path) for path in paths}
    return sorted(head for head in heads if head.isidentifier() and head != "__pycache__")


def _module_name(path: str) -> str:
    """Return the name of the module that a file beside the packages holds; nothing when it holds none."""
    return path.partition(".")[0] if path.endswith((".py", ".so", ".pyd")) else ""


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _editable(distribution: Distribution) -> str:
    """Return what shows that the code is not in site-packages but in a working tree; nothing when it is installed."""
    direct = json.loads(distribution.read_text("direct_url.json") or "{}")
    if direct.get("dir_info", {}).get("editable"):
        return "direct_url.json says editable: " + str(direct.get("url", ""))
    place = os.path.realpath(str(distribution.locate_file("")))
    if place not in site_packages():
        return "it is used from " + place
    for name in _pth_files(distribution):
        with open(str(distribution.locate_file(name)), encoding="utf-8", errors="replace") as pth:
            text = pth.read()
        if "editable" in name + text or any(map(_leads_away, text.splitlines())):
            return name + ": " + text.strip().splitlines()[0][:100]
    return ""


def _pth_files(distribution: Distribution) -> list[str]:
    """Return its .pth files; ``files`` raises an exception for a line that lacks the quotes of a name with a comma."""
    lines = (distribution.read_text("RECORD") or "").splitlines()
    names = (line.rsplit(",", 2)[0].strip('"') for line in lines)
    return [name for name in names if name.endswith(".pth") and "/" not in name]


def _leads_away(line: str) -> bool:
    """Return whether the line of a .pth file adds a folder outside of site-packages."""
    path = os.path.realpath(line.strip())
    inside = any((path + os.sep).startswith(root + os.sep) for root in site_packages())
    return os.path.isabs(line.strip()) and os.path.isdir(path) and not inside


def marker_environment() -> dict[str, str]:
    """Return the variables of PEP 508 as ``packaging.markers.default_environment`` would in this Python."""
    import platform  # see the module's docstring

    implementation = sys.implementation.version
    version = ".".join(map(str, implementation[:3]))
    if implementation.releaselevel != "final":
        version += implementation.releaselevel[0] + str(implementation.serial)
    full = platform.python_version()
    return {
        "implementation_name": sys.implementation.name,
        "implementation_version": version,
        "os_name": os.name,
        "platform_machine": platform.machine(),
        "platform_release": platform.release(),
        "platform_system": platform.system(),
        "platform_version": platform.version(),
        "python_full_version": full + "local" if full.endswith("+") else full,
        "platform_python_implementation": platform.python_implementation(),
        "python_version": ".".join(platform.python_version_tuple()[:2]),
        "sys_platform": sys.platform,
    }


if __name__ == "__main__":
    main()

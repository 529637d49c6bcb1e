"""Where the sources of the packages of a wheel are, in an sdist or in a repository."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import PurePosixPath

from tox_prodsim.checks.artifact.wheel import Wheel


def package_folders(files: Collection[str], wheel: Wheel) -> Mapping[str, str]:
    """Return the folder of each package of the wheel: its installed path, and that among the ``files``."""
    paths = (name.replace(".", "/") for name in wheel.top_levels)
    return _found(files, wheel, {path: (f"{path}/__init__.py", f"{path}/__init__.pyi") for path in paths})


def all_folders(files: Collection[str], wheel: Wheel) -> Mapping[str, str]:
    """Return the same, with the folders of modules that are in no package but in a namespace."""
    spaces: dict[str, tuple[str, ...]] = {}
    for name in wheel.top_levels:
        module = f"{name.replace('.', '/')}.py"
        if "." in name and module in wheel.files:
            folder = str(PurePosixPath(module).parent)
            spaces[folder] = (*spaces.get(folder, ()), module)
    return {**_found(files, wheel, spaces), **package_folders(files, wheel)}


def _found(files: Collection[str], wheel: Wheel, modules: Mapping[str, tuple[str, ...]]) -> Mapping[str, str]:
    """Return the folders that hold one of the modules of each path, and most of what the wheel has there."""
    installed, sources, found = set(wheel.files), set(files), {}
    for path, tails in modules.items():
        folders = sorted(set(_folders(sources, tails)), key=lambda each: (each.count("/"), each))
        fitting = [each for each in folders if _is_source(each, path, sources, installed)]
        if fitting:
            found[path] = fitting[0]
    return found


def _folders(sources: Collection[str], tails: tuple[str, ...]) -> Iterator[str]:
    for file in sources:
        if any(file == tail or file.endswith(f"/{tail}") for tail in tails):
            yield str(PurePosixPath(file).parent)


def _is_source(folder: str, path: str, sources: set[str], installed: set[str]) -> bool:
    """Return whether most modules of the package come from this folder; another one may have its name."""
    own = [file for file in installed if file.startswith(f"{path}/") and file.endswith(".py")]
    return 2 * sum(f"{folder}{file.removeprefix(path)}" in sources for file in own) > len(own)

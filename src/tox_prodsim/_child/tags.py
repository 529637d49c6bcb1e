"""Prints the tags of the wheels that this interpreter takes, best first, as a JSON list.

``python -I tags.py FOLDER``: the folder is that of the package ``packaging`` of tox's environment; nothing but its own
modules is imported from there. It may be too new for this interpreter: then its implementation, version and ABI are
printed, as a JSON object.
"""

import importlib
import importlib.util
import json
import os
import sys
import sysconfig


def main() -> None:
    """Load ``packaging`` from the folder, and print."""
    try:
        answer = _tags(sys.argv[1])
    except (SyntaxError, ImportError, AttributeError):
        suffix = (sysconfig.get_config_var("EXT_SUFFIX") or "").split(".")
        answer = {
            "implementation": sys.implementation.name,
            "version": list(sys.version_info[:2]),
            "abi": suffix[1] if len(suffix) > 2 else "",
        }
    print(json.dumps(answer))


def _tags(folder: str) -> object:
    path = os.path.join(folder, "__init__.py")
    spec = importlib.util.spec_from_file_location("packaging", path, submodule_search_locations=[folder])
    if spec is None or spec.loader is None:
        raise ImportError(folder)
    package = importlib.util.module_from_spec(spec)
    sys.modules["packaging"] = package
    spec.loader.exec_module(package)
    return [str(tag) for tag in importlib.import_module("packaging.tags").sys_tags()]


if __name__ == "__main__":
    main()

"""A source tree with a build back end of its own, whose sdist holds what a manifest says."""

from __future__ import annotations

from support.project import Project

BACKEND = '''\
"""A build back end without dependencies; build_wheel keeps a folder build/ in the source tree, as setuptools does."""
import io, pathlib, shutil, tarfile, zipfile

METADATA = "Metadata-Version: 2.1\\nName: acme\\nVersion: 1.0\\nRequires-Python: >=3.9\\n"

def build_sdist(sdist_directory, config_settings=None):
    with tarfile.open(pathlib.Path(sdist_directory, "acme-1.0.tar.gz"), "w:gz") as archive:
        for name in pathlib.Path("manifest.txt").read_text().split():
            archive.add(name, "acme-1.0/" + name)
        member = tarfile.TarInfo("acme-1.0/PKG-INFO")
        member.size = len(METADATA)
        archive.addfile(member, io.BytesIO(METADATA.encode()))
    return "acme-1.0.tar.gz"

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    name = "acme-1.0-py3-none-any.whl"
    built = pathlib.Path("build/acme")
    shutil.copytree("acme", built, dirs_exist_ok=True)
    with zipfile.ZipFile(pathlib.Path(wheel_directory, name), "w") as archive:
        for path in sorted(built.glob("*.py")):
            archive.write(path, "acme/" + path.name)
        info = "acme-1.0.dist-info/"
        archive.writestr(info + "METADATA", METADATA)
        archive.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        archive.writestr(info + "RECORD", "".join(member + ",,\\n" for member in archive.namelist()))
    return name
'''
PYPROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "acme"
version = "1.0"
requires-python = ">=3.9"
"""
CONFIG = "[testenv:prodsim]\nignore = PRF, WHL\n"


def source(project: Project, *, manifest: str = "", **modules: str) -> None:
    """Write a source tree whose sdist has the files of the manifest (all of them when it is empty)."""
    files = {f"acme/{name}.py": text for name, text in {"__init__": "", **modules}.items()}
    for name, text in {**files, "backend.py": BACKEND, "pyproject.toml": PYPROJECT, "tox.ini": CONFIG}.items():
        project.write(name, text)
    project.write("manifest.txt", manifest or " ".join(["backend.py", "pyproject.toml", "manifest.txt", *files]))

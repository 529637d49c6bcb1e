"""Compile little extension modules, sound ones and broken ones; a test is skipped where nothing can be compiled."""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

_SOURCE = """\
%(top)s
/* the stable ABI, without its header: that takes most of the time, and need not be there */
struct definition {
    long references; void *type, *init; long index; void *copy;
    const char *name, *doc; long size; void *methods, *slots, *traverse, *clear, *free;
};
static struct definition definition = {1, 0, 0, 0, 0, "acme", 0, -1};
extern void *PyModule_Create2(struct definition *, int);
void *PyInit_%(name)s(void) { %(body)s; return PyModule_Create2(&definition, 3); }
"""


def extension(name: str, *flags: str, top: str = "", body: str = "") -> bytes:
    """Return the file of a module for any CPython with a GIL; ``PyInit_`` runs ``body``, ``top`` stands before it."""
    return library(_SOURCE % {"name": name, "top": top, "body": body}, *flags)


@functools.cache
def library(source: str, *flags: str) -> bytes:
    """Return the shared library of a source in C, in which the linker puts off what it can."""
    compiler = shutil.which("gcc")
    if sys.platform != "linux" or compiler is None:
        pytest.skip("needs Linux and gcc")
    with tempfile.TemporaryDirectory() as folder:
        source_file, built = Path(folder, "source.c"), Path(folder, "built.so")
        source_file.write_text(source)
        link = ["-shared", "-fPIC", "-O0", "-fno-builtin", "-Wl,-z,noexecstack,-z,lazy", "-o", built, source_file]
        subprocess.run([compiler, *link, *flags], check=True, capture_output=True)
        return built.read_bytes()

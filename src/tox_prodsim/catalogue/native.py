"""EXT: the compiled part of a wheel, and whether Python can load it."""

from __future__ import annotations

from tox_prodsim.catalogue.check import Check
from tox_prodsim.model.findings import Level

CHECKS = (
    Check(
        code="EXT401",
        level=Level.ERROR,
        title="a wheel that fits every machine holds compiled code",
        why=(
            "Installers choose by the tag. With none-any a wheel built for one system is installed on all others, "
            "where the import fails. PyPI takes only one such wheel, so the right ones are never chosen."
        ),
        example=(
            "FAIL EXT401 acme/_speedups.cpython-311-x86_64-linux-gnu.so: is compiled, but the tag py3-none-any lets "
            "every machine install the wheel"
        ),
        causes=(
            "the file was built in place and shipped as package data, so that the build back end knows no extension",
            "the wheel was retagged by hand, or a build hook of hatchling does not set pure_python and tag",
        ),
        solution=(
            "declare the extension to the build back end, or let the build hook set the tag",
            "leave *.so and *.pyd out of the package data",
        ),
        exception=(
            "a warning when it is not an extension module; a note when the binaries are for several systems, among "
            "which the package may choose"
        ),
    ),
    Check(
        code="EXT402",
        level=Level.ERROR,
        title="no Python for which the wheel is meant can load an extension module of it",
        why=(
            "The name of an extension module says which Python loads it: the others do not even see the file. A "
            "wheel for CPython 3.11 with a file for CPython 3.9 installs well and has no such module. The same holds "
            "for a file of another system or processor than the tag says."
        ),
        example=(
            "FAIL EXT402 acme/_speedups.cpython-39-x86_64-linux-gnu.so: has a name that CPython 3.9 alone loads, but "
            "the wheel says cp311-cp311"
        ),
        causes=(
            "a file of an earlier build in the source tree (build_ext --inplace) was shipped as package data",
            "the tag says abi3, but the extension was built without Py_LIMITED_API and py_limited_api",
            "the wheel was retagged, or cross-compiled with the suffix of the build machine's Python",
        ),
        solution=(
            "clean the source tree ('git clean -xn' lists what would go) and build in a fresh environment",
            "for abi3 set py_limited_api=True of the Extension, besides the tag",
        ),
        exception="a warning when the wheel has another file of the same module that can be loaded",
    ),
    Check(
        code="EXT403",
        level=Level.WARNING,
        title="nothing is compiled, although something was meant to be",
        why=(
            "Many projects let an extension be optional: when the compiler fails, the build continues and succeeds. "
            "The wheel then is a slow one, or lacks a part, and every test passes by way of the fallback. With a "
            "compiler that always fails, PyYAML and tornado still make a wheel for one platform, and markupsafe one "
            "for all."
        ),
        example=(
            "WARN EXT403 acme-1.0-cp311-cp311-linux_x86_64.whl: has the tag of one platform, but nothing in it is "
            "compiled: compilation probably failed silently"
        ),
        causes=(
            "the build machine has no compiler, or lacks Python.h or another header",
            "an exception of the compiler is caught in setup.py",
            "a variable that switches the extension off is set in CI",
            "a build script (build.py) that compiles nothing gives the wheel the tag of one platform",
        ),
        solution=(
            "name what must be there: extensions = acme._speedups",
            "read the output of the build for 'error: command' and 'Failed to build'",
            "let the build fail where CI makes the release: a variable that makes the extension compulsory",
        ),
        exception="a note when the wheel is for any Python of one platform: it may be about data",
    ),
    Check(
        code="EXT404",
        level=Level.ERROR,
        exception="a note with --prodsim-update-baseline, when only the baseline asks for it",
        title="an extension module that must be there is not in the wheel",
        why=(
            "The key 'extensions' or the accepted release says that this module is compiled. It is not, so users get "
            "the fallback written in Python, or an ImportError. A build whose compiler fails may still succeed: "
            "markupsafe built with CC=/bin/false installs, imports and passes every test, several times slower."
        ),
        example="FAIL EXT404 acme._speedups: is not in the wheel, but extensions names it as compiled",
        causes=(
            "the compiler failed, and the extension is optional",
            "the module was renamed or moved, and the key 'extensions' was not",
        ),
        solution=(
            "read the output of the build: it shows why nothing was compiled",
            "correct the names in 'extensions': dotted, as they are imported",
            "one that is gone on purpose: accept that with --prodsim-update-baseline",
        ),
    ),
    Check(
        code="EXT405",
        level=Level.ERROR,
        title="an extension module does not load",
        why=(
            "'try: from ._speedups import x; except ImportError:' hides every reason why a compiled module fails: a "
            "missing symbol or library, a wrong version of NumPy. The package imports, and the extension is silently "
            "unused. So each one is loaded directly."
        ),
        example=(
            "FAIL EXT405 acme._speedups: does not load: ImportError: /srv/env/lib/python3.11/site-packages/acme/"
            "_speedups.cpython-311-x86_64-linux-gnu.so: undefined symbol: acme_init"
        ),
        causes=(
            "a source file is missing from the list of sources, so that its functions are undefined",
            "a native library was found while linking (in a build folder, say) and is not where production runs",
            "it was compiled against another version of NumPy or of another C API than is installed",
            "the code crashes while the module is made",
        ),
        solution=(
            "repeat it by hand: python -X faulthandler -I -c 'import acme._speedups'",
            "look at its libraries: ldd path/to/_speedups.so",
            "let 'auditwheel repair' put libraries into the wheel",
        ),
        exception=(
            "a note when it lacks what may be optional (a distribution, a library of the system), is for another "
            "Python, or loads and then raises; an error all the same if 'extensions' names the module"
        ),
    ),
    Check(
        code="EXT406",
        level=Level.WARNING,
        title="an extension module has a symbol that nothing defines",
        why=(
            "Python looks up every symbol of a module when it is imported, unless sys.setdlopenflags asks for less. "
            "Then the first call of a function that is nowhere ends the process: no exception, no traceback, exit "
            "code 127, perhaps weeks after the start. LD_BIND_NOW=1, with which the module was loaded here, shows "
            "that at once."
        ),
        example=(
            "WARN EXT406 acme._speedups: loads, but not all of its symbols resolve: ImportError: /srv/env/lib/"
            "python3.11/site-packages/acme/_speedups.cpython-311-x86_64-linux-gnu.so: undefined symbol: acme_flush"
        ),
        causes=(
            "a source file or a library is missing from the link, and RTLD_LAZY hides it",
            "it was linked against a newer version of a library than the one that is loaded",
        ),
        solution=(
            "link with -Wl,-z,defs, which makes an undefined symbol an error of the build",
            "leave RTLD_LAZY out, or link with -Wl,-z,now: what is missing then shows with the import",
        ),
    ),
    Check(
        code="EXT410",
        level=Level.WARNING,
        title="a binary looks for its libraries in a folder of the machine that built it",
        why=(
            "The loader asks that folder first, on every machine. Mostly it is not there. But anyone who can create "
            "it can have their library loaded into your users' processes. A build that needs the folder works on the "
            "build machine alone."
        ),
        example=(
            "WARN EXT410 acme/_speedups.cpython-311-x86_64-linux-gnu.so: looks for its libraries in "
            "/home/me/.pyenv/versions/3.11.7/lib first"
        ),
        causes=(
            "the Python that built it has the RPATH in its LDFLAGS, as those of pyenv and conda do",
            "runtime_library_dirs or -Wl,-rpath names a build folder",
        ),
        solution=(
            "build releases with cibuildwheel, or in the image of the manylinux project",
            "use $ORIGIN for libraries inside of the wheel; remove the rest: patchelf --remove-rpath",
        ),
        exception=(
            "a note when only an administrator can write the folder, such as /opt; a note for a wheel that is not "
            "for the index (linux_x86_64)"
        ),
    ),
    Check(
        code="EXT411",
        level=Level.NOTE,
        title="the binaries hold much debug information",
        why=(
            "Every user downloads it and few use it. It is often four fifths of a binary. Some projects ship it on "
            "purpose, for readable stacks of native crashes."
        ),
        example=(
            "NOTE EXT411 acme/_speedups.cpython-311-x86_64-linux-gnu.so: 11.7 MB of 13.6 MB are debug information"
        ),
        causes=("Python's own CFLAGS have -g, which every extension inherits",),
        solution=("link with -Wl,--strip-debug, set CFLAGS=-g0, or let 'auditwheel repair --strip' do it",),
    ),
    Check(
        code="EXT412",
        level=Level.WARNING,
        title="an extension module exports names of the C library",
        why=(
            "If two functions have one name, the loader takes the one it finds first, for every caller. Then the "
            "order of loading decides whether 'log' is that of the mathematics or your own. Memory may be allocated "
            "by one malloc and freed by another."
        ),
        example="WARN EXT412 acme/_speedups.abi3.so: exports free, malloc of the C library",
        causes=(
            "a helper function that is called log, open or read is not static",
            "an allocator or a C library was linked in statically, with all of its symbols visible",
        ),
        solution=(
            "make what is not for others static, or compile with -fvisibility=hidden",
            "link with -Wl,--exclude-libs,ALL, which hides what comes from static libraries",
        ),
    ),
    Check(
        code="EXT413",
        level=Level.WARNING,
        title="a binary wants an executable stack",
        why=(
            "With it the stack of the whole process can be executed, which makes attacks easy. SELinux forbids it, "
            "and from glibc 2.41 on such a library cannot be loaded into a running Python at all."
        ),
        example=(
            "WARN EXT413 acme/_speedups.abi3.so: asks for an executable stack, which glibc 2.41 and newer and hardened "
            "systems refuse"
        ),
        causes=(
            "an assembler file has no section .note.GNU-stack, and the linker assumes the worst",
            "nested functions of GNU C, whose address is taken",
        ),
        solution=(
            "link with -Wl,-z,noexecstack when nothing runs on the stack",
            'put this at the end of assembler files: .section .note.GNU-stack,"",@progbits',
        ),
    ),
    Check(
        code="EXT414",
        level=Level.WARNING,
        title="importing the extension module enables the GIL of a free-threaded Python",
        why=(
            "The first module that does not declare that it works without the GIL enables it for the whole process. "
            "Then the threads of all modules run one at a time."
        ),
        example="WARN EXT414 acme._speedups: importing it re-enables the GIL",
        causes=("the module does not declare Py_mod_gil (nor its generator: freethreading_compatible of Cython)",),
        solution=(
            "declare Py_MOD_GIL_NOT_USED once its state is safe to share between threads",
            "build no wheel for cp313t and the like before that",
        ),
        no_project="It takes a free-threaded Python, such as python3.13t, and such a Python is on few machines.",
    ),
    Check(
        code="EXT415",
        level=Level.ERROR,
        title="an extension module lacks the function by which Python makes it",
        why=(
            "Python calls PyInit_ and the last part of the module's name. The file makes a module, but exports no "
            "function of that name, so every import of it fails. 'except ImportError' hides that."
        ),
        example=(
            "FAIL EXT415 acme/_speedups.abi3.so: exports no PyInit__speedups, so that it cannot be imported as "
            "acme._speedups"
        ),
        causes=(
            "the file or the Extension was renamed, and PyMODINIT_FUNC PyInit_... was not",
            "the function is static, or hidden: compiled with -fvisibility=hidden and without PyMODINIT_FUNC",
        ),
        solution=(
            "name both alike, and let PyMODINIT_FUNC declare the function",
            "see what is exported: nm -D --defined-only path/to/_speedups.so",
        ),
    ),
    Check(
        code="EXT420",
        level=Level.NOTE,
        title="PyPI does not take the platform tag of the wheel",
        why=(
            "linux_x86_64 promises nothing about the libraries it needs, so PyPI refuses such a wheel. A local build "
            "is right to have this tag; the file that is uploaded needs another one."
        ),
        example="NOTE EXT420 acme-1.0-cp311-cp311-linux_x86_64.whl: PyPI does not take the platform tag linux_x86_64",
        causes=("the wheel was built on this machine, and not repaired",),
        solution=(
            "build with cibuildwheel, or run 'auditwheel repair' in the image of the manylinux project",
            "test the file that will be uploaded: tox run -e prodsim --installpkg wheelhouse/acme-1.0-....whl",
        ),
    ),
    Check(
        code="EXT421",
        level=Level.ERROR,
        title="a binary needs a newer glibc than the tag of the wheel promises",
        why=(
            "manylinux2014 says: runs with glibc 2.17 and newer. Installers believe it. On a system between the two "
            "versions the wheel installs, and the import fails: version `GLIBC_2.34' not found."
        ),
        example=(
            "FAIL EXT421 acme/_speedups.abi3.so: needs glibc 2.34, but the wheel's tag manylinux2014_x86_64 promises "
            "less"
        ),
        causes=(
            "the wheel was built on a recent system and given the tag by hand (--plat-name, 'wheel tags')",
            "a library was copied into the wheel from a newer system than that of the build",
        ),
        solution=(
            "build in the image of that tag, or let 'auditwheel repair' choose the tag",
            "see what needs it: objdump -T path/to/_speedups.so | grep GLIBC_2.34",
        ),
        exception="a note when it is a program, which Python does not load",
    ),
)

"""RUN620 to RUN623, RUN625 and RUN626: what a deployment leaves behind."""

from __future__ import annotations

from tox_prodsim.catalogue.check import Check
from tox_prodsim.model.findings import Level

CHECKS = (
    Check(
        code="RUN620",
        level=Level.ERROR,
        title="processes were left behind after it had ended",
        why=(
            "The main process was gone, others that it had started were not. In production they hold ports, locks "
            "and memory, and the next start meets them. They have been ended. The finding names them."
        ),
        example=(
            "FAIL RUN620 app.py: left 1 process running: pid 5127 python -m acme.worker (listens on 127.0.0.1:9000)"
        ),
        causes=(
            "worker processes are started and never joined or terminated",
            "a helper was put into the background on purpose, in a session of its own",
            "the parent crashed and could not tell its workers",
            "the stop signal went to the main process alone, as docker stop does, and that was a shell without exec",
        ),
        solution=(
            "end what you start: a 'with' block for pools and Popen, terminate() and wait() in a 'finally:'",
            "on Linux a worker can ask to go with its parent: prctl(PR_SET_PDEATHSIG)",
        ),
    ),
    Check(
        code="RUN621",
        level=Level.ERROR,
        title="a process that was left behind still listens",
        why=(
            "The service has stopped, but its address is still in use. The next start finds it taken, or the old "
            "process answers the requests that are meant for the new release. Here the process was killed, which "
            "freed the address. In production nothing kills it."
        ),
        example=("FAIL RUN621 app.py: left 1 address in use: 127.0.0.1:9000 (pid 5127 python -m acme.worker)"),
        causes=(
            "the socket is inherited: a worker holds what its parent bound, and outlives the parent",
            "a helper has a port of its own (metrics, a debugger), and does not end with it",
            "the main process is a launcher that ends at once; the real server runs on",
        ),
        solution=(
            "end every process that listens before the parent returns",
            "do not hand the socket on: sockets are not inheritable unless asked for",
            "start the server itself, in the foreground, and not its launcher",
        ),
    ),
    Check(
        code="RUN622",
        level=Level.WARNING,
        exception="a note when all that was left are empty lock files, which may be meant to stay",
        title="files were left that only a running process needs",
        why=(
            "Files that are left in TMPDIR add up with every start until the disk is full. A stale pid file or "
            "socket prevents the next start, or makes a script stop another process. TMPDIR was private to this run, "
            "and all that is new in it counts. In the working folder only pid files, lock files, sockets and named "
            "pipes count, because a database or a report there is meant to stay."
        ),
        example=(
            "WARN RUN622 uvicorn: left 2 files behind: app.pid (pid file in the working folder); tmpx8rq2k1c (folder "
            "in TMPDIR with 3 files, 12.4 kB)"
        ),
        causes=(
            "tempfile.mkdtemp() or mkstemp() without anybody who removes it",
            "the program is ended by the signal itself, so that no 'finally:' and no atexit runs",
            "a temporary file is kept for a child that never comes to remove it",
        ),
        solution=(
            "use 'with tempfile.TemporaryDirectory()', and turn the stop signal into an orderly end",
            "a cache belongs below XDG_CACHE_HOME, not into TMPDIR",
            "accept what is meant: allow_leaks = files:*.lock",
        ),
    ),
    Check(
        code="RUN623",
        level=Level.WARNING,
        title="something was not closed, or a coroutine was never awaited",
        why=(
            "Python closes a forgotten file, socket, loop or temporary folder when it happens to find it: late, in "
            "another order, on PyPy perhaps never. A service that leaks one a request runs out of file descriptors. A "
            "coroutine that is not awaited did not run at all: what it should have done was not done. The run asks "
            "Python to say so (PYTHONWARNINGS=default::ResourceWarning, before filters of your own)."
        ),
        example=(
            "WARN RUN623 app.py: 1 thing was not closed or awaited: ResourceWarning: unclosed file "
            "<_io.TextIOWrapper name='rows.csv' mode='r' encoding='UTF-8'> (export.py:14)"
        ),
        causes=(
            "open() or socket() without 'with', on a way out that an exception takes",
            "a session, a pool or an event loop that is made at import and never closed",
            "a call of an 'async def' without 'await'",
        ),
        solution=(
            "close it in a 'with' block, or register it with contextlib.ExitStack",
            "find where it was made: PYTHONTRACEMALLOC=10 in set_env",
            "accept what a library does: allow_leaks = warnings:unclosed transport",
        ),
    ),
    Check(
        code="RUN625",
        level=Level.WARNING,
        title="shared memory or semaphores were left",
        why=(
            "They belong to the machine, not to a process, and stay until they are removed. A worker that leaks 1 GB "
            "at each restart fills the memory of the machine in a day. /dev/shm and the table of System V are "
            "compared with what they held before. What a living process still holds is not counted, nor what another "
            "user made."
        ),
        example=(
            "WARN RUN625 app.py: left 1 piece of shared memory: psm_d20cd606 (shared memory, 10 bytes, made by this "
            "user during the run)"
        ),
        causes=(
            "SharedMemory.close() without unlink(): close lets go of it, only unlink removes it",
            "the process that should unlink it was ended by a signal",
            "the resource tracker was told to forget it (track=False), or it was made in C",
        ),
        solution=(
            "unlink in the process that created it, in a 'finally:' block",
            "use multiprocessing.managers.SharedMemoryManager, which unlinks at its end",
            "another program of the same user made it: allow_leaks = shared_memory:psm_*",
        ),
    ),
    Check(
        code="RUN626",
        level=Level.WARNING,
        title="a task was abandoned, or an exception was not handled",
        why=(
            "A task that is never awaited ends in the middle when the loop closes, and only the log has its "
            "exception. The same holds for an exception in a thread or in __del__. That thread is dead, the process "
            "goes on with one worker less, and the exit code stays 0."
        ),
        example=("WARN RUN626 app.py: 1 task was never awaited: task Task-7 (destroyed while pending, jobs.py:31)"),
        causes=(
            "asyncio.create_task() without anybody who keeps and awaits the result",
            "the loop is closed while tasks are waiting: loop.stop(), or run_until_complete() of one of them",
            "a thread's target raises; Thread.join() does not pass that on",
            "__del__ uses what the interpreter has already taken down",
        ),
        solution=(
            "use asyncio.TaskGroup, or cancel what is left and await it",
            "use concurrent.futures: result() raises what the worker raised",
            "accept it: allow_leaks = tasks, and for exceptions allow_leaks = warnings:BrokenPipeError",
        ),
    ),
)

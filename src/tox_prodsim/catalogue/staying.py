"""RUN645 to RUN647: a service that was ready, and does not stay well while it is up."""

from __future__ import annotations

from tox_prodsim.catalogue.check import Check
from tox_prodsim.model.findings import Level

CHECKS = (
    Check(
        code="RUN645",
        level=Level.ERROR,
        title="a service lost its readiness",
        why=(
            "The probes are asked again while 'commands' run, and once before the stop. They are asked every second "
            "at first. After each good answer the pause grows by a fifth, up to ten seconds. Three wrong answers in "
            "a row, a second apart, are a loss, as with the failureThreshold of Kubernetes. An answer over HTTP may "
            "take ten seconds (or its own 'timeout', if that is longer): a slow answer under load is not a loss."
        ),
        example=(
            "FAIL RUN645 uvicorn: lost its readiness at 4.21 s, until the stop: http://127.0.0.1:8000/health said "
            "'http 503', 3 times in a row"
        ),
        causes=(
            "the smoke commands exhausted a pool of connections, threads or workers",
            "a request blocks the only worker, or the event loop, for longer than ten seconds",
            "a connection to a database or a broker was lost, and is not opened again",
            "a worker ended, and no other one took its place",
        ),
        solution=(
            "read the log of the service at that time",
            "give blocking work its own threads or workers",
            "ignore RUN645 where the commands make the service unready on purpose",
        ),
    ),
    Check(
        code="RUN646",
        level=Level.ERROR,
        title="a child of the service crashed",
        why=(
            "A master that starts its workers again hides that they crash: its port stays open and its probes are "
            "satisfied. A crash is an end by a signal such as SIGSEGV or SIGABRT, or SIGKILL to a worker. The third "
            "bad exit code of a program with the same parent is a crash as well. The signals by which a master ends "
            "its workers (SIGTERM, SIGINT, SIGQUIT, SIGHUP) and exit code 0 are not crashes. A worker that was "
            "killed and not replaced, and the third bad exit of a program other than the parent's own or Python, are "
            "warnings."
        ),
        example=(
            "FAIL RUN646 gunicorn: 1 child of gunicorn (pid 4711) crashed and was started again: gunicorn "
            "acme.web:app, pid 4715 ended by SIGSEGV at 2.13 s"
        ),
        causes=(
            "an extension module has a fault",
            "the master killed a worker that did not answer in time, or the kernel killed it for its memory",
            "an exception ends each worker soon after its start",
        ),
        solution=(
            "read the log; set PYTHONFAULTHANDLER = 1 in set_env for the place of a fault",
            "give slow work more time (gunicorn --timeout) or a worker class that does not block",
            "ignore RUN646 where the commands kill workers on purpose",
        ),
    ),
    Check(
        code="RUN647",
        level=Level.ERROR,
        title="zombies accumulate",
        why=(
            "A process of the service starts children and does not wait for them. Each keeps its place in the "
            "process table. When the limit of the container or of the user is reached, no process can be started any "
            "more. Five zombies of one parent that are two seconds old are reported, or three that ended at "
            "different times."
        ),
        example=(
            "FAIL RUN647 python: 5 zombies of app.py (pid 4711), which does not wait for its children: pid "
            "4712 sh; pid 4715 sh; pid 4716 sh; and 2 more"
        ),
        causes=(
            "os.fork() or subprocess.Popen() without a wait",
            "the service is PID 1 of its container, and does not reap the orphans that it adopts",
        ),
        solution=(
            "wait for each child: subprocess.run, Popen.wait, os.waitpid",
            "start it under an init in the container (docker run --init, tini) if the zombies are orphans",
        ),
    ),
)

"""RUN607 to RUN610, RUN613 to RUN618, RUN624, RUN630: how a deployment ends, and how near it came to a limit."""

from __future__ import annotations

from tox_prodsim.catalogue.check import Check
from tox_prodsim.model.findings import Level

CHECKS = (
    Check(
        code="RUN607",
        level=Level.ERROR,
        title="it did not stop on the signal and had to be killed",
        why=(
            "Every orchestrator sends a signal, waits, and then kills. A killed service loses the requests that it "
            "was working on, and every deployment takes the whole grace period longer. uvicorn 0.12.2 with two "
            "workers did that."
        ),
        example=(
            "FAIL RUN607 uvicorn: did not stop within stop_timeout = 10 s after SIGTERM and was killed: pid 5127 "
            "python -m acme.worker"
        ),
        causes=(
            "a thread that is not a daemon waits for work that never comes, and Python waits for the thread",
            "the signal's handler sets a flag that is never read, or the main thread sits in C code",
            "the main process takes the signal and hands it to no worker, then waits for them",
            "a shell in between does not pass the signal on: start the program with exec",
            "open connections (keep-alive, websockets) are waited for without a limit",
        ),
        solution=(
            "join the threads and shut the pools down in a 'finally:' block",
            "set the server's own limit for a graceful stop below stop_timeout",
            "if it asks for another signal, say which: stop_signal = SIGINT",
        ),
    ),
    Check(
        code="RUN608",
        level=Level.NOTE,
        title="it has no handler for the stop signal",
        why=(
            "The default action ends the process at once: requests in flight are dropped, 'finally:' and atexit are "
            "skipped. PID 1 of a container has no default action: there the signal is ignored until the container is "
            "killed. The exit code is the same as after a graceful stop. So this is read from the process itself "
            "(/proc, Linux only) before the signal is sent."
        ),
        example=(
            "NOTE RUN608 waitress-serve: has no handler for SIGTERM: the signal ends it at once and drops requests in "
            "flight; as PID 1 of a container it ignores the signal and is killed"
        ),
        causes=(
            "the server has none: waitress, flask run and plain tornado end at once",
            "Python turns SIGINT into an exception, but leaves SIGTERM alone",
        ),
        solution=(
            "install one: signal.signal(signal.SIGTERM, handler), or loop.add_signal_handler() with asyncio",
            "if a proxy in front retries what is lost, this may be good enough; in a container it needs an init (tini)",
            "see what happens as PID 1: simulate = pid1",
        ),
    ),
    Check(
        code="RUN609",
        level=Level.ERROR,
        title="it ended with an exit code that is not allowed",
        why=(
            "A job may end with 0. A service that is stopped by a signal may end with 0, by that signal, or with 128 "
            "plus its number. Any other code means that the shutdown failed."
        ),
        example="FAIL RUN609 celery: exit code 1 is not among the allowed ends (-15, 0, 143)",
        causes=(
            "an exception in the code that shuts down: closing a pool twice, a loop that is already closed",
            "the job failed, and says so",
            "the program has exit codes of its own that mean success",
        ),
        solution=(
            "read the end of the log: the traceback is mostly the last thing in it",
            "allow the code if it is meant: exit_codes = 0 3 SIGTERM",
        ),
    ),
    Check(
        code="RUN610",
        level=Level.ERROR,
        title="it did not end within run_timeout",
        why=(
            "A job has run_timeout for its whole run; so has each of commands_pre, commands and commands_post. Without "
            "a limit, a program that hangs blocks the CI job until that is killed, without a reason in the log."
        ),
        example="FAIL RUN610 app.py: did not end within run_timeout = 30 s, silent for the last 29.6 s",
        causes=(
            "it waits for something that never comes: a thread, a lock, a queue, an answer from the network",
            "it waits for input: stdin is empty here",
            "it is a service: then it needs ready, and it is stopped when the commands are done",
            "it is slow: the timeline then shows output up to the end",
        ),
        solution=(
            "if it was silent at the end, raising run_timeout will not help: find what it waits for",
            "give every wait a limit of its own: sockets, joins, subprocesses",
            "if it was busy to the end: run_timeout = 600",
        ),
    ),
    Check(
        code="RUN613",
        level=Level.ERROR,
        title="the process that supervises the deployment was lost",
        why=(
            "The guard that starts, watches and stops the deployment ended before it could report. What became of "
            "the deployment is not known, so the run does not pass."
        ),
        example="FAIL RUN613 uvicorn: the supervising process was lost: the guard ended without a report",
        causes=(
            "the deployment kills its own parent, or everything of its user",
            "the system ran out of memory and killed the guard",
            "a CI system killed the whole job",
        ),
        solution=(
            "look into the system's log for the out-of-memory killer (dmesg)",
            "run the environment alone (no tox p), to see whether memory is the reason",
        ),
    ),
    Check(
        code="RUN615",
        level=Level.ERROR,
        title="it printed nothing for idle_timeout",
        why=(
            "A program that reports its progress and then falls silent hangs long before run_timeout is over. "
            "Silence is a failure only if idle_timeout is set."
        ),
        example="FAIL RUN615 app.py: printed nothing for idle_timeout = 20 s",
        causes=(
            "it waits for something that never comes: the report shows where",
            "its output is held in a buffer, as that of a C program that writes to a file is",
            "it works on one large item and says nothing meanwhile",
        ),
        solution=(
            "mend what it waits for, or give the wait a limit of its own",
            "flush the output; Python does here (PYTHONUNBUFFERED=1)",
            "for work that is silent by nature: leave idle_timeout out",
        ),
    ),
    Check(
        code="RUN616",
        level=Level.ERROR,
        title="it stopped to send WATCHDOG=1",
        why=(
            "With watchdog_timeout the service must send WATCHDOG=1 at least that often once it is ready, as with "
            "WatchdogSec= of systemd. systemd ends a service that does not, and so does this run."
        ),
        example="FAIL RUN616 app.py: sent no WATCHDOG=1 for watchdog_timeout = 5 s",
        causes=(
            "the loop that sends it is blocked: a synchronous call in a coroutine, a lock, a long computation",
            "the service never sends it: it reads WATCHDOG_USEC and finds it useless, or does not look at all",
            "it sends from a process that is not part of the deployment: that does not count",
            "it requested a watchdog restart: WATCHDOG=trigger",
        ),
        solution=(
            "send it from the loop that does the work, every half of WATCHDOG_USEC",
            "move blocking work into a thread, so that the loop goes on",
            "a service without a watchdog needs no watchdog_timeout",
        ),
    ),
    Check(
        code="RUN617",
        level=Level.ERROR,
        title="its output exceeds output_limit_mb",
        why=(
            "It was stopped when its log had grown to output_limit_mb. A loop that logs an error and tries again at "
            "once fills the disk of a production machine in an hour. Here it would fill the disk of the CI machine."
        ),
        example="FAIL RUN617 app.py: printed more than output_limit_mb = 1000 MB into deploy.log",
        causes=(
            "an error is logged and tried again without a pause",
            "the log level is DEBUG, or a whole payload is printed for every request",
        ),
        solution=(
            "wait between two attempts, longer each time",
            "if so much is meant: output_limit_mb = 5000, or 0 for no limit",
        ),
    ),
    Check(
        code="RUN618",
        level=Level.ERROR,
        title="processes could not be killed",
        why=(
            "SIGKILL was sent for five seconds, and they are still there. In production such a process holds a port, "
            "a lock or a mount for ever. It is named with its state and what it waits for."
        ),
        example="FAIL RUN618 app.py: could not kill 1 process: pid 5127 sudo sleep 1000 (user 0, sleeping, in do_wait)",
        causes=(
            "they belong to another user: started with sudo or a setuid program",
            "they wait in the kernel (state D): a network file system that is gone, a broken device",
            "they are dead and held by a tracer outside of the run, such as gdb or strace",
        ),
        solution=(
            "end them by hand, as the user they belong to",
            "let the tracer go on, or end it",
            "start nothing as another user, or end it before the parent ends",
        ),
        no_project="It takes a process of another user, or one that hangs in the kernel, and a project has neither.",
    ),
    Check(
        code="RUN624",
        level=Level.WARNING,
        exception="an error when it is a traceback in the output of a job that ended as a success",
        title="the output has a traceback or an error, although the exit code says success",
        why=(
            "A traceback went by, and the exit code does not show it. A script whose 'finally:' calls sys.exit(0) ends "
            "with 0 after any exception. For a job a traceback is therefore an error; a service may log one about a "
            "bad request and be right."
        ),
        example=(
            "FAIL RUN624 deploy.log: counts as a success, but printed a traceback: ValueError: no such "
            "table (app.py:12)"
        ),
        causes=(
            "sys.exit(0), os._exit(0) or 'return' in a 'finally:' block swallows the exception",
            "an 'except Exception:' logs the error and goes on",
            "a thread or a task raised, and its result was never read",
        ),
        solution=(
            "let the exception pass, or end with another exit code than 0",
            "ask for the result of what runs beside: Future.result(), await task",
            "a traceback that is expected: log the message alone, without exc_info",
        ),
    ),
    Check(
        code="RUN630",
        level=Level.WARNING,
        title="more than 80 % of a time limit was used",
        why=(
            "The limit was nearly exceeded. On a slower or busier machine the same release fails, and the reason is "
            "then hard to see."
        ),
        example="WARN RUN630 uvicorn: used 87% of ready_timeout: 26.10 s of 30 s",
        causes=(
            "start-up has grown over time: compare with the baseline",
            "the limit was set for another machine than this one",
            "something is waited for with a fixed sleep",
        ),
        solution=(
            "find what takes the time: python -X importtime shows the imports",
            "or raise the limit to what the slowest machine needs twice",
        ),
    ),
)

"""RUN601 to RUN606 and RUN611 to RUN614, RUN631: from the start to a deployment that has proved something."""

from __future__ import annotations

from tox_prodsim.catalogue.check import Check
from tox_prodsim.model.findings import Level

CHECKS = (
    Check(
        code="RUN601",
        level=Level.ERROR,
        title="the port was taken before the deployment was started",
        why=(
            "Whatever listens there would answer the probe in place of the new release. With an old server still "
            "running, a broken deployment passes. So nothing is started on a port that is in use."
        ),
        example='FAIL RUN601 127.0.0.1:8000: the port is taken before the start, by pid 812 "python old.py"',
        causes=(
            "a server of an earlier run, or of another terminal, still runs",
            "the command names a fixed port and two environments run at the same time",
        ),
        solution=(
            "write {port} in deploy and in ready: every start then gets a free port of its own",
            "if the port has to be that one: end the process that the finding names",
        ),
    ),
    Check(
        code="RUN602",
        level=Level.ERROR,
        title="the deployment ended before it was ready",
        why=(
            "In production this is a crash loop. The wait ends as soon as the process is gone. Its last lines are "
            "shown, because they nearly always have the reason."
        ),
        example="FAIL RUN602 uvicorn: exit code 1 after 0.16 s, before it was ready (last answer: connection refused)",
        causes=(
            "the application does not import: a dependency or a module is missing",
            "a setting is missing: production variables are not passed on by themselves (set_env, pass_env)",
            "a file that it reads is not in its working directory, which is an empty scratch directory (deploy_files)",
            "it puts itself into the background and the process that was started ends: keep it in the foreground",
        ),
        solution=(
            "read the lines below the finding; repeat it by hand with .tox/prodsim/bin/python in an empty directory",
            "give what it needs: deploy_files, set_env, deps, or a migration in commands_pre",
        ),
    ),
    Check(
        code="RUN603",
        level=Level.ERROR,
        title="the service was not ready in time",
        why=(
            "It runs, but the probes do not succeed within ready_timeout. An orchestrator would kill it and start it "
            "again, for ever. The finding says what each probe saw last."
        ),
        example="FAIL RUN603 uvicorn: not ready within ready_timeout = 30 s (last answer: connection refused)",
        causes=(
            "it listens on another port or address than the probe asks (localhost may mean ::1)",
            "the probe's path answers with a redirect or an error: only 2xx counts unless status= says otherwise",
            "it waits for a database or another service that does not exist here",
            "the expected line of the log is held in a buffer, or goes to a file",
        ),
        solution=(
            "compare the address in the probe with the one in the log; 'listen' finds the port by itself",
            "make the service answer its health check before it has everything, or give it what it waits for",
            "raise ready_timeout only when the timeline shows that it was still making progress",
        ),
    ),
    Check(
        code="RUN604",
        level=Level.ERROR,
        title="the probe was answered by a process that is not part of the deployment",
        why=(
            "The answer says nothing about this release. The port was free before the start. So another program took "
            "it in between, or the deployment handed its work to a process outside of the supervised tree."
        ),
        example=(
            'FAIL RUN604 uvicorn: http://127.0.0.1:8000/ answered, but not by this deployment: pid 812 "python '
            'old.py" (since 07:12) listens there'
        ),
        causes=(
            "another program took the port after the check and before the deployment could",
            "the command asks a daemon to do the work (docker run, systemctl start): that runs elsewhere",
            "the probe asks a fixed address that belongs to something else",
        ),
        solution=(
            "use {port} in both deploy and ready",
            "deploy the program itself, in the foreground, instead of a client of a daemon",
        ),
    ),
    Check(
        code="RUN605",
        level=Level.ERROR,
        title="a smoke command failed",
        why=(
            "The commands of the environment are the assertions about the running deployment. commands_pre prepare "
            "it, commands run while it is up, and commands_post look at what is left. A command that fails fails the "
            "run."
        ),
        example="FAIL RUN605 commands[0]: exit code 1: python smoke.py",
        causes=(
            "the deployment answers, but wrongly: that is what the command is for",
            "the command runs in the scratch directory and names a file of the source tree",
            "the tool it uses is not installed in this environment (deps)",
        ),
        solution=(
            "read the output of the command above, and the log of the service beside it",
            "name files with {tox_root}/..., and the service with PRODSIM_URL or PRODSIM_PORT",
        ),
    ),
    Check(
        code="RUN606",
        level=Level.ERROR,
        title="the service exited while serving",
        why=(
            "It became ready and then ended by itself, before it was asked to. Even when every smoke command "
            "passed, a service that ends is an outage; with several workers the others often hide it."
        ),
        example="FAIL RUN606 uvicorn: exited while serving: ended by SIGSEGV after 1.42 s",
        causes=(
            "a request crashed it (SIGSEGV, SIGABRT) or made it call exit",
            "it used more memory than the machine gives and was killed (SIGKILL)",
            "it is a job that ends when its work is done: then it must not have ready",
        ),
        solution=(
            "look at the last request of the smoke commands and at the last lines of the log",
            "run it by hand with PYTHONFAULTHANDLER=1 to see where a crash happens",
        ),
    ),
    Check(
        code="RUN611",
        level=Level.ERROR,
        title="an expected line was not in the output",
        why=(
            "expect_output is what proves that the work was done. An exit code of 0 does not: a script whose "
            "'finally:' calls sys.exit(0) ends with 0 after any exception."
        ),
        example="FAIL RUN611 expect_output: no line of deploy.log matches '120 rows written'",
        causes=(
            "the program stopped before it came to that point, and said so in its log or not at all",
            "the text has changed, or it is written to a file instead of to stdout or stderr",
            "the regular expression needs escapes: . ( ) [ ] + * ? have a meaning",
        ),
        solution=(
            "look at the log for the last line that is as expected",
            "keep the expression short: the part that would not be printed if the work had not been done",
        ),
    ),
    Check(
        code="RUN612",
        level=Level.ERROR,
        title="a forbidden line was in the output",
        why=(
            "reject_output says what must never be printed. It was printed, although everything else may have passed."
        ),
        example=(
            "FAIL RUN612 reject_output: deploy.log has a line that matches 'CRITICAL': CRITICAL cannot write to "
            "the cache"
        ),
        causes=(
            "the program met the trouble that the pattern is meant to catch",
            "the pattern is too wide: ERROR also matches a line that says '0 ERRORS'",
        ),
        solution=(
            "read the line, which is shown below the finding, and what was logged just before it",
            "narrow the pattern, for instance with the name of the logger",
        ),
    ),
    Check(
        code="RUN657",
        level=Level.ERROR,
        title="something else is in the place of the log of the deployment",
        why=(
            "What the deployment printed is searched for expected and rejected lines, and for tracebacks. A FIFO, a "
            "folder or a symbolic link in the place of deploy.log is not read, so nothing is known of the output."
        ),
        example=(
            "FAIL RUN657 deploy.log: a FIFO is in the place of the log, so the output of the deployment was not read"
        ),
        causes=(
            "the deployment, a command or a build writes in the folder of tox-prodsim, which nothing else should do",
            "a log rotation that follows the open file has replaced it",
        ),
        solution=(
            "find the program that replaces the file: it runs between the start of the deployment and its stop",
            "let the program write its own log files in the scratch directory",
        ),
    ),
    Check(
        code="RUN614",
        level=Level.ERROR,
        title="the command could not be started",
        why=(
            "The operating system refused to run the program at all. PATH has only this environment and the "
            "directories of the system. So a tool that is installed for your user does not hide a missing one."
        ),
        example="FAIL RUN614 gunicorn: could not be started: No such file or directory",
        causes=(
            "the first line of the script names an interpreter that does not exist here (#!/usr/local/bin/bash)",
            "the program is built for another machine, or for another C library",
            "the file is removed between the look-up on PATH and the start",
        ),
        solution=(
            "correct the first line: #!/usr/bin/env bash",
            "see by hand whether the system starts it: .tox/prodsim/bin/NAME",
        ),
    ),
    Check(
        code="RUN631",
        level=Level.WARNING,
        title="the deployment proved nothing",
        why=(
            "There was no probe, no expected output and no command that tested it. It ran and ended with an allowed "
            "exit code. A program that hides its errors does that, too."
        ),
        example="WARN RUN631 app.py: ended without proving anything: no probe, no expected output, no commands",
        causes=("deploy is set, but none of ready, expect_output, commands and commands_post is",),
        solution=(
            "for a service: say how one sees that it is up, for example ready = listen",
            "for a job: name a line that only a success prints (expect_output), or look at its result in commands_post",
        ),
    ),
)

"""Findings of the RUN family and SIM803: one function for each way in which a deployment can fail.

``starting``, ``running``, ``printing`` and ``stopping`` are the life of a deployment, ``commands`` are those of tox;
``describe`` has the texts that they share.
"""

from tox_prodsim.deployment.findings.commands import failed_command, refused_command
from tox_prodsim.deployment.findings.describe import (
    describe_ending,
    describe_expected,
    describe_recipients,
    describe_signals,
    signal_name,
    without_folder,
)
from tox_prodsim.deployment.findings.printing import (
    expected_output_missing,
    expression_too_slow,
    rejected_output,
    replaced_log,
    suspicious_output,
)
from tox_prodsim.deployment.findings.running import (
    exited_while_serving,
    failed_under_condition,
    idle_timeout_exceeded,
    ignored_as_pid1,
    near_limit,
    output_limit_exceeded,
    run_timeout_exceeded,
    unreaped_by_pid1,
    watchdog_timeout_exceeded,
)
from tox_prodsim.deployment.findings.starting import (
    answered_by_wrong_process,
    exited_before_ready,
    no_evidence,
    port_taken,
    ready_timeout_exceeded,
    socket_taken,
    start_failed,
)
from tox_prodsim.deployment.findings.stopping import (
    EXEC_HINT,
    SHELLS,
    no_signal_handler,
    request_dropped,
    second_start_failed,
    stop_timeout_exceeded,
    unexpected_ending,
    unkillable_processes,
)

__all__ = [
    "EXEC_HINT",
    "SHELLS",
    "answered_by_wrong_process",
    "describe_ending",
    "describe_expected",
    "describe_recipients",
    "describe_signals",
    "exited_before_ready",
    "exited_while_serving",
    "expected_output_missing",
    "expression_too_slow",
    "failed_command",
    "failed_under_condition",
    "idle_timeout_exceeded",
    "ignored_as_pid1",
    "near_limit",
    "no_evidence",
    "no_signal_handler",
    "output_limit_exceeded",
    "port_taken",
    "ready_timeout_exceeded",
    "refused_command",
    "rejected_output",
    "replaced_log",
    "request_dropped",
    "run_timeout_exceeded",
    "second_start_failed",
    "signal_name",
    "socket_taken",
    "start_failed",
    "stop_timeout_exceeded",
    "suspicious_output",
    "unexpected_ending",
    "unkillable_processes",
    "unreaped_by_pid1",
    "watchdog_timeout_exceeded",
    "without_folder",
]

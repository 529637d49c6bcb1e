"""Checks: functions of the shape ``check_…(…) -> CheckResult``, which know nothing of one another.

``artifact`` reads the files that will be uploaded, ``installed`` looks at what an installer made of them;
``resolution`` asks an installer what it would take, and ``audit`` runs other tools.
"""

__all__ = ["artifact", "audit", "installed", "resolution"]

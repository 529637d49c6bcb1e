"""Checks: functions of the shape ``check_…(…) -> CheckResult``. The four packages do not import one another.

``artifact`` reads the files that will be uploaded, and ``installed`` checks what an installer made of them.
``resolution`` resolves the requirements with pip or uv, and ``audit`` runs other tools. The docstring of each package
lists its files with their codes, and says where to add a check.
"""

__all__ = ["artifact", "audit", "installed", "resolution"]

"""Checks of the files by other tools: AUD801 what a tool reports, AUD802 a tool that could not be run.

``run.py`` starts the tools and turns their output into findings; ``tool_env.py`` keeps the environments of the tools.
To add a tool that needs special arguments, see ``model.auditors``.
"""

from tox_prodsim.checks.audit.run import Audits, AuditTools, start

__all__ = ["AuditTools", "Audits", "start"]

"""From tox's environment to what a run works with: ``build`` makes the RunContext.

``environment`` has the folders and variables of all commands, ``runners`` runs programs for it, ``installer`` is pip or
uv.
"""

__all__ = ["build", "environment", "installer", "runners"]

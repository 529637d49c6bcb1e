"""What a run works with, made from tox's environment: ``build`` puts the RunContext together.

``environment`` has the folders and variables of all commands, ``runners`` runs helpers, ``installer`` is pip or uv.
"""

__all__ = ["build", "environment", "installer", "runners"]

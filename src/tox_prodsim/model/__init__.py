"""Values: frozen data and pure functions of them. Everything imports this package, and it imports nothing of ours.

``scenario`` is what the user asked for, with ``probes``, ``conditions`` and ``auditors``; ``events`` is what happens
during a run, ``findings`` what is wrong, ``leaks`` what is left behind; ``errors`` has all exceptions.
"""

__all__ = [
    "auditors",
    "conditions",
    "entry_points",
    "errors",
    "events",
    "findings",
    "formatting",
    "leaks",
    "parsing",
    "probes",
    "python_source",
    "runner",
    "scenario",
]

"""Values: frozen data and pure functions of them. Everything imports this package, and it imports nothing of ours.

``scenario`` is what the user asked for, with ``probes``, ``conditions`` and ``auditors``; ``probe_kinds`` is the table
of probes, and ``probe_syntax`` has their parsers. ``events`` is what happens during a run, ``activity`` what goes on
at this moment, ``findings`` what is wrong and ``causes`` what of that is one fault, ``leaks`` what is left behind,
``left_running`` what helper programs leave, ``metrics`` what is timed, ``footprint`` what is weighed,
``release_files`` what is published; ``ranges`` are those of numbers, ``sizes`` reads such as 5 MB; ``errors`` has all
exceptions, ``answers`` reads those of helper programs, ``cores`` counts the processors that may be used, ``files``
writes files, ``sdist_archive`` opens sdists within limits, ``secrets`` masks what is secret in a text, ``printable``
makes it safe to print, ``installed_metadata`` reads what is installed, ``top_levels`` names what is not a project's
own in site-packages. ``dataclass`` makes classes of values that cost little to import, and ``regex`` compiles
expressions when they are used.
"""

__all__ = [
    "activity",
    "answers",
    "auditors",
    "causes",
    "conditions",
    "cores",
    "dataclass",
    "entry_points",
    "errors",
    "events",
    "files",
    "findings",
    "footprint",
    "formatting",
    "installed_metadata",
    "internal_imports",
    "leaks",
    "left_running",
    "metrics",
    "parsing",
    "printable",
    "probe_kinds",
    "probe_syntax",
    "probes",
    "python_source",
    "ranges",
    "regex",
    "release_files",
    "runner",
    "scenario",
    "sdist_archive",
    "secrets",
    "services",
    "sizes",
    "time_limit",
    "top_levels",
]

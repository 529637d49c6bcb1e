"""The order of the steps. A step is a file, and ``run`` is the table of contents.

``context`` is what a run works with; ``results`` counts what was found. ``sdist``, ``checks``, ``release``,
``contents``, ``simulation`` and ``performance`` are steps; ``confirmation`` is a part of ``performance``.
"""

__all__ = ["confirmation", "contents", "context", "release", "run", "sdist"]

"""Build wheels and environments: the wheel of the source tree, the wheel of another version, a second environment.

``frontend`` calls build back ends, ``source_tree`` copies the project and ``tree_build`` builds the copy,
``reference_wheel`` finds the wheel of the baseline, ``clone_env`` makes an environment with the same dependencies and
that wheel, ``base_requirements`` installs what that wheel requires in addition. ``sdist_build`` builds the sdist of a
wheel that was given, and ``interpreter_tags`` asks an interpreter which wheels it takes.
"""

__all__ = [
    "base_requirements",
    "clone_env",
    "frontend",
    "interpreter_tags",
    "reference_wheel",
    "sdist_build",
    "tree_build",
    "unpacking",
]

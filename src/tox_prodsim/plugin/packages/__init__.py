"""tox's packaging: ``package_env`` supervises it, ``provenance`` follows it, ``wheel_under_test`` keeps its wheel."""

__all__ = ["package_env", "provenance", "wheel_under_test"]

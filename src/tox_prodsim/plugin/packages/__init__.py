"""Packaging, as tox does it: supervised (``package_env``), followed (``provenance``), kept (``wheel_under_test``)."""

__all__ = ["package_env", "provenance", "wheel_under_test"]

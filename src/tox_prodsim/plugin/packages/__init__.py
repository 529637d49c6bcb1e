"""tox's packaging: ``package_env`` supervises it, ``provenance`` follows it, ``wheel_under_test`` keeps its wheel.

``given`` is what ``--installpkg`` gives, and ``given_release`` the release of which that is a part.
"""

__all__ = ["given", "given_release", "package_env", "provenance", "wheel_under_test"]

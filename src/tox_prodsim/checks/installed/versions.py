"""Compare a version that a module or a command reports with that of METADATA."""

from __future__ import annotations

from packaging.version import Version

from tox_prodsim.model.installed_metadata import named_distributions


def same_version(text: str, expected: str) -> bool:
    """Return whether both are one version; a local part, or words behind it, count only when both have them."""
    try:
        left, right = Version(text.split(maxsplit=1)[0]), Version(expected)
    except (ValueError, IndexError):
        return text == expected
    return left == right or (not (left.local and right.local) and left.public == right.public)


def is_released_again(text: str, expected: str) -> bool:
    """Return whether ``expected`` is a post release of it: by PEP 440 the software of both is the same."""
    released, post, number = expected.rpartition(".post")
    return bool(post) and number.isdigit() and same_version(text, released)


def contradicts(text: str, expected: str) -> bool:
    """Return whether it is not the beginning of the other one: cv2 4.8.0 does not contradict opencv-python 4.8.0.74."""
    try:
        release = Version(text).release
        expected_release = Version(expected).release
    except ValueError:
        return True
    return expected_release[: len(release)] != release


def versions_in(site_packages: str) -> tuple[str, ...]:
    """Return the installed distributions as ``name==version``."""
    return tuple(sorted(f"{name}=={version}" for name, version, _ in named_distributions(site_packages)))

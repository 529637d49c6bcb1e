"""Compare what is said to be the version with what METADATA says."""

from __future__ import annotations

from packaging.version import InvalidVersion, Version


def same_version(text: str, expected: str) -> bool:
    """Return whether both are one version; a local part, or words behind it, count only when both have them."""
    try:
        left, right = Version(text.split(maxsplit=1)[0]), Version(expected)
    except (InvalidVersion, IndexError):
        return text == expected
    return left == right or (not (left.local and right.local) and left.public == right.public)


def is_released_again(text: str, expected: str) -> bool:
    """Return whether it is what ``expected`` is a post release of, in which PEP 440 has the software unchanged."""
    released, post, number = expected.rpartition(".post")
    return bool(post) and number.isdigit() and same_version(text, released)


def contradicts(text: str, expected: str) -> bool:
    """Return whether it is more than a part of the other: cv2 4.8.0 of opencv-python 4.8.0.74 is part of it."""
    try:
        release = Version(text).release
    except InvalidVersion:
        return True
    return Version(expected).release[: len(release)] != release

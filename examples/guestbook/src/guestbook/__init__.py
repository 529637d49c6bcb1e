"""A guestbook on the web."""

from importlib.metadata import version

__version__ = version("guestbook")

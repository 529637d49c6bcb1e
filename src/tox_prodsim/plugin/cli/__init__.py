"""The command ``tox prodsim``: ``parser`` adds it to tox, ``commands`` is the table of its commands, a module each."""

__all__ = ["parser"]

"""The command ``tox prodsim``: ``parser`` adds it to tox."""

__all__ = ["parser"]

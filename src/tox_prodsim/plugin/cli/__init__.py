"""The command ``tox prodsim``: ``parser`` adds it to tox, ``commands`` is the table of its commands, a module each.

``install_option`` lets ``--installpkg`` take a folder.
"""

__all__ = ["install_option", "parser"]

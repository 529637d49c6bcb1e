"""Values of ini files whose lines begin with a word of ours and a colon, such as ``delay: 0.5``.

tox takes a word before a colon and a blank for a factor, and drops the line where the environment lacks that factor.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from tox.config.loader.ini import IniLoader
from tox.config.loader.ini.factor import filter_for_env
from tox.config.main import Config
from tox.config.sets import ConfigSet

from tox_prodsim.model.errors import ProdsimError


def keep_words(conf: ConfigSet, words: Mapping[str, Sequence[str]]) -> None:
    """Have a configuration set keep the lines of ini files that begin with a word of their key.

    ``words`` has, by key, expressions for its words. A word that is a factor of the environment stays one.
    """
    kept = {key: expressions for key, expressions in words.items() if expressions}
    conf.loaders[:] = [
        _KeepingLoader(loader, kept) if isinstance(loader, IniLoader) else loader for loader in conf.loaders
    ]


class _KeepingLoader(IniLoader):
    """A loader of the same section that takes the blank away before tox looks for factors."""

    def __init__(self, loader: IniLoader, words: Mapping[str, Sequence[str]]) -> None:
        vars(self).update(vars(loader))  # its section, its parser and its overrides
        self._words = words

    def load_raw(self, key: str, conf: Config | None, env_name: str | None) -> str:
        if conf is None or key not in self._words:
            return super().load_raw(key, conf, env_name)
        text = super().load_raw(key, None, None)
        joined = _without_blank(text, self._words[key], env_name)
        for line in joined.splitlines():
            if re.fullmatch(rf"\s*(?:{'|'.join(self._words[key])}):\s*", line):
                msg = f"nothing is behind the colon of {line.strip()!r}"
                raise ProdsimError(key, msg)
        return self.process_raw(conf, env_name, joined.replace("#", "\\#"))  # the comments are gone already


def _without_blank(text: str, words: Sequence[str], env_name: str | None) -> str:
    """Return the text without the blanks behind the colons of words that begin a line and are not factors."""

    def join(found: re.Match[str]) -> str:
        is_factor = bool(filter_for_env(f"{found['word']}: kept", env_name))
        return found[0] if is_factor else f"{found['start']}{found['word']}:"

    return re.sub(rf"^(?P<start>[ \t]*)(?P<word>{'|'.join(words)}):[ \t]+(?=\S)", join, text, flags=re.MULTILINE)

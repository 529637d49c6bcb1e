"""What production would run, of the values of the keys: the one of ``deploy``, or the services of ``services``."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tox.config.set_env import SetEnv
from tox.config.sets import EnvConfigSet
from tox.report import HandledError

from tox_prodsim.model import probes, scenario, services
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.plugin.config import sections
from tox_prodsim.plugin.config.keys import KEYS, SERVICE_KEYS
from tox_prodsim.plugin.config.loading import load, refuse_second_command, understood
from tox_prodsim.plugin.config.sections import UNSET, ServiceSection

Values = Mapping[str, Any]
"""What the values of keys mean, by their names."""
_MISSPELT = 0.6
_FOR_SERVICES_ONLY = ("ready", "drain", "crash", "restarts")
"""Keys of the environment that a job among its services does not take from it."""
_COMMANDS = ("commands_pre", "commands", "commands_post")


def deployments(conf: EnvConfigSet, values: Values) -> tuple[scenario.Deployment, ...]:
    """Return what production would run; raises ProdsimError that names the section and the key of what is wrong."""
    if not values["services"]:
        own = [*values["deploy"], *values["ready"], *_set_env_texts(conf)]
        return (_deployment(values, own, _command_texts(conf)),) if values["deploy"] else ()
    if values["deploy"]:
        msg = "has no meaning beside 'deploy': write the command in the section of a service"
        raise ProdsimError("services", msg)
    return _Services(conf, values).deployments()


def _deployment(values: Values, own: Sequence[object], others: Iterable[object], **named: Any) -> scenario.Deployment:
    """Return a deployment; ``own`` are its texts, and ``others`` the texts that name its port from outside."""
    stop = scenario.Stop(signal=values["stop_signal"], grace_s=values["stop_timeout"], to=values["stop_to"])
    default_exit_codes = scenario.default_exit_codes(stop.signal, service=bool(values["ready"]))
    is_named = _names_port(others, named.get("name", "")) or scenario.uses_port(values["drain"])
    return scenario.Deployment(
        argv=values["deploy"],
        ready=values["ready"],
        ready_timeout_s=values["ready_timeout"],
        run_timeout_s=values["run_timeout"],
        stop=stop,
        exit_codes=values["exit_codes"] or default_exit_codes,
        expect_output=values["expect_output"],
        reject_output=values["reject_output"],
        idle_timeout_s=values["idle_timeout"],
        watchdog_timeout_s=values["watchdog_timeout"],
        output_limit_bytes=values["output_limit_mb"],
        uses_port=scenario.uses_port(own) or (is_named and not _finds_place(values)),
        drain=values["drain"],
        restarts=_restarts(values),
        crash=values["crash"],
        **named,
    )


def _names_port(texts: Iterable[object], name: str) -> bool:
    """Return whether a text names the port of a deployment from outside."""
    return bool(services.named_in(texts, [name])) if name else scenario.uses_port(texts)


def _finds_place(values: Values) -> bool:
    """Return whether the probes of a deployment know, or will find out, where it listens."""
    return probes.finds_place(scenario.stand_in_probes("ready", values["ready"]))


def _restarts(values: Values) -> int:
    """Return how often a service is started once more; a job would do its work twice."""
    if not values["ready"] and values["restarts"]:
        msg = "a job would do its work twice, name with 'ready' how one sees that it is a service"
        raise ProdsimError("restarts", msg)
    default = 1 if values["ready"] else 0
    return default if values["restarts"] is None else int(values["restarts"])


def _set_env_texts(conf: EnvConfigSet) -> Iterator[str]:
    set_env = conf["set_env"]
    return (set_env.load(key) for key in set_env)


def _command_texts(conf: EnvConfigSet) -> Iterator[str]:
    for key in _COMMANDS:
        for command in conf[key]:
            yield from command.args


class _Services:
    """The services of an environment, read and checked."""

    def __init__(self, conf: EnvConfigSet, values: Values) -> None:
        self._conf, self._values = conf, values
        self._names: tuple[str, ...] = values["services"]
        self._labels = {name: sections.label(conf, name) for name in self._names}
        self._of_service: dict[str, dict[str, Any]] = {}

    def deployments(self) -> tuple[scenario.Deployment, ...]:
        for name in self._names:
            self._of_service[name] = self._labelled(name, self._read)
        for name in self._names:
            self._labelled(name, self._check_order)
        made = {name: self._labelled(name, self._deployment) for name in self._names}
        for name in self._names:
            self._labelled(name, lambda name: self._check_placeholders(name, made))
        self._check_commands()
        return tuple(made.values())

    def _labelled(self, name: str, work: Any) -> Any:
        """Do something for a service; what is wrong names its section."""
        try:
            return work(name)
        except ProdsimError as problem:
            raise problem.of_section(self._labels[name]) from problem

    def _read(self, name: str) -> dict[str, Any]:
        """Return the values of a service: its own, and those of the environment for the rest."""
        section = sections.section_of(self._conf, name)
        if section.is_missing:
            msg = f"there is no such section, in which deploy says what {name!r} runs"
            raise _MissingSectionError(msg)
        self._refuse_unknown(section)
        refuse_second_command(section)
        own = {key.name: understood(key, value) for key in SERVICE_KEYS if (value := load(section, key)) is not UNSET}
        if not own.get("deploy"):
            msg = f"there is no value, write the command that production would run as {name!r}"
            raise ProdsimError("deploy", msg)
        values = {**self._values, "depends": (), **own}
        if not values["ready"]:
            self._refuse_of_service(own)
            values |= {key: self._nothing(key) for key in _FOR_SERVICES_ONLY if key not in own}
        return values | {"set_env": _variables(own.get("set_env"))}

    @staticmethod
    def _nothing(key: str) -> Any:
        return next(each.parse(key, each.default) for each in KEYS if each.name == key)

    @staticmethod
    def _refuse_of_service(own: Values) -> None:
        for key in ("drain", "crash"):
            if own.get(key):
                msg = "needs 'ready', by which a service is known"
                raise ProdsimError(key, msg)

    def _refuse_unknown(self, section: ServiceSection) -> None:
        """Refuse a key that a section of a service cannot have: tox passes over what it does not know."""
        found = {key for loader in section.loaders for key in (*loader.found_keys(), *loader.overrides)}
        known = [key for key in section if key != "base"]
        for key in sorted(key for key in found if key not in section):
            near = difflib.get_close_matches(key, known, n=1, cutoff=_MISSPELT)
            if key in self._conf:
                msg = f"is a key of the environment, and none of a service ({', '.join(known)})"
            elif near:
                msg = f"there is no such key, did you mean {near[0]}?"
            else:
                msg = f"there is no such key, a service has {', '.join(known)}"
            raise ProdsimError(key, msg)

    def _check_order(self, name: str) -> None:
        depends: Sequence[str] = self._of_service[name]["depends"]
        for other in depends:
            if other not in self._names:
                msg = f"{other!r} is not one of the services ({', '.join(self._names)})"
                raise ProdsimError("depends", msg)
        circle = services.circle({each: self._of_service[each]["depends"] for each in self._names})
        if name in circle:
            at = circle.index(name)
            in_order = [*circle[at:-1], *circle[:at], name]
            msg = f"they depend on one another in a circle: {' -> '.join(in_order)}"
            raise ProdsimError("depends", msg)

    def _deployment(self, name: str) -> scenario.Deployment:
        values = self._of_service[name]
        own = [*_texts({**values, "drain": ()}), *_set_env_texts(self._conf)]
        others = (text for other in self._names if other != name for text in _texts(self._of_service[other]))
        return _deployment(
            values,
            own,
            [*others, *_command_texts(self._conf), *_set_env_texts(self._conf)],
            name=name,
            section=self._labels[name],
            depends=tuple(dict.fromkeys(values["depends"])),
            set_env=values["set_env"],
        )

    def _check_placeholders(self, name: str, made: Mapping[str, scenario.Deployment]) -> None:
        """Refuse a placeholder of a service that there is not, or of which nothing is known when it is needed."""
        needed = services.all_needed({each.name: each.depends for each in made.values()}, name)
        for key, texts in _texts_by_key(self._of_service[name]).items():
            self._refuse_misspelt(key, texts)
            for other in services.named_in(texts, self._names):
                if other != name and other not in needed and not self._is_known_before_start(made[other]):
                    msg = f"where {other!r} listens is known once it is ready: write depends = {other}"
                    raise ProdsimError(key, msg)

    def _is_known_before_start(self, deployment: scenario.Deployment) -> bool:
        """Return whether it is known before a service is started where it will listen."""
        port, others = 1 if deployment.uses_port else None, services.stand_ins(self._names)
        return bool(deployment.launch(port=port, scratch=Path("scratch"), others=others).url)

    def _refuse_misspelt(self, key: str, texts: Iterable[object]) -> None:
        known = [services.placeholder(name, kind) for name in self._names for kind in services.KINDS]
        words = (text for text in texts if not any(map(str.isspace, str(text))))  # what has blanks may be code
        for found in services.placeholders_in(words):
            if found not in known:
                msg = f"{{{found}}} is not of any service: there are {', '.join(f'{{{each}}}' for each in known)}"
                raise ProdsimError(key, msg)

    def _check_commands(self) -> None:
        """Refuse ``{port}`` in a command, which is not run by a service."""
        for key in _COMMANDS:
            words = [word for command in self._conf[key] for word in command.args if not any(map(str.isspace, word))]
            self._refuse_misspelt(key, words)
            for kind in services.KINDS:
                if any(f"{{{kind}}}" in word for word in words):
                    names = " or ".join(f"{{{services.placeholder(name, kind)}}}" for name in self._names)
                    msg = f"{{{kind}}} would be that of any of the services: write {names}"
                    raise ProdsimError(key, msg)


class _MissingSectionError(ProdsimError):
    """There is no section of a service."""

    def __init__(self, message: str) -> None:
        super().__init__("", message)

    def of_section(self, section: str) -> ProdsimError:
        """Return the same as an error of the section itself."""
        return ProdsimError(section, self.message)


def _variables(set_env: SetEnv | None) -> dict[str, str]:
    try:
        return {} if set_env is None else {name: set_env.load(name) for name in set_env}
    except (HandledError, ValueError) as problem:
        raise ProdsimError("set_env", " ".join(str(problem).split())) from problem


def _texts_by_key(values: Values) -> dict[str, list[object]]:
    """Return the texts of a service in which a placeholder is filled, by their keys."""
    return {
        "deploy": [*values["deploy"]],
        "ready": [*values["ready"]],
        "drain": [*values["drain"]],
        "set_env": [*values["set_env"].values()],
    }


def _texts(values: Values) -> list[object]:
    return [text for texts in _texts_by_key(values).values() for text in texts]

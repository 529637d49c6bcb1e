"""``dataclass`` and ``field`` of the standard library, for much less time at an import.

The standard library compiles six methods for each class where it is defined. Most of our classes are not instantiated
in a run. Here a class gets its slots where it is defined, an ``__init__`` when its first instance is made, and the
other methods are shared. What ``fields``, ``replace`` and ``asdict`` need is made when they ask for it.

A type checker sees the decorator of the standard library.
"""

from __future__ import annotations

import dataclasses
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import dataclass, field
else:
    field = dataclasses.field

    def dataclass(*, frozen: bool = False, kw_only: bool = False, eq: bool = True, **_slots: bool) -> Any:
        """Return a decorator that makes a class with slots, as that of the standard library with ``slots=True``."""
        return lambda definition: _made(definition, frozen=frozen, kw_only=kw_only, eq=eq)


__all__ = ["dataclass", "field"]
_LACKING: Any = object()
_FOR_OTHERS = ("__dataclass_fields__", "__dataclass_params__")
_DEFAULTS = "__prodsim_defaults__"
"""All fields of a class with their defaults, those of its bases first."""


def _made(definition: type, *, frozen: bool, kw_only: bool, eq: bool) -> type:
    """Return the class with slots; the definition is kept for what the standard library makes of it later."""
    own = {name: definition.__dict__.get(name, _LACKING) for name in definition.__annotations__}
    defaults: dict[str, Any] = {}
    for base in definition.__mro__[:0:-1]:
        defaults |= vars(base).get(_DEFAULTS, {})
    slots = tuple(name for name in own if name not in defaults)
    left_out = {*own, "__dict__", "__weakref__"}
    namespace = {name: value for name, value in vars(definition).items() if name not in left_out}
    defaults |= own
    namespace |= _methods(defaults, frozen=frozen, eq=eq)
    namespace |= {
        "__slots__": slots,
        "__match_args__": () if kw_only else tuple(defaults),
        "__init__": _FirstInit(frozen=frozen, kw_only=kw_only),
        _DEFAULTS: defaults,
        **{name: _OnRequest(definition, kw_only=kw_only) for name in _FOR_OTHERS},
    }
    namespace.setdefault("__qualname__", definition.__qualname__)
    return type(definition)(definition.__name__, definition.__bases__, namespace)


def _methods(defaults: dict[str, Any], *, frozen: bool, eq: bool) -> dict[str, Any]:
    """Return what the instances of a class compare, show and pickle themselves with."""
    methods: dict[str, Any] = {"__repr__": _repr}
    if frozen:
        methods |= {"__setattr__": _refuse, "__delattr__": _refuse}
        methods |= {"__getstate__": _state, "__setstate__": _restore}
    if eq:
        compared = [name for name, default in defaults.items() if getattr(default, "compare", True)]
        methods |= _comparison(attrgetter(*compared) if compared else type, is_hashable=frozen)
    return methods


def _comparison(values: Callable[[Any], Any], *, is_hashable: bool) -> dict[str, Any]:
    def equal(self: Any, other: object) -> bool:
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    def hashed(self: Any) -> int:
        return hash(values(self))

    return {"__eq__": equal, "__hash__": hashed if is_hashable else None}


def _repr(self: Any) -> str:
    values = ", ".join(f"{name}={getattr(self, name)!r}" for name in getattr(self, _DEFAULTS))
    return f"{type(self).__qualname__}({values})"


def _refuse(_self: Any, name: str, *_value: object) -> None:
    msg = f"cannot change field {name!r}"
    raise dataclasses.FrozenInstanceError(msg)


def _state(self: Any) -> list[Any]:
    return [getattr(self, name) for name in getattr(self, _DEFAULTS)]


def _restore(self: Any, state: list[Any]) -> None:
    for name, value in zip(getattr(self, _DEFAULTS), state, strict=True):
        object.__setattr__(self, name, value)


class _OnRequest:
    """What the standard library makes of the definition of a class, when somebody asks for it."""

    def __init__(self, definition: type, *, kw_only: bool) -> None:
        self._definition, self._kw_only = definition, kw_only

    def __set_name__(self, _owner: type, name: str) -> None:
        self._name = name

    def __get__(self, _instance: object, _owner: type) -> Any:
        if self._name not in vars(self._definition):
            dataclasses.dataclass(init=False, repr=False, eq=False, kw_only=self._kw_only)(self._definition)
        return vars(self._definition)[self._name]


class _FirstInit:
    """Takes the place of ``__init__`` until the first instance is made."""

    def __init__(self, *, frozen: bool, kw_only: bool) -> None:
        self._frozen, self._kw_only = frozen, kw_only

    def __set_name__(self, owner: type, _name: str) -> None:
        self._owner = owner

    def __get__(self, instance: object, owner: type) -> Any:
        init = _init(self._owner, frozen=self._frozen, kw_only=self._kw_only)
        type.__setattr__(self._owner, "__init__", init)
        return init.__get__(instance, owner)


def _init(owner: type, *, frozen: bool, kw_only: bool) -> Any:
    """Compile the ``__init__`` of a class."""
    defaults: dict[str, Any] = getattr(owner, _DEFAULTS)
    names: dict[str, Any] = {"lacking": _LACKING}
    parameters, lines = ["self"], []
    for number, (name, default) in enumerate(defaults.items()):
        names[f"set_{number}"] = getattr(owner, name).__set__
        value, parameter = name, name
        if isinstance(default, dataclasses.Field) and default.default_factory is not dataclasses.MISSING:
            names[f"make_{number}"] = default.default_factory
            value, parameter = f"make_{number}() if {name} is lacking else {name}", f"{name}=lacking"
        elif default is not _LACKING:
            names[f"default_{number}"] = default.default if isinstance(default, dataclasses.Field) else default
            parameter = f"{name}=default_{number}"
        parameters.append(parameter)
        lines.append(f" set_{number}(self, {value})" if frozen else f" self.{name} = {value}")
    if hasattr(owner, "__post_init__"):
        lines.append(" self.__post_init__()")
    if kw_only and defaults:
        parameters.insert(1, "*")
    text = f"def __init__({', '.join(parameters)}):\n" + "\n".join(lines or [" pass"])
    exec(text, names)  # noqa: S102 - made of the names of our own fields
    return names["__init__"]

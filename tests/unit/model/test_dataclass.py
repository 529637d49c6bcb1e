"""Our ``dataclass`` beside that of the standard library: what a class of ours can do."""

from __future__ import annotations

import copy
import dataclasses
import importlib
import pickle
import pkgutil
from collections.abc import Callable

import pytest

import tox_prodsim
from tox_prodsim.model.dataclass import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class Base:
    """Has a field with a default before one without."""

    name: str = "a"
    size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Derived(Base):
    """Changes a default, and adds a field that is made anew for each instance."""

    name: str = "b"
    parts: list[int] = field(default_factory=list)
    note: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Positional:
    """Takes its values in their order."""

    left: int
    right: int = 2


@dataclass(kw_only=True, slots=True)
class Changing:
    """Can be changed, and looks at its values at once."""

    count: int = 0

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ValueError(self.count)


def test_values_defaults_and_inheritance() -> None:
    derived = Derived(size=1)
    assert (derived.name, derived.size, derived.parts, derived.note) == ("b", 1, [], "")
    assert derived.parts is not Derived(size=1).parts
    assert Positional(1) == Positional(1, 2) != Positional(1, 3)
    assert Base(size=1) != Derived(size=1)
    with pytest.raises(TypeError, match="size"):
        Base()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unexpected"):
        Base(size=1, other=2)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Base("a", 1)  # type: ignore[misc]


def test_comparison_leaves_out_what_says_so() -> None:
    assert Derived(size=1, note="x") == Derived(size=1, note="y")
    assert hash(Positional(1)) == hash(Positional(1, 2))
    assert hash(Base(size=1)) != hash(Base(size=2))
    with pytest.raises(TypeError, match="unhashable"):
        hash(Changing())


@pytest.mark.parametrize("change", [lambda one: setattr(one, "size", 2), lambda one: delattr(one, "size")])
def test_a_frozen_one_cannot_be_changed(change: Callable[[Base], None]) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        change(Base(size=1))


def test_post_init_is_called() -> None:
    with pytest.raises(ValueError, match="-1"):
        Changing(count=-1)


def test_slots() -> None:
    changing = Changing()
    changing.count += 1
    assert changing == Changing(count=1)
    with pytest.raises(AttributeError):
        changing.other = 1  # type: ignore[attr-defined]
    assert not hasattr(Derived(size=1), "__dict__")


def test_functions_of_the_standard_library_know_the_fields() -> None:
    derived = Derived(size=1, parts=[2])
    assert [each.name for each in dataclasses.fields(derived)] == ["name", "size", "parts", "note"]
    assert dataclasses.asdict(derived) == {"name": "b", "size": 1, "parts": [2], "note": ""}
    assert dataclasses.replace(derived, size=3) == Derived(size=3, parts=[2])
    assert dataclasses.is_dataclass(Derived)
    assert repr(Base(size=1)) == "Base(name='a', size=1)"


def test_copies_and_pickles() -> None:
    for one in (Derived(size=1, parts=[2]), Positional(1), Changing(count=3)):
        assert pickle.loads(pickle.dumps(one)) == copy.copy(one) == copy.deepcopy(one) == one


def test_a_pickle_needs_no_instance_made_before() -> None:
    @dataclass(frozen=True, kw_only=True, slots=True)
    class Late(Base):
        """Is restored before any other instance is made."""

        more: int

    late = Late.__new__(Late)
    late.__setstate__(["a", 1, 2])  # type: ignore[attr-defined]
    assert (late.name, late.size, late.more) == ("a", 1, 2)
    assert late == Late(size=1, more=2)


def test_a_pattern_takes_values_by_their_place() -> None:
    match Positional(1, 5):
        case Positional(1, right):
            assert right == 5


def test_every_class_of_ours_is_made_as_the_standard_library_makes_it() -> None:
    names = [
        each.name for each in pkgutil.walk_packages(tox_prodsim.__path__, "tox_prodsim.") if "._child" not in each.name
    ]
    modules = [importlib.import_module(name) for name in names if not name.endswith("__main__")]
    values = [value for module in modules for value in vars(module).values()]
    classes = {value for value in values if isinstance(value, type) and hasattr(value, "__prodsim_defaults__")}
    assert len(classes) > 200
    for each in classes:
        assert all("ClassVar" not in str(each_field.type) for each_field in dataclasses.fields(each))
        assert tuple(each_field.name for each_field in dataclasses.fields(each)) == tuple(each.__prodsim_defaults__)

"""`WireStruct`: a value on the wire under long or short keys, and the validation of its numbers."""

from __future__ import annotations

import functools
import typing
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from operator import attrgetter
from typing import Annotated, Any, ClassVar, Final, TypeVar

import msgspec

__all__ = [
    "MAX_MAGNITUDE",
    "Reader",
    "WireStruct",
    "WireStructT",
    "nested_struct_of",
    "never_none",
    "readers_of",
    "rebuild_struct",
    "simple_class_of",
    "simple_key_of",
    "validate_numbers",
    "wire_class_of",
    "wire_hints",
    "wire_key",
]


Reader = Callable[[Any], Any]
"""Makes a field's value from any JSON value; never raises."""


def wire_key(simple: str, *, reader: Reader | None = None, nullable: bool = False) -> msgspec.Meta:
    """The SIMPLE key of a field, and how to read a value that is not of its declared type.

    Args:
        simple: the key.
        reader: None where no other type is known.
        nullable: whether null is a value like others; it also is where None is the default. Elsewhere
            ``X | None`` means that Upbit always sends X: null then is as odd as text, and reported.
    """
    return msgspec.Meta(extra={"simple": simple, "reader": reader, "nullable": nullable})


MAX_MAGNITUDE: Final = 100
"""No price, amount or rate has more digits before its decimal point, or zeros after it."""


_MAX_INT: Final = 2**63


def validate_numbers(value: Any) -> None:
    """Refuse numbers that are not finite or are absurdly large: formatting them would hang or crash.

    ``"NaN"`` as text becomes a Decimal, and so does 1e999999999, whose digits fill a gigabyte.

    Raises:
        ValueError: the number is not finite, or absurdly large or small.
    """
    # Runs for each frame that is read: the most frequent types come first.
    if isinstance(value, Decimal):
        if not (-MAX_MAGNITUDE <= value.adjusted() <= MAX_MAGNITUDE and value.is_finite()):
            raise ValueError(f"{value!s:.40} is not a price, amount or rate")
    elif isinstance(value, WireStruct):
        for each in _numbers_of(type(value))(value):
            kind = type(each)
            if kind is Decimal:
                if -MAX_MAGNITUDE <= each.adjusted() <= MAX_MAGNITUDE and each.is_finite():
                    continue
            elif kind is int and 0 <= each < _MAX_INT:
                continue
            if each is not None:
                validate_numbers(each)
    elif isinstance(value, tuple | list):
        for item in value:
            validate_numbers(item)
    elif isinstance(value, int) and not -_MAX_INT <= value < _MAX_INT:
        raise ValueError("an integer of more than 64 bits")


@functools.cache
def _numbers_of(cls: type[WireStruct]) -> Callable[[Any], tuple[Any, ...]]:
    """Returns a getter of the fields that may contain a number, at any depth."""
    hints = typing.get_type_hints(cls, include_extras=True)
    names = [name for name in cls.__struct_fields__ if _may_hold_number(hints[name])]
    # The last one twice: for a single name `attrgetter` returns no tuple.
    return attrgetter(*names, names[-1]) if names else lambda _: ()


def _may_hold_number(hint: Any) -> bool:
    return (
        hint in (int, Decimal)
        or nested_struct_of(hint) is not None
        or any(map(_may_hold_number, typing.get_args(hint)))
    )


class WireStruct(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A value on the wire, under long or short keys.

    The class itself has the DEFAULT names. `wire_class_of` derives twins, one with the SIMPLE names, that
    decode what Upbit documents and nothing else; their instances *are* instances of the public class and
    equal to it.
    """

    vital: ClassVar[tuple[str, ...]] = ()
    """Of a struct inside an event: the fields that must be readable, or all of it is odd."""
    public_class: ClassVar[type[WireStruct]]
    """The class with the DEFAULT names, for the twins as well."""
    has_simple_keys: ClassVar[bool] = False
    """Whether it is the twin with the SIMPLE names."""
    _simple: ClassVar[type[WireStruct]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.public_class = cls

    def _values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self.public_class.__struct_fields__)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, WireStruct) or self.public_class is not other.public_class:
            return NotImplemented
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash((self.public_class, self._values()))

    def __reduce__(self) -> tuple[Any, ...]:
        return rebuild_struct, (self.public_class, msgspec.structs.asdict(self))


WireStructT = TypeVar("WireStructT", bound=WireStruct)


def rebuild_struct(cls: type[WireStructT], fields: dict[str, Any]) -> WireStructT:
    """Make a struct from its fields; called by pickle."""
    return cls(**fields)


def simple_key_of(cls: type[WireStruct], field: str) -> str:
    """The SIMPLE key of a field; the field's own name where Upbit does not abbreviate it."""
    return _simple_keys(cls).get(field, field)


@functools.cache
def _simple_keys(cls: type[WireStruct]) -> dict[str, str]:
    return {name: str(extra["simple"]) for name, extra in _field_extras(cls) if "simple" in extra}


@functools.cache
def readers_of(cls: type[WireStruct]) -> Mapping[str, Reader]:
    """By field, the readers of fields that may come as other types than declared."""
    return {name: extra["reader"] for name, extra in _field_extras(cls) if extra.get("reader") is not None}


def _field_extras(cls: type[WireStruct]) -> Iterable[tuple[str, Mapping[str, Any]]]:
    for name, hint in typing.get_type_hints(cls, include_extras=True).items():
        for meta in getattr(hint, "__metadata__", ()):
            if isinstance(meta, msgspec.Meta) and meta.extra:
                yield name, meta.extra


def never_none(cls: type[WireStruct]) -> tuple[str, ...]:
    """The fields that, by their annotation, always have a value, and have no default."""
    hints = typing.get_type_hints(cls)
    return tuple(
        field.name
        for field in msgspec.structs.fields(cls)
        if field.required and type(None) not in typing.get_args(hints[field.name])
    )


def nested_struct_of(hint: Any) -> type[WireStruct] | None:
    """The wire struct inside ``X``, ``X | None``, ``tuple[X, ...]`` or an annotated form of these."""
    if isinstance(hint, type) and issubclass(hint, WireStruct):
        return hint
    for arg in typing.get_args(hint):
        found = nested_struct_of(arg)
        if found is not None:
            return found
    return None


def _with_twins(hint: Any, simple: bool) -> Any:
    """The same hint with each wire struct replaced by its twin."""
    if isinstance(hint, type) and not typing.get_args(hint):
        return wire_class_of(hint, simple) if issubclass(hint, WireStruct) else hint
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return _with_twins(args[0], simple)
    if origin is None or nested_struct_of(hint) is None:
        return hint
    swapped = tuple(_with_twins(arg, simple) for arg in args)
    if origin in (tuple,):
        return tuple[swapped]  # type: ignore[valid-type]  # built at run time from a checked hint
    return functools.reduce(lambda a, b: a | b, swapped)


def _without_none(hint: Any) -> Any:
    kept = [arg for arg in typing.get_args(hint) if arg is not type(None)]
    is_optional = len(kept) < len(typing.get_args(hint))
    return functools.reduce(lambda a, b: a | b, kept) if is_optional else hint


@functools.cache
def wire_hints(cls: type[WireStruct], simple: bool) -> Mapping[str, Any]:
    """By field, what Upbit documents: None only where null is a value like others (see `wire_key`)."""
    hints = typing.get_type_hints(cls, include_extras=True)
    nullable = {name for name, extra in _field_extras(cls) if extra.get("nullable")}
    documented = {}
    for field in msgspec.structs.fields(cls):
        hint = _with_twins(hints[field.name], simple)
        may_be_none = field.default is None or field.name in nullable
        documented[field.name] = hint if may_be_none else _without_none(hint)
    return documented


@functools.cache
def wire_class_of(cls: type[WireStructT], simple: bool) -> type[WireStructT]:
    """The twin of a wire struct that reads DEFAULT or SIMPLE keys, and only what Upbit documents."""
    keys = dict(zip(cls.__struct_fields__, cls.__struct_encode_fields__, strict=True))
    fields: list[tuple[str, Any, Any]] = []
    for field in msgspec.structs.fields(cls):
        name = simple_key_of(cls, field.name) if simple else keys[field.name]
        options: dict[str, Any] = {"name": name}
        if field.default is not msgspec.NODEFAULT:
            options["default"] = field.default
        elif field.default_factory is not msgspec.NODEFAULT:
            options["default_factory"] = field.default_factory
        fields.append((field.name, wire_hints(cls, simple)[field.name], msgspec.field(**options)))
    twin = msgspec.defstruct(
        cls.__name__, fields, bases=(cls,), module=cls.__module__, frozen=True, kw_only=True, eq=False
    )
    twin.public_class = cls  # type: ignore[attr-defined]  # defstruct is typed as returning plain Struct
    twin.has_simple_keys = simple  # type: ignore[attr-defined]  # the same
    return typing.cast("type[WireStructT]", twin)


def simple_class_of(cls: type[WireStructT]) -> type[WireStructT]:
    """The twin of a wire struct that reads and writes SIMPLE keys."""
    return wire_class_of(cls, True)

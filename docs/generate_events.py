"""Write docs/events.md from the declarations: `python -m docs.generate_events`.

The events are declared once, in qt_upbit/types, and so is their documentation.
"""

from __future__ import annotations

import inspect
import re
import typing
from pathlib import Path
from typing import Any

from qt_upbit.types import EVENT_TYPES, CodeRule, EventSpec, OrderbookUnit
from qt_upbit.types.wire_struct import nested_struct_of, simple_key_of

__all__ = ["page"]

_HEAD = """# Events

<!-- Generated from qt_upbit/types by `python -m docs.generate_events`; do not edit. -->

Every field that Upbit sends, under its DEFAULT name, with its SIMPLE key. Numbers are exact `Decimal`s,
prices in the quote currency and volumes in the base currency of the code; `*_timestamp` fields are
milliseconds since the epoch, UTC. Properties give aware datetimes: `time`, `traded_at`, `ordered_at`,
`start`. A field that may be None is not vital: where Upbit leaves it out, or sends another type, the rest of
the event arrives all the same (`OddFieldError`). The protocol sections are those of
[upbit-protocol.md](upbit-protocol.md).
"""


def _type_text(hint: Any) -> str:
    if typing.get_origin(hint) is typing.Annotated:
        return _type_text(typing.get_args(hint)[0])
    if isinstance(hint, type) and not typing.get_args(hint):
        return {"Raw": "tuple[OrderbookUnit, ...]", "NoneType": "None"}.get(hint.__name__, hint.__name__)
    args = typing.get_args(hint)
    if typing.get_origin(hint) is tuple:
        return f"tuple[{_type_text(args[0])}, ...]"
    return " or ".join(_type_text(arg) for arg in args)


def _fields(cls: type[Any]) -> list[str]:
    hints = typing.get_type_hints(cls, include_extras=True)
    rows = ["| field | SIMPLE | type |", "|---|---|---|"]
    for name, wire in zip(cls.__struct_fields__, cls.__struct_encode_fields__, strict=True):
        rows.append(f"| `{wire}` | `{simple_key_of(cls, name)}` | {_type_text(hints[name])} |")
    return rows


def _section(row: EventSpec) -> list[str]:
    cls = row.event_class
    codes = {CodeRule.REQUIRED: "required", CodeRule.OPTIONAL: "optional", CodeRule.FORBIDDEN: "none"}
    types = ", ".join(f"`{wire_type}`" for wire_type in row.wire_types)
    options = ", ".join(f"`{option}`" for option in row.option_names) or "none"
    doc = re.sub(r"\s*\n\s*", "\n", inspect.getdoc(cls) or "").strip()
    return [
        f"\n## {cls.__name__}\n",
        doc,
        f"\n`subscribe_{row.name}` · `{row.name}_received` · type {types} · {row.scope.value} socket · codes "
        f"{codes[row.codes]} · snapshot {'yes' if row.has_snapshot else 'no'} · default delivery "
        f"{row.delivery.name} · options {options}\n",
        *_fields(cls),
    ]


def page() -> str:
    """The whole page."""
    lines = [_HEAD.rstrip()]
    nested: dict[str, type[Any]] = {}
    for row in EVENT_TYPES.values():
        lines += _section(row)
        for hint in typing.get_type_hints(row.event_class).values():
            found = nested_struct_of(hint)
            if found is not None:
                nested[found.__name__] = found
        if row.has_depth:
            nested["OrderbookUnit"] = OrderbookUnit
    lines.append("\n# Parts\n")
    for name, cls in nested.items():
        lines += [f"\n## {name}\n", (inspect.getdoc(cls) or "").strip() + "\n", *_fields(cls)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("events.md").write_text(page(), encoding="utf-8", newline="\n")

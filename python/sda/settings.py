"""Settings of an experiment: Python's values as the TOML that the library reads."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping
from typing import Any, Union

from .errors import UsageError

Config = Union[str, "os.PathLike[str]", Mapping[str, Any], None]
Pairs = list[tuple[str, str]]


def toml(value: Any, where: str = "a setting") -> str:
    """A value as TOML: numbers, texts, lists and tables of them."""
    if hasattr(value, "tolist"):  # NumPy's
        value = value.tolist()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        if math.isnan(value):
            return "nan"
        return repr(value) if math.isfinite(value) else ("inf" if value > 0 else "-inf")
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(str(k))} = {toml(v, where)}" for k, v in value.items()) + "}"
    if isinstance(value, Iterable):
        return "[" + ", ".join(toml(v, where) for v in value) + "]"
    raise UsageError(
        "not a value that a setting can have", where, type(value).__name__, "a number, text, list or table"
    )


def pairs(settings: Mapping[str, Any]) -> Pairs:
    """("sampler.steps", "64") of {"sampler.steps": 64} or {"sampler": {"steps": 64}}; what is None is left out."""
    found: Pairs = []
    for key, value in settings.items():
        if value is None:
            continue
        if isinstance(value, Mapping) and "." not in key:
            found += [(f"{key}.{inner}", toml(v, f"{key}.{inner}")) for inner, v in value.items() if v is not None]
        else:
            found.append((key, toml(value, key)))
    return found


def split(config: Config, **settings: Any) -> tuple[str, Pairs]:
    """The experiment's file, and settings over it: `config` is either, arguments ("network__order") go last."""
    over = pairs({name.replace("__", "."): value for name, value in settings.items()})
    if config is None:
        return "", over
    if isinstance(config, Mapping):
        return "", pairs(config) + over
    return os.fspath(config), over


def command(call: str, **arguments: Any) -> str:
    """The call for the record: "sda.train(order=4)"."""
    given = ", ".join(f"{k}={v!r}" for k, v in arguments.items() if v is not None and not callable(v))
    return f"{call}({given})"

"""The library's errors. Each says what was wrong, where, what was found, what was expected, and a hint."""

from __future__ import annotations

import builtins


def _message(what: str, where: str, found: str, expected: str, hint: str) -> str:
    text = f"{where}: {what}" if where else what
    sides = ", ".join(f"{name} {value}" for name, value in (("found", found), ("expected", expected)) if value)
    return text + (f": {sides}" if sides else "") + (f"; {hint}" if hint else "")


class Error(Exception):
    """Base of every error of ours. Parts that a message does not have are empty.

    Attributes:
        what: what was wrong, "observation noise σ is negative".
        where: file, key or argument.
        found, expected: the value found, and what it should have been.
        hint: how to correct it.
    """

    def __init__(self, what: str, where: str = "", found: str = "", expected: str = "", hint: str = "") -> None:
        super().__init__(_message(what, where, found, expected, hint))
        self.what, self.where, self.found, self.expected, self.hint = what, where, found, expected, hint

    def __reduce__(self):  # type: ignore[no-untyped-def]
        return type(self), (self.what, self.where, self.found, self.expected, self.hint)


class UsageError(Error, builtins.ValueError):
    """An argument or a key is wrong."""


class ValueError(Error, builtins.ValueError):  # the library's name
    """A value is outside its range."""


class ShapeError(Error, builtins.ValueError):
    """Sizes of two things that must agree do not."""


class FileError(Error, OSError):
    """A file is missing, unreadable, damaged, of the wrong kind, or cannot be written."""


class NumericalError(Error, ArithmeticError):
    """NaN or infinity came out of a computation whose inputs were finite."""


class UnsupportedError(Error):
    """What was asked for does not exist for this object."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C stopped the work; `hint` says what was saved, and how to go on."""

    def __init__(self, what: str, where: str = "", found: str = "", expected: str = "", hint: str = "") -> None:
        super().__init__(_message(what, where, found, expected, hint))
        self.what, self.where, self.found, self.expected, self.hint = what, where, found, expected, hint

"""Arrays of others as NumPy's, of the same memory."""

from __future__ import annotations

from typing import Any

import numpy

from .errors import UsageError


def as_array(value: Any, where: str = "an array") -> numpy.ndarray:
    """A NumPy view of an array, a DataArray or what speaks DLPack (a torch tensor on the CPU); nothing is copied.

    Raises UsageError for a tensor on another device or one that autograd follows.
    """
    if isinstance(value, numpy.ndarray):
        return value
    if hasattr(value, "dims") and hasattr(value, "values"):
        return numpy.asarray(value.values)
    if getattr(value, "requires_grad", False):
        raise UsageError("a tensor that autograd follows", where, hint="give tensor.detach()")
    if hasattr(value, "__dlpack__"):
        try:
            return numpy.from_dlpack(value)
        except (RuntimeError, BufferError, TypeError) as error:
            raise UsageError(
                "a tensor that NumPy cannot point at", where, str(error), hint="move it to the CPU"
            ) from None
    return numpy.asarray(value)


def floating(value: Any, where: str) -> numpy.ndarray:
    """The same in float32 or float64; integers become float64. Raises UsageError for other dtypes."""
    array = as_array(value, where)
    if array.dtype.kind in "iu":
        return array.astype(numpy.float64)
    if array.dtype.kind != "f" or array.dtype.itemsize not in (4, 8):
        raise UsageError("an array of another dtype", where, str(array.dtype), "float32 or float64")
    return array


def joined(arrays: list[numpy.ndarray], axis: int) -> numpy.ndarray:
    """The arrays along a new axis. Where they lie evenly apart in one memory, as views of one array do, it is that
    memory; else a copy."""
    first = arrays[0]
    if len(arrays) == 1:
        return numpy.expand_dims(first, axis)
    steps = {b.__array_interface__["data"][0] - a.__array_interface__["data"][0] for a, b in zip(arrays, arrays[1:])}
    alike = all(a.strides == first.strides and a.dtype == first.dtype and a.shape == first.shape for a in arrays)
    owners = {id(_owner(a)) for a in arrays}
    if not alike or len(owners) > 1 or len(steps) > 1 or min(steps) <= 0:
        return numpy.stack(arrays, axis)
    shape, strides = list(first.shape), list(first.strides)
    shape.insert(axis, len(arrays))
    strides.insert(axis, steps.pop())
    return numpy.lib.stride_tricks.as_strided(first, shape, strides)


def _owner(array: numpy.ndarray) -> Any:
    """The object whose memory an array views."""
    owner: Any = array
    while isinstance(owner, numpy.ndarray) and owner.base is not None:
        owner = owner.base
    return owner

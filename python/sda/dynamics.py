"""Forecast models of your own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy

from . import arrays


class Dynamics:
    """A forecast model as a function of Python, for `particle_filter`.

    Args:
        step: (states, rng) → the next states, (member, …event) in physical units, with the noise of a transition drawn
            from rng, a numpy.random.Generator.
        start: (members, rng) → the first states.
        name: for people.

    Draws hang on seed, step and first member alone.
    """

    def __init__(
        self,
        step: Callable[[numpy.ndarray, Any], Any],
        start: Callable[[int, Any], Any],
        *,
        name: str = "forecast model",
    ) -> None:
        self._of_step, self._of_start, self.name = step, start, name

    def _step(self, states: numpy.ndarray, stream: tuple[int, ...]) -> numpy.ndarray:
        return numpy.ascontiguousarray(
            arrays.floating(self._of_step(states, numpy.random.default_rng(list(stream))), "step")
        )

    def _start(self, members: int, stream: tuple[int, ...]) -> numpy.ndarray:
        return numpy.ascontiguousarray(
            arrays.floating(self._of_start(members, numpy.random.default_rng(list(stream))), "start")
        )

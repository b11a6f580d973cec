"""Operators and noise of your own, as functions of Python."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable, Mapping
from typing import Any, Optional, Union

import numpy

from . import arrays
from .errors import UsageError
from .settings import toml

_known: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()
_numbers = itertools.count(1)


def lookup(number: int) -> Any:
    """The function of this number, while somebody holds it."""
    try:
        return _known[number]
    except KeyError:
        raise UsageError("a function of another process, or one that nobody holds", "python", str(number)) from None


class Function:
    """A function that links and noise know by a number of this process."""

    def __init__(self) -> None:
        self.number = next(_numbers)
        _known[self.number] = self

    def __reduce__(self) -> Any:
        raise TypeError(
            "a function of Python cannot be pickled with observations: make them again where they are used"
        )


class Operator(Function):
    """What an instrument reads of each state; see `operator` and `torch_operator`."""

    def __init__(self, read: Callable, vjp: Callable, jvp: Optional[Callable], name: str) -> None:
        super().__init__()
        self._read, self._vjp, self._jvp, self.name = read, vjp, jvp, name

    def read(self, states: numpy.ndarray) -> numpy.ndarray:
        return _fresh(self._read(states), self.name)

    def vjp(self, states: numpy.ndarray, v: numpy.ndarray) -> numpy.ndarray:
        return _fresh(self._vjp(states, v), self.name)

    def jvp(self, states: numpy.ndarray, d: numpy.ndarray) -> numpy.ndarray:
        """H d; by central differences in float64 where it was not given."""
        if self._jvp is not None:
            return _fresh(self._jvp(states, d), self.name)
        x, step = states.astype(numpy.float64), d.astype(numpy.float64)
        size = numpy.abs(step).max()
        if size == 0:
            return numpy.zeros_like(_fresh(self._read(x), self.name))
        h = 1e-4 * max(1.0, numpy.abs(x).max()) / size
        return (_fresh(self._read(x + h * step), self.name) - _fresh(self._read(x - h * step), self.name)) / (2 * h)


class Noise(Function):
    """The noise of an instrument; see `noise`."""

    def __init__(self, log_density: Callable, draw: Optional[Callable], description: str) -> None:
        super().__init__()
        self._log_density, self._draw, self.description = log_density, draw, description

    def log_density(self, y: numpy.ndarray, a: numpy.ndarray, sigma: numpy.ndarray) -> numpy.ndarray:
        return _fresh(self._log_density(y, a, sigma), "noise")

    def draw(self, a: numpy.ndarray, sigma: numpy.ndarray, stream: tuple[int, ...]) -> numpy.ndarray:
        if self._draw is None:
            raise UsageError("a noise without a function that draws", "noise", hint="give draw=")
        return _fresh(
            self._draw(a, numpy.broadcast_to(sigma, a.shape), numpy.random.default_rng(list(stream))), "noise"
        )


def _fresh(values: Any, where: str) -> numpy.ndarray:
    """An array that the function does not write to later."""
    return numpy.ascontiguousarray(arrays.floating(values, where))


def operator(
    read: Callable[[numpy.ndarray], Any],
    vjp: Callable[[numpy.ndarray, numpy.ndarray], Any],
    *,
    jvp: Optional[Callable[[numpy.ndarray, numpy.ndarray], Any]] = None,
    name: str = "",
) -> Operator:
    """An observation operator of NumPy functions.

    Args:
        read: states (n, …event) in physical units → observations (n, …), each of its state alone.
        vjp: (states, v) → Hᵀ v, of the states' shape; v has the observations'. The adjoint where `read` is linear.
        jvp: (states, d) → H d; without it by differences of `read`.
        name: for people.

    `sda.check_operator` holds the two against each other.
    """
    return Operator(read, vjp, jvp, name or getattr(read, "__name__", "function"))


def torch_operator(read: Callable[[Any], Any], *, name: str = "") -> Operator:
    """An observation operator of a torch function or module, differentiated by autograd.

    Args:
        read: states (n, …event), a tensor in physical units, float32 or float64 → observations (n, …).
    """
    import torch

    def plain(states: numpy.ndarray) -> Any:
        with torch.no_grad():
            return read(torch.from_numpy(states)).numpy()

    def pulled(states: numpy.ndarray, v: numpy.ndarray, create_graph: bool = False) -> Any:
        with torch.enable_grad():
            x = torch.from_numpy(states).detach().requires_grad_()
            y = read(x)
            return torch.autograd.grad(y, x, torch.from_numpy(v).to(y.dtype))[0].numpy()

    def pushed(states: numpy.ndarray, d: numpy.ndarray) -> Any:
        with torch.enable_grad():
            x = torch.from_numpy(states).detach().requires_grad_()
            y = read(x)
            v = torch.zeros_like(y, requires_grad=True)
            (g,) = torch.autograd.grad(y, x, v, create_graph=True)
            return torch.autograd.grad(g, v, torch.from_numpy(d).to(g.dtype))[0].numpy()

    return Operator(plain, pulled, pushed, name or getattr(read, "__name__", type(read).__name__))


def check_operator(function: Operator, states: Any, seed: int = 0) -> float:
    """|⟨v, H d⟩ − ⟨Hᵀ v, d⟩| / (|⟨v, H d⟩| + |v| |H d| 10⁻¹²) for random v and d: H by central differences of `read`.

    About 10⁻⁶ for an adjoint that is right, of order 1 for one that is not. `states` (n, …event), physical units.
    """
    x = arrays.floating(states, "states").astype(numpy.float64)
    rng = numpy.random.default_rng(seed)
    d = rng.standard_normal(x.shape)
    pushed = Operator(function._read, function._vjp, None, function.name).jvp(x, d)
    v = rng.standard_normal(pushed.shape)
    forward, backward = float((v * pushed).sum()), float((function.vjp(x, v) * d).sum())
    scale = abs(forward) + 1e-12 * float(numpy.linalg.norm(v) * numpy.linalg.norm(pushed))
    return abs(forward - backward) / scale


def noise(
    log_density: Callable[[Any, Any, Any], Any],
    draw: Optional[Callable[[Any, Any, Any], Any]] = None,
    *,
    description: str = "noise of Python, of scale",
) -> Noise:
    """The noise of an instrument as functions of NumPy.

    Args:
        log_density: (y, a, σ) → log p(y | a) of each observation y of a = A(x); float64 arrays that broadcast. It is
            called some 400 times for each step of the sampler.
        draw: (a, σ, rng) → y, with rng a numpy.random.Generator; for `Observations.draw` alone.
    """
    return Noise(log_density, draw, description)


def chain(links: Any) -> tuple[str, list[Function]]:
    """A chain of links as TOML, and the functions in it, to be held."""
    if isinstance(links, str):
        return links, []
    if isinstance(links, (Mapping, Function)) or callable(links):
        links = [links]
    texts: list[str] = []
    functions: list[Function] = []
    physical = False
    for link in links:
        if isinstance(link, Operator):
            if not physical:
                texts.append("{physical = true}")
                physical = True
            texts.append(f"{{python = [{link.number}]}}")
            functions.append(link)
        elif isinstance(link, Mapping):
            physical = physical or "physical" in link
            texts.append(toml(link, "operator"))
        else:
            raise UsageError(
                "not a link of an operator",
                "operator",
                repr(link),
                'a table such as {"every": 8}, or a function',
                "sda.operator(read, vjp) and sda.torch_operator(read) make one of a function",
            )
    return "[" + ", ".join(texts) + "]", functions


def noise_settings(given: Union[None, str, Mapping[str, Any], Noise]) -> tuple[dict[str, Any], list[Function]]:
    """Keys of a noise: "student_t", {"noise": "student_t", "degrees_of_freedom": 4}, or a function."""
    if given is None:
        return {}, []
    if isinstance(given, Noise):
        return {"noise": "python", "parameters": [float(given.number)]}, [given]
    return ({"noise": given} if isinstance(given, str) else dict(given)), []

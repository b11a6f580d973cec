"""Denoisers of others as priors: their conventions, mapped onto ours.

Our x(t) = μ x₀ + σ ε is z = x₀ + r ε, r = σ/μ, times μ. Every convention is four numbers at r: the network is called
with u = c z and its own time s, and x̂₀ = a u + b · (what it gave). With data scaled by `data_scale`, z and r are
multiplied by it before and x̂₀ is divided by it after.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Optional

import numpy

from . import _sda, arrays, data, prior
from .errors import ShapeError, UsageError
from .settings import Config, split

Schedule = Callable[[float], tuple[float, float]]
CONVENTIONS = ("epsilon", "x0", "v", "edm", "edm_network", "flow", "azula", "physicsnemo")


@dataclass(frozen=True)
class Coefficients:
    """u = c z, x̂₀ = a u + b out, out = network(u, s)."""

    c: float
    a: float
    b: float
    s: float


def _of_schedule(convention: str, alpha: float, sigma: float, s: float) -> Coefficients:
    if convention == "epsilon":
        return Coefficients(alpha, 1 / alpha, -sigma / alpha, s)
    if convention == "v":
        norm = alpha**2 + sigma**2
        return Coefficients(alpha, alpha / norm, -sigma / norm, s)
    return Coefficients(alpha, 0.0, 1.0, s)


def coefficients(convention: str, r: float, schedule: Schedule, sigma_data: float) -> Coefficients:
    """Of a convention at r = σ/μ of the scaled data."""
    if convention in ("edm", "physicsnemo"):
        return Coefficients(1.0, 0.0, 1.0, r)
    if convention == "edm_network":  # Karras et al. (2022), table 1: c_skip, c_out, c_in, c_noise
        norm = math.sqrt(r**2 + sigma_data**2)
        return Coefficients(1 / norm, sigma_data**2 / norm, r * sigma_data / norm, math.log(r) / 4)
    if convention == "flow":
        s = r / (1 + r)
        return Coefficients(1 - s, 1.0, -s, s)
    s = time_of(schedule, r)
    return _of_schedule(convention, *schedule(s), s)


def time_of(schedule: Schedule, r: float) -> float:
    """The s in [0, 1] with σ(s)/α(s) = r, which grows with s; an end where r lies outside."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        alpha, sigma = schedule(middle)
        low, high = (middle, high) if sigma < r * alpha else (low, middle)
    return 0.5 * (low + high)


def ratio_limits(convention: str, schedule: Schedule) -> tuple[float, float]:
    """The least and the largest r that a network of this convention has seen."""
    if convention in ("edm", "edm_network", "physicsnemo"):
        return 0.002, 80.0  # Karras et al. (2022)
    if convention == "flow":
        return 0.0, math.inf
    (first_alpha, first_sigma), (last_alpha, last_sigma) = schedule(0.0), schedule(1.0)
    return first_sigma / first_alpha, last_sigma / last_alpha if last_alpha > 0 else math.inf


class Denoiser:
    """A network, its convention, and how it is differentiated. Called by the library with x (row, length, …event)."""

    def __init__(
        self,
        network: Any,
        convention: str,
        schedule: Schedule,
        *,
        data_scale: float,
        sigma_data: float,
        limits: tuple[float, float],
        fold: bool,
        vjp: Optional[Callable],
        batch: int,
    ) -> None:
        self.network, self.convention, self.schedule, self.vjp = network, convention, schedule, vjp
        self.data_scale, self.sigma_data, self.limits, self.fold, self.batch = (
            data_scale,
            sigma_data,
            limits,
            fold,
            batch,
        )
        self.is_torch = type(network).__module__.split(".")[0] == "torch" or _is_module(network)

    def _plan(self, mu: float, sigma: float) -> tuple[Coefficients, float]:
        """Coefficients, and what z is multiplied by: data_scale, and beyond the noise that the network has seen what
        gives z the size that it has seen."""
        r = self.data_scale * sigma / mu
        seen = min(max(r, self.limits[0]), self.limits[1])
        size = math.sqrt((self.data_scale**2 + seen**2) / (self.data_scale**2 + r**2)) if seen != r else 1.0
        return coefficients(self.convention, seen, self.schedule, self.sigma_data), self.data_scale * size

    def _call(self, u: Any, s: float) -> Any:
        shape = u.shape
        if self.fold:
            u = u.reshape((shape[0], shape[1] * shape[2], *shape[3:]))
        if self.is_torch:
            import torch

            time = torch.as_tensor(s, dtype=u.dtype) if self.convention == "azula" else u.new_full((shape[0],), s)
        else:
            time = numpy.full(shape[0], s, u.dtype)
        out = self.network(u, time)
        if self.convention == "azula" and not hasattr(out, "shape"):  # a posterior, or in some versions its mean alone
            out = out.mean
        if math.prod(out.shape) != math.prod(shape):
            raise ShapeError(
                "a denoiser gave another shape than it was given",
                "denoiser",
                str(tuple(out.shape)),
                str(tuple(u.shape)),
            )
        return out.reshape(shape)

    def _epsilon(self, x: Any, mu: float, sigma: float) -> Any:
        k, scale = self._plan(mu, sigma)
        u = x * (k.c * scale / mu)
        estimate = (k.a * u + k.b * self._call(u, k.s)) / self.data_scale
        return (x - mu * estimate) / sigma

    def _batches(self, rows: int) -> list[slice]:
        return [slice(i, i + self.batch) for i in range(0, rows, self.batch)]

    def epsilon(self, x: numpy.ndarray, mu: float, sigma: float) -> numpy.ndarray:
        """ε of our x(t), from the network's x̂₀."""
        return _joined([self._plain(x[rows], mu, sigma) for rows in self._batches(len(x))])

    def _plain(self, x: numpy.ndarray, mu: float, sigma: float) -> numpy.ndarray:
        if not self.is_torch:
            return arrays.floating(self._epsilon(x, mu, sigma), "denoiser")
        import torch

        with torch.no_grad():
            return self._epsilon(torch.from_numpy(x), mu, sigma).numpy()

    def linearise(self, x: numpy.ndarray, mu: float, sigma: float) -> tuple[numpy.ndarray, Callable]:
        """ε, and v ↦ vᵀ ∂ε/∂x, as often as asked for."""
        parts = [self._linear(x[rows], mu, sigma) for rows in self._batches(len(x))]

        def pull(v: numpy.ndarray) -> numpy.ndarray:
            return _joined([one(v[rows]) for (_, one), rows in zip(parts, self._batches(len(v)))])

        return _joined([epsilon for epsilon, _ in parts]), pull

    def _linear(self, x: numpy.ndarray, mu: float, sigma: float) -> tuple[numpy.ndarray, Callable]:
        return self._linear_by_autograd(x, mu, sigma) if self.is_torch else self._linear_by_vjp(x, mu, sigma)

    def _linear_by_autograd(self, x: numpy.ndarray, mu: float, sigma: float) -> tuple[numpy.ndarray, Callable]:
        import torch

        with torch.enable_grad():
            leaf = torch.from_numpy(x).detach().requires_grad_()
            epsilon = self._epsilon(leaf, mu, sigma)

        def pull(v: numpy.ndarray) -> numpy.ndarray:
            return torch.autograd.grad(epsilon, leaf, torch.from_numpy(v).to(epsilon.dtype), retain_graph=True)[
                0
            ].numpy()

        return epsilon.detach().numpy(), pull

    def _linear_by_vjp(self, x: numpy.ndarray, mu: float, sigma: float) -> tuple[numpy.ndarray, Callable]:
        k, scale = self._plan(mu, sigma)
        factor = k.c * scale / mu
        vjp = self.vjp
        if vjp is None:
            raise UsageError(
                "a denoiser that is no torch module has no derivative",
                "denoiser",
                hint='give vjp=, or assimilate with {"guidance.rule": "sda", "guidance.detach": True}',
            )

        def pull(v: numpy.ndarray) -> numpy.ndarray:
            assert vjp is not None
            pulled = arrays.floating(vjp(x * factor, numpy.full(len(x), k.s, x.dtype), v), "vjp")
            return v / sigma - (mu / sigma / self.data_scale * factor) * (k.a * v + k.b * pulled)

        return self._plain(x, mu, sigma), pull


def _is_module(network: Any) -> bool:
    import sys

    torch = sys.modules.get("torch")
    return torch is not None and isinstance(network, torch.nn.Module)


def _joined(parts: Sequence[numpy.ndarray]) -> numpy.ndarray:
    return numpy.ascontiguousarray(parts[0] if len(parts) == 1 else numpy.concatenate(parts))


def _schedule_of(network: Any, convention: str, schedule: Any, ours: Schedule) -> Schedule:
    if convention == "azula" and schedule is None:
        import torch

        def own(s: float) -> tuple[float, float]:
            alpha, sigma = network.schedule(torch.tensor(s, dtype=torch.float64))
            return float(alpha), float(sigma)

        return own
    if schedule is None:
        return ours
    if callable(schedule):
        return schedule
    raise UsageError("not a schedule", "schedule", type(schedule).__name__, "a function s → (α, σ) of s in [0, 1]")


def from_denoiser(
    network: Any,
    *,
    like: Any,
    convention: str,
    order: Optional[int] = None,
    schedule: Optional[Schedule] = None,
    data_scale: float = 1.0,
    sigma_data: float = 0.5,
    limits: Optional[tuple[float, float]] = None,
    fold: Optional[bool] = None,
    vjp: Optional[Callable] = None,
    torch: Optional[bool] = None,
    batch: int = 4096,
    check: bool = True,
    config: Config = None,
) -> prior.Prior:
    """A prior of somebody else's denoiser.

    Args:
        network: called with windows (n, length, …event) and the time s (n) of its convention.
        like: trajectories of the states that it was trained on, by `simulate`, `trajectories` or any Dataset: layout,
            normalisation, and states to check the denoiser with.
        order: k of windows of 2k + 1 states; None: it takes whole trajectories of any length.
        convention: "epsilon", "x0", "v", "edm", "edm_network", "flow", "azula" or "physicsnemo" (docs/python.md).
        schedule: s → (α, σ) of x(s) = α x₀ + σ ε, s in [0, 1], σ/α growing; ours if not given.
        data_scale: the network saw normalised states times this, 0.5 for EDM's unit of data.
        sigma_data: of "edm_network", the network inside EDM's preconditioning.
        limits: least and largest σ/α that it was trained on; beyond the nearest is taken.
        fold: windows come as (n, length · channels, …space); of physicsnemo they do.
        vjp: (u, s, v) → vᵀ ∂network/∂u, of a network that is not torch's.
        torch: whether it takes tensors; known of modules.
        batch: windows at a time.
        check: compare its denoising error with that of no denoiser, and refuse one that is worse.

    Raises:
        UsageError: for an unknown convention, or a network that does not denoise `like`: a wrong convention mostly.
        ShapeError: for a network that gives another shape than it is given.
    """
    if convention not in CONVENTIONS:
        raise UsageError("no such convention", "convention", repr(convention), ", ".join(CONVENTIONS))
    record = data.record_of(like, "like")
    path, settings = split(config)
    if path:
        raise UsageError("settings are needed here", "config", path, "a dictionary")
    own = _sda.noise_schedule(settings)
    chosen = _schedule_of(network, convention, schedule, own)
    denoiser = Denoiser(
        network,
        convention,
        chosen,
        data_scale=data_scale,
        sigma_data=sigma_data,
        limits=limits or ratio_limits(convention, chosen),
        fold=convention == "physicsnemo" if fold is None else fold,
        vjp=vjp,
        batch=batch,
    )
    if torch is not None:
        denoiser.is_torch = torch
    made = prior.Prior._make(_sda.prior_of_denoiser(record, denoiser, order, settings))
    if check:
        _require_denoising(made, record)
    return made


def denoising_error(
    model: prior.Prior, like: Any, *, windows: int = 64, levels: int = 10, seed: int = 0
) -> numpy.ndarray:
    """How well a prior denoises: an array of rows (r, error, linear).

    r = σ/μ of ten levels from 0.02 to 20; the mean square of x̂₀ − x₀, in normalised units; and what the best multiple
    of z = x₀ + r ε would leave, which a denoiser that has learnt something is below.
    """
    record = like if isinstance(like, dict) else data.record_of(like, "like")
    return _errors(model, record, windows, levels, seed)


def _errors(model: prior.Prior, record: dict, windows: int, levels: int, seed: int) -> numpy.ndarray:
    rng = numpy.random.default_rng(seed)
    states = record["states"]
    length = states.shape[1] if model._handle.is_global else model.window
    if length > states.shape[1]:
        raise UsageError(
            "trajectories are shorter than a window", "like", str(states.shape[1]), f"{length} states or more"
        )
    rows = rng.integers(0, len(states), windows)
    starts = rng.integers(0, states.shape[1] - length + 1, windows)
    x0 = numpy.stack([states[i, j : j + length] for i, j in zip(rows, starts)])
    x0 = numpy.ascontiguousarray(model.normalise(x0), numpy.float32)
    power, found = float((x0**2).mean()), []
    for r in numpy.geomspace(0.02, 20, levels):
        t = model._handle.time_of(float(r))
        mu, sigma = model.schedule(t)
        x = (mu * x0 + sigma * rng.standard_normal(x0.shape)).astype(numpy.float32)
        error = float(((model.denoise(x, t) - x0) ** 2).mean())
        ratio = sigma / mu
        found.append((ratio, error, ratio**2 * power / (ratio**2 + power)))
    return numpy.array(found)


def _require_denoising(model: prior.Prior, record: dict) -> None:
    found = _errors(model, record, 64, 10, 0)
    worse = ~(found[:, 1] <= 1.5 * found[:, 2])
    if worse.sum() * 2 <= len(found):
        return
    level = int(numpy.nanargmax(numpy.where(numpy.isfinite(found[:, 1]), found[:, 1] / found[:, 2], -1)))
    raise UsageError(
        "this network does not denoise the states that it was given",
        "denoiser",
        f"a mean square error of {found[level, 1]:.3g} at sigma/mu = {found[level, 0]:.3g}",
        f"less than {found[level, 2]:.3g}, which the best multiple leaves",
        "convention, schedule or data_scale is another; check=False takes it as it is",
    )

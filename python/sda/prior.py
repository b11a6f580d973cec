"""Priors: trained, loaded, and the posteriors drawn with them."""

from __future__ import annotations

import os
import tempfile
import warnings
from typing import TYPE_CHECKING, Any, Optional, Union

import numpy

from . import _sda, arrays, data, packing
from .errors import UsageError
from .observations import Observations
from .progress import Progress, reporter
from .settings import Config, command, split

if TYPE_CHECKING:
    import xarray

PathLike = Union[str, "os.PathLike[str]"]


class Prior:
    """A trained prior p(x): a diffusion model of windows of states, or of whole trajectories.

    Made by `sda.train`, `Prior.load` and `Prior.from_denoiser`. It pickles, and several threads may use it at once.
    """

    _handle: Any

    def __init__(self) -> None:
        raise TypeError("a Prior is made by sda.train, Prior.load or Prior.from_denoiser")

    @classmethod
    def _make(cls, handle: Any) -> Prior:
        self = object.__new__(cls)
        self._handle = handle
        return self

    @classmethod
    def load(cls, path: PathLike, *, allow_code: bool = False) -> Prior:
        """The prior of a model file.

        Args:
            path: of a model of `sda train`, `sda import` or `Prior.save`.
            allow_code: run the TorchScript module that the file holds, which can do all that you can. Weights alone
                never run code.

        Raises:
            FileError: for a file that is missing, damaged or of another kind, or that holds code which was not allowed.
        """
        return cls._make(_sda.read_model(os.fspath(path), allow_code))

    @classmethod
    def from_denoiser(cls, network: Any, **arguments: Any) -> Prior:
        """A prior of somebody else's denoiser; see `sda.denoiser.from_denoiser` for the arguments."""
        from .denoiser import from_denoiser

        return from_denoiser(network, **arguments)

    def save(self, path: PathLike) -> None:
        """Writes a model file, which `sda assimilate --model` reads."""
        self._handle.save(os.fspath(path))

    def assimilate(
        self,
        observations: Observations,
        members: Optional[int] = None,
        *,
        seed: int = 0,
        quality: Optional[str] = None,
        config: Config = None,
        memory: str = "",
        device: str = "cpu",
        first_member: int = 0,
        progress: Progress = None,
    ) -> xarray.Dataset:
        """Trajectories of the posterior p(x | y), as `sda assimilate`.

        Args:
            observations: of the states that this prior was trained on.
            members: how many; 256 if neither this nor `config` says.
            seed: of every draw. Member m of a seed is the same in an ensemble of any size.
            quality: "quick", "good", "best" or "paper"; without it what the prior was made with, mostly good.
            config: an experiment file, or settings: {"sampler.steps": 64, "guidance.rule": "sda"}.
            memory: for the work, such as "2G"; half of what is free, if not given. It changes numbers by rounding
                alone.
            device: of the network: "cpu", "cuda" or "cuda:1".
            first_member: an ensemble drawn in parts is the ensemble drawn whole.

        Returns:
            A Dataset (time, realization, …space) in physical units, with names, units, coordinates, calendar and mask.
            Attribute `sda_departure_over_sigma` is about 1 where the members explain the observations.

        Raises:
            ShapeError, ValueError: for observations of other states, of another normalisation or time step.
            UsageError: for settings out of range.
            NumericalError: where the sampler diverges.
            Interrupted: after Ctrl-C; nothing is kept.
        """
        if not isinstance(observations, Observations):
            raise UsageError("not Observations", "observations", type(observations).__name__, "sda.Observations")
        path, settings = split(config, assimilation__members=members)
        made = command("sda.Prior.assimilate", members=members, seed=seed, quality=quality)
        with reporter(progress, "assimilate", "steps") as tell:
            record = self._handle.assimilate(
                observations.of(self)._bound,
                path,
                quality or "",
                settings,
                made,
                seed,
                memory,
                device,
                first_member,
                tell,
            )
        if record["misfit"]:
            warnings.warn(record["misfit"], stacklevel=2)
        return packing.dataset_of(record, "ensemble")

    def epsilon(self, x: Any, t: float) -> numpy.ndarray:
        """ε(x, t) of trajectories (row, length, …event) in normalised units, float32 or float64; t in [0, 1]."""
        return self._handle.epsilon(arrays.floating(x, "x"), float(t))

    def denoise(self, x: Any, t: float) -> numpy.ndarray:
        """x̂ = (x(t) − σ ε) / μ, the mean of x(0) given x(t); shapes as of `epsilon`."""
        mu, sigma = self.schedule(t)
        states = arrays.floating(x, "x")
        return (states - sigma * self.epsilon(states, t)) / mu

    def schedule(self, t: float) -> tuple[float, float]:
        """μ(t) and σ(t) of x(t) = μ x + σ ε."""
        return self._handle.schedule(float(t))

    def normalise(self, states: Any) -> numpy.ndarray:
        """States (…, event) in physical units → normalised."""
        mean, std = self._handle.normalisation
        return (arrays.floating(states, "states") - mean) / std

    @property
    def window(self) -> int:
        """States in a window: 2 · order + 1; of a prior of whole trajectories those that it was trained on."""
        return self._handle.window

    @property
    def variables(self) -> list[str]:
        """Names of the variables of a state."""
        return [variable["name"] for variable in self._handle.layout["variables"]]

    @property
    def event(self) -> tuple[int, ...]:
        """Shape of a state."""
        return tuple(self._handle.layout["event"])

    def __reduce__(self) -> Any:
        with tempfile.TemporaryDirectory(prefix="sda_") as folder:
            path = os.path.join(folder, "model.nc")
            self.save(path)
            with open(path, "rb") as file:
                return _unpickle, (file.read(),)

    def __repr__(self) -> str:
        reach = "of whole trajectories" if self._handle.is_global else f"of windows of {self.window} states"
        return (
            f"<sda.Prior {reach} of {', '.join(self.variables)} {self.event}, {self._handle.kind} with "
            f"{self._handle.weights} weights>"
        )


def _unpickle(contents: bytes) -> Prior:
    with tempfile.TemporaryDirectory(prefix="sda_") as folder:
        path = os.path.join(folder, "model.nc")
        with open(path, "wb") as file:
            file.write(contents)
        return Prior.load(path, allow_code=True)  # a pickle is code itself


def train(
    data_: Any = None,
    /,
    *,
    order: Optional[int] = None,
    epochs: Optional[int] = None,
    seed: int = 0,
    config: Config = None,
    output: Optional[PathLike] = None,
    resume: bool = False,
    start_from: Optional[PathLike] = None,
    device: str = "cpu",
    progress: Progress = None,
) -> Prior:
    """A prior of trajectories, as `sda train`.

    Args:
        data_: a Dataset, of which the first 80 % of the trajectories are trained on and the next 10 % validated on; a
            pair of Datasets (train, valid); or a folder with train.nc and valid.nc, which may be larger than memory. A
            Dataset that is not ours goes through `sda.trajectories`.
        order: k of windows of 2k + 1 states.
        epochs: passes; each takes one random window of each trajectory.
        seed: of first weights and every draw.
        config: an experiment file, or settings: {"network.width": 64, "training.batch": 128}.
        output: a model file to write. A run that is stopped leaves a checkpoint beside it.
        resume: go on from that checkpoint, bit for bit as if it had not been stopped.
        start_from: a model whose weights to start from, of the same network.
        device: "cpu", "cuda" or "cuda:1".

    Raises:
        UsageError: for settings out of range, too few trajectories or trajectories shorter than a window.
        Interrupted: after Ctrl-C; `hint` says what was saved.
    """
    path, settings = split(config, network__order=order, training__epochs=epochs)
    made = command("sda.train", order=order, epochs=epochs, seed=seed)
    model = "" if output is None else os.fspath(output)
    if resume and not model:
        raise UsageError("nothing to go on from", "resume", expected="output=, the model whose checkpoint it is")
    start = "" if start_from is None else os.fspath(start_from)
    beside = (model, resume, start, path, settings, made, seed, device)
    with reporter(progress, "train", "epochs") as tell:
        if isinstance(data_, (str, os.PathLike)):
            return Prior._make(_sda.train_on_files(os.fspath(data_), *beside, tell))
        return Prior._make(_sda.train_on_states(*data.train_and_valid(data_), *beside, tell))

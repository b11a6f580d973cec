"""Score-based data assimilation: posterior trajectories of a dynamical system from observations.

A diffusion model learns from simulations what trajectories look like; that is the prior p(x). Observations y come in
afterwards, by any operator and noise, and members of the posterior p(x | y) are drawn.

    data = sda.simulate("lorenz63", trajectories=128, length=256)    # or any xarray.Dataset
    prior = sda.train(data, order=4, epochs=256)
    truth = data.isel(realization=-1, time=slice(0, 65))
    obs = sda.Observations.draw(truth, [{"every": 8}, {"select": [0]}], error=0.05)
    posterior = prior.assimilate(obs, members=64)                    # an xarray.Dataset
    print(sda.evaluate(posterior, obs))

Data          simulate, simulate_into, trajectories (any Dataset), trajectories_of (an array), open, inspect, systems
Priors        train, Prior (load, save, assimilate, from_denoiser), denoising_error
Observations  Observations (draw, from_dataframe, from_dataset, from_file)
Parts         operator, torch_operator, check_operator, noise, Dynamics: functions of your own
Judgement     evaluate, calibrate, particle_filter, report
Process       configure, and the errors: Error, UsageError, ValueError, ShapeError, FileError, NumericalError,
              UnsupportedError, Interrupted

Datasets have dimensions (time, realization, …space) and physical units. The same seed gives the numbers of the program
`sda`, bit for bit, with as many threads. Ctrl-C stops a long call with Interrupted.
"""

from __future__ import annotations

import os as _os
import sys as _sys
from typing import Optional as _Optional

from . import torch_guard as _torch_guard
from ._build import libtorch as _libtorch

_torch_guard.require_same_torch(_libtorch)
_torch_guard.watch(_libtorch)
# libtorch takes its instruction set at its first operation: a torch that was imported has decided.
_torch_came_first = "torch" in _sys.modules

# How long a waiting thread spins, as the program has it: GCC's OpenMP reads it once, when it is loaded, and by its own
# count threads take each other's time beside other work on the same cores.
_spins_as_told = "GOMP_SPINCOUNT" in _os.environ or "OMP_WAIT_POLICY" in _os.environ
if not _spins_as_told:
    _os.environ["GOMP_SPINCOUNT"] = "10000"
from . import _sda  # noqa: E402

if not _spins_as_told:
    del _os.environ["GOMP_SPINCOUNT"]
from .denoiser import denoising_error  # noqa: E402
from .data import inspect, open, simulate, simulate_into, systems, trajectories, trajectories_of  # noqa: E402, A004
from .dynamics import Dynamics  # noqa: E402
from .errors import (  # noqa: E402, A004
    Error,
    FileError,
    Interrupted,
    NumericalError,
    ShapeError,
    UnsupportedError,
    UsageError,
    ValueError,
)
from .evaluation import Scores, calibrate, evaluate, particle_filter, report  # noqa: E402
from .functions import Operator, Noise, check_operator, noise, operator, torch_operator  # noqa: E402
from .observations import Observations  # noqa: E402
from .prior import Prior, train  # noqa: E402

__version__: str = _sda.version()


def configure(threads: _Optional[int] = None) -> None:
    """Gives this process's libtorch so many threads, or as many as OMP_NUM_THREADS, the batch system or the affinity
    allow, with the instructions and the allocator's settings of the program. `import sda` does it, unless torch was
    imported before."""
    _sda.configure(threads or 0)


if not _torch_came_first:
    configure()
# Threads of OpenMP do not outlive a fork: a child that waited for them would wait for ever.
_os.register_at_fork(after_in_child=lambda: _sda.configure_threads(1))
if "xarray" in _sys.modules:
    from . import accessor as _accessor  # noqa: E402, F401

__all__ = [
    "Dynamics",
    "Error",
    "FileError",
    "Interrupted",
    "Noise",
    "NumericalError",
    "Observations",
    "Operator",
    "Prior",
    "Scores",
    "ShapeError",
    "UnsupportedError",
    "UsageError",
    "ValueError",
    "calibrate",
    "check_operator",
    "configure",
    "denoising_error",
    "evaluate",
    "inspect",
    "noise",
    "open",
    "operator",
    "particle_filter",
    "report",
    "simulate",
    "simulate_into",
    "systems",
    "torch_operator",
    "train",
    "trajectories",
    "trajectories_of",
]

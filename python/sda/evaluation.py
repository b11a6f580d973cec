"""Scores, calibration, the particle filter, the report."""

from __future__ import annotations

import json
import os
import tempfile
from typing import TYPE_CHECKING, Any, Optional

from . import _sda, packing
from .dynamics import Dynamics
from .errors import UsageError
from .observations import Errors, Observations, section
from .progress import Progress, reporter
from .settings import Config, command, split

if TYPE_CHECKING:
    import xarray

    from .prior import Prior


class Scores(dict):
    """What `sda evaluate --json` prints, as a dictionary; printed, it is the table."""

    def __init__(self, text: str, table: str) -> None:
        super().__init__(json.loads(text))
        self.table = table

    def __repr__(self) -> str:
        return self.table


def _ensemble(folder: str, name: str, ensemble: Any) -> str:
    if not hasattr(ensemble, "attrs") or ensemble.attrs.get("sda_kind") != "ensemble":
        raise UsageError(
            "not an ensemble", name, type(ensemble).__name__, "a Dataset of assimilate or particle_filter"
        )
    path = os.path.join(folder, f"{name}.nc")
    _sda.write_ensemble(path, packing.record_of(ensemble, "ensemble"))
    return path


def evaluate(
    posterior: Any,
    observations: Observations,
    *,
    reference: Optional[xarray.Dataset] = None,
    second_reference: Optional[xarray.Dataset] = None,
    seed: int = 0,
    progress: Progress = None,
) -> Scores:
    """How good ensembles of one observation are, as `sda evaluate`.

    Args:
        posterior: an ensemble, or {"name": ensemble, …}.
        observations: what it is the posterior of. Scores beside the truth are of observations that were drawn from one.
        reference: the particle filter's members: W1 to them.
        second_reference: of another seed: how far apart two filters are.
        seed: of which reference members are taken, and how ties of rank are broken.

    Returns:
        A dictionary: "ensembles" with crps, rmse, spread, log_prior, log_likelihood, ranks, …; printed, a table.
    """
    ensembles = posterior if isinstance(posterior, dict) else {"posterior": posterior}
    with tempfile.TemporaryDirectory(prefix="sda_") as folder:
        observed = os.path.join(folder, f"{observations.name}.nc")
        observations.save(observed)
        paths = [_ensemble(folder, name, one) for name, one in ensembles.items()]
        beside = [
            "" if one is None else _ensemble(folder, name, one)
            for name, one in (("reference", reference), ("second_reference", second_reference))
        ]
        with reporter(progress, "evaluate", "ensembles") as tell:
            found = _sda.evaluate(observed, paths, *beside, seed, tell)
        return Scores(found["json"].replace(folder + "/", ""), found["table"].replace(folder + "/", ""))


def report(
    posterior: xarray.Dataset,
    observations: Observations,
    folder: Any,
    *,
    reference: Optional[xarray.Dataset] = None,
    title: str = "",
) -> str:
    """report.html and its pictures in a folder, as `sda report`; the page's path."""
    with tempfile.TemporaryDirectory(prefix="sda_") as scratch:
        observed = os.path.join(scratch, f"{observations.name}.nc")
        observations.save(observed)
        path = _ensemble(scratch, "posterior", posterior)
        other = "" if reference is None else _ensemble(scratch, "reference", reference)
        return _sda.report(
            observed, path, other, os.fspath(folder), title or observations.name, command("sda.report")
        )


def particle_filter(
    observations: Observations,
    *,
    particles: Optional[int] = None,
    members: Optional[int] = None,
    dynamics: Optional[Dynamics] = None,
    seed: int = 0,
    config: Config = None,
    progress: Progress = None,
) -> xarray.Dataset:
    """The bootstrap particle filter's posterior, as `sda filter`: the truth for small systems.

    Args:
        observations: drawn from a simulated system, or of the states of `dynamics`.
        particles, members: how many, and how many trajectories are kept of them.
        dynamics: a forecast model of your own; the system that the observations were drawn from, if not given.
        seed: of every draw.
        config: settings: {"filter.spin_up": 64}.

    Returns:
        A Dataset as of `Prior.assimilate`; attributes sda_log_evidence, sda_smallest_effective_size (particles) and
        sda_distinct_starts.
    """
    if config is not None and not hasattr(config, "items"):
        raise UsageError("settings are needed here", "config", type(config).__name__, "a dictionary")
    _, settings = split(config, filter__particles=particles, filter__members=members)
    made = command("sda.particle_filter", particles=particles, members=members, seed=seed)
    with reporter(progress, "filter", "states") as tell:
        record = _sda.particle_filter(observations._require(), dynamics, settings, made, seed, tell)
    return packing.dataset_of(record, "ensemble")


def calibrate(
    prior: Prior,
    operator: Any,
    *,
    error: Errors,
    length: int = 65,
    noise: Any = None,
    trajectories: int = 64,
    members: int = 64,
    believed_noise: float = 1.0,
    reference: bool = True,
    quality: Optional[str] = None,
    seed: int = 0,
    config: Config = None,
    progress: Progress = None,
) -> dict[str, Any]:
    """Whether posteriors are calibrated, as `sda calibrate`: so many trajectories are simulated, observed and
    assimilated.

    Args:
        prior: of a system that can be simulated.
        operator, error, noise: as of `Observations.draw`.
        length: states of each trajectory.
        trajectories, members: how many, and of each posterior.
        believed_noise: the posterior believes in so many times the noise that was drawn.
        reference: also draw the particle filter's members, and let a classifier tell them from the posterior's.
        quality, seed, config: as of `Prior.assimilate`.

    Returns:
        coverage50, coverage90 and area (0.5, 0.9 and 0.5 where calibrated), each with its standard error;
        spread_over_error (1); rank_shares, rank_errors, rank_band, rank_p_value.
    """
    setting, held = section("calibrated", operator, error, noise, length)
    path, settings = split(config)
    settings.append(setting)
    with reporter(progress, "calibrate", "trajectories") as tell:
        found = _sda.calibrate(
            prior._handle,
            path,
            quality or "",
            settings,
            "calibrated",
            trajectories,
            members,
            float(believed_noise),
            reference,
            seed,
            tell,
        )
    del held
    return found

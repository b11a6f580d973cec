"""Trajectories: simulated, imported, read."""

from __future__ import annotations

import os
import tempfile
import warnings
from typing import TYPE_CHECKING, Any, Optional, Union

import numpy

from . import _sda, arrays, packing
from .errors import ShapeError, UsageError
from .progress import Progress, reporter
from .settings import Config, command, pairs, split

if TYPE_CHECKING:
    import xarray

_TRAJECTORY_DIMENSIONS = ("realization", "trajectory", "member", "number", "ensemble")


def simulate(
    system: Optional[str] = None,
    *,
    trajectories: Optional[int] = None,
    length: Optional[int] = None,
    spin_up: Optional[int] = None,
    seed: int = 0,
    config: Config = None,
    progress: Progress = None,
) -> xarray.Dataset:
    """Trajectories of a system, as `sda simulate`.

    Args:
        system: "lorenz63", "lorenz96", "kolmogorov", …: `sda.systems()` says what there is.
        trajectories: how many; 1024 if neither this nor `config` says.
        length: states kept of each.
        spin_up: transitions before the first of them.
        seed: of every draw.
        config: an experiment file, or settings: {"dynamics.noise": 0.1}. `sda keys` lists them.
        progress: True, False, or a function of (done, total, note).

    Returns:
        A Dataset (time, realization, …space) in physical units, float32, with the system's normalisation. The bits are
        those of train.nc, valid.nc and test.nc, one behind the other.

    Raises:
        UsageError: for an unknown system or settings out of range.
        Interrupted: after Ctrl-C; nothing is kept.
    """
    path, settings = split(
        config,
        dynamics__system=system,
        simulation__trajectories=trajectories,
        simulation__length=length,
        simulation__spin_up=spin_up,
    )
    with reporter(progress, "simulate", "states") as tell:
        record = _sda.simulate(
            path,
            settings,
            command("sda.simulate", system=system, trajectories=trajectories, length=length, seed=seed),
            seed,
            tell,
        )
    return packing.dataset_of(record, "trajectories")


def simulate_into(
    folder: Union[str, os.PathLike[str]],
    *,
    config: Config = None,
    seed: int = 0,
    resume: bool = False,
    progress: Progress = None,
) -> None:
    """train.nc, valid.nc and test.nc in a folder, as `sda simulate -o`. After Ctrl-C `resume=True` goes on bit for bit.

    Raises:
        UsageError: where there is nothing to go on from, or it is of another experiment.
        Interrupted: after Ctrl-C; `hint` says what was saved.
    """
    path, settings = split(config)
    with reporter(progress, "simulate", "states") as tell:
        _sda.simulate_into(
            os.fspath(folder),
            path,
            settings,
            resume,
            command("sda.simulate_into", folder=os.fspath(folder), seed=seed),
            seed,
            tell,
        )


def trajectories(
    dataset: xarray.Dataset,
    *,
    variables: Optional[list[str]] = None,
    space: Optional[list[str]] = None,
    trajectory: Optional[str] = None,
    time: str = "time",
    **data: Any,
) -> xarray.Dataset:
    """States of a model of your own, as `sda import`: names, units, coordinates, calendar and mask go along.

    Args:
        dataset: variables over time, trajectories and space, in any order, packed or not.
        variables: those that make a state; all that vary in time, if not given.
        space: their dimensions of space; those that are left, if not given.
        trajectory: the dimension that counts trajectories; "realization", "trajectory", "member" or "number" if there
            is one of them, else the Dataset is one trajectory.
        time: the dimension of time.
        data: other keys of [data]: length (cuts trajectories into pieces of so many states), skip, step, level, missing
            ("refuse" or "mask"), gaps, context, train and valid (shares).

    Returns:
        A Dataset (time, realization, …space) that `train` and `Observations.draw` take. Its normalisation is that of
        the trajectories to be trained on.

    Raises:
        UsageError: where what is said does not fit the Dataset.
        FileError: for times that are not equally spaced, and values that are missing or not finite.
    """
    if variables is None:
        variables = [str(name) for name, v in dataset.data_vars.items() if time in v.dims and v.dtype.kind in "fiu"]
    absent = [name for name in variables if name not in dataset]
    if absent or not variables:
        raise UsageError("no such variable", "variables", ", ".join(absent), ", ".join(map(str, dataset.data_vars)))
    dims = [str(d) for d in dict.fromkeys(d for name in variables for d in dataset[name].dims)]
    if time not in dims:
        raise UsageError("no dimension of time", "time", time, "one of " + ", ".join(dims))
    if trajectory is None:
        trajectory = next((d for d in _TRAJECTORY_DIMENSIONS if d in dims), "")
    if space is None:
        space = [d for d in dims if d not in (time, trajectory, data.get("level"))]
    kept = dataset[variables + [name for name in data.get("context", []) if name in dataset]]
    with tempfile.TemporaryDirectory(prefix="sda_") as folder:
        path = os.path.join(folder, "states.nc")
        kept.to_netcdf(path, format="NETCDF4")
        given: dict[str, Any] = {
            "variables": variables,
            "space": space,
            "trajectory": trajectory,
            "time": time,
            **data,
        }
        record = _sda.import_file(
            path, pairs({f"data.{key}": value for key, value in given.items()}), command("sda.trajectories", **given)
        )
    for remark in record["remarks"]:
        warnings.warn(remark, stacklevel=2)
    return packing.dataset_of(record, "trajectories")


def trajectories_of(
    states: Any,
    *,
    variables: list[str],
    dt: float,
    space: Optional[list[str]] = None,
    units: Optional[list[str]] = None,
    time_units: str = "1",
    start_time: float = 0.0,
    train: float = 0.8,
) -> xarray.Dataset:
    """States in an array as a Dataset, without a copy.

    Args:
        states: (trajectory, time, …event), float32 or float64: a NumPy array, or what speaks DLPack on the CPU. The
            event is (variable, …space).
        variables: a name for each variable.
        dt: time between two states, in `time_units`.
        space: a name for each axis of space; y, x for two of them.
        units: of the variables; "1" if not given.
        time_units: of dt and start_time.
        train: share of the trajectories, from the first, whose mean and deviation states are normalised by.

    Raises:
        ShapeError: where names do not fit the array.
        UsageError: for other dtypes.
        ValueError: for a variable that is the same everywhere.
    """
    values = arrays.floating(states, "states")
    if values.ndim < 3:
        raise ShapeError("not trajectories", "states", f"{values.ndim} dimensions", "(trajectory, time, …event)")
    event = list(values.shape[2:])
    if len(variables) != event[0]:
        raise ShapeError(
            "names do not fit the states", "variables", str(len(variables)), f"{event[0]}, the event's first size"
        )
    if space is None:
        usual: dict[int, list[str]] = {0: [], 1: ["x"], 2: ["y", "x"]}
        space = usual.get(len(event) - 1, [f"x{i}" for i in range(len(event) - 1)])
    if not numpy.isfinite(values).all():
        raise UsageError("values are not finite", "states", f"{(~numpy.isfinite(values)).sum()} NaN or infinite")
    layout = {
        "event": event,
        "space": list(space),
        "dt": float(dt),
        "time_units": time_units,
        "spacing": [],
        "space_units": "1",
        "coordinates": [],
        "coordinate_values": [],
        "time_origin": "",
        "calendar": "",
        "mask": None,
        "variables": [
            {"name": name, "long_name": "", "units": unit, "standard_name": ""}
            for name, unit in zip(variables, units or ["1"] * len(variables))
        ],
    }
    mean, std = _sda.statistics(layout, values[: max(1, int(train * len(values) + 1e-9))])
    made = {
        "command": command("sda.trajectories_of", variables=variables, dt=dt),
        "config": "",
        "seed": 0,
        "version": _sda.version(),
        "created": "",
    }
    return packing.dataset_of(
        {
            "layout": layout,
            "states": values,
            "start_time": float(start_time),
            "mean": mean,
            "std": std,
            "dynamics": "",
            "provenance": made,
            "context": None,
            "start_times": [],
        },
        "trajectories",
    )


def open(path: Union[str, os.PathLike[str]]) -> xarray.Dataset:  # noqa: A001  as xarray's open_dataset
    """Trajectories or an ensemble from a file of `sda`, checked as the program does.

    Raises:
        FileError: for a file that is missing, damaged or of another kind.
    """
    name = os.fspath(path)
    try:
        return packing.dataset_of(_sda.read_trajectories(name), "trajectories")
    except OSError as error:
        if "ensemble" not in str(error):
            raise
    return packing.dataset_of(_sda.read_ensemble(name), "ensemble")


def inspect(path: Union[str, os.PathLike[str]]) -> str:
    """What a file of `sda` holds and where it came from, as `sda inspect` prints it."""
    return _sda.describe_file(os.fspath(path))


def systems() -> dict[str, str]:
    """The systems that can be simulated, with a line of help each."""
    return dict(_sda.systems())


def record_of(dataset: Any, where: str = "data") -> dict:
    """The record of a Dataset of ours, or of any other by `trajectories`."""
    if not hasattr(dataset, "data_vars"):
        raise UsageError(
            "not an xarray.Dataset", where, type(dataset).__name__, hint="sda.trajectories_of makes one of an array"
        )
    if not packing.is_ours(dataset):
        dataset = trajectories(dataset)
    return packing.record_of(dataset)


def _part(record: dict, begin: int, end: int) -> dict:
    starts = record["start_times"][begin:end]
    return record | {
        "states": record["states"][begin:end],
        "start_times": starts,
        "start_time": starts[0] if starts else record["start_time"],
    }


def train_and_valid(data: Any) -> tuple[dict, dict]:
    """Records to train and to validate on: of a pair of Datasets, or the first 80 % of one and the next 10 %."""
    if isinstance(data, (tuple, list)):
        if len(data) != 2:
            raise UsageError("not a pair of Datasets", "data", f"{len(data)} of them", "(train, valid)")
        train, valid = (record_of(one) for one in data)
        return train, valid
    record = record_of(data)
    parts = _sda.split(len(record["states"]), 0.8, 0.1, "data.length")
    return _part(record, *parts["train"]), _part(record, *parts["valid"])

"""What files of ours hold, as an xarray.Dataset and back: names, units, coordinates, calendar, mask, attributes.

A Dataset is what xarray would open from the file that the program writes of the same, but for times of systems without
a calendar, which stay numbers. Arrays are the library's memory.
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import numpy

from . import arrays
from .errors import ShapeError, UsageError, ValueError
from .settings import toml

if TYPE_CHECKING:
    import xarray

_CALENDAR_UNITS = {
    name: unit
    for unit, names in {
        "seconds": "s sec second seconds",
        "minutes": "min minute minutes",
        "hours": "h hr hour hours",
        "days": "d day days",
    }.items()
    for name in names.split()
}
_FILL = numpy.float32(9.96921e36)  # NetCDF's
_KINDS = {"trajectories": "Trajectories", "ensemble": "Posterior ensemble"}


def _by_channels(layout: dict) -> bool:
    return len(layout["variables"]) == layout["event"][0]


def _time_units(layout: dict) -> str:
    if layout.get("time_origin"):
        return f"{layout['time_units']} since {layout['time_origin']}"
    return f"{_CALENDAR_UNITS.get(layout['time_units'], 'seconds')} since 1970-01-01 00:00:00"


def _calendar(layout: dict) -> str:
    return layout.get("calendar") or "standard"


def times(layout: dict, start: float, length: int) -> xarray.Variable:
    """The coordinate of time: dates where the layout has a calendar, else numbers with the file's attributes."""
    import xarray

    values = start + layout["dt"] * numpy.arange(length)
    attributes = {"standard_name": "time", "long_name": "time", "axis": "T"}
    units, calendar = _time_units(layout), _calendar(layout)
    if layout.get("time_origin"):
        dates = xarray.coding.times.decode_cf_datetime(values, units, calendar)
        encoding = {"units": units, "calendar": calendar, "dtype": "float64", "_FillValue": None}
        return xarray.Variable(("time",), dates, attributes, encoding)
    attributes |= {"units": units, "calendar": calendar}
    if layout["time_units"] not in _CALENDAR_UNITS:
        meant = "dimensionless time" if layout["time_units"] == "1" else f"time in {layout['time_units']}"
        attributes["comment"] = f"{meant}: one unit is written as one second"
    return xarray.Variable(("time",), values, attributes, {"_FillValue": None})


def _space(layout: dict) -> dict[str, xarray.Variable]:
    import xarray

    sizes = layout["event"][1:] if _by_channels(layout) else layout["event"]
    found = {}
    for axis, (name, size) in enumerate(zip(layout["space"], sizes)):
        given = layout["coordinates"][axis] if layout.get("coordinates") else None
        if given is not None:
            values = layout["coordinate_values"][axis]
            attributes = {"long_name": given["long_name"] or name, "units": given["units"]}
            if given["standard_name"]:
                attributes["standard_name"] = given["standard_name"]
        else:
            values = (numpy.arange(size) + 0.5) * layout["spacing"][axis] if layout.get("spacing") else []
            attributes = {"long_name": name, "units": layout["space_units"]}
        if len(values) == 0:
            continue
        if name in ("x", "y"):
            attributes["axis"] = name.upper()
        found[name] = xarray.Variable((name,), values, attributes, {"_FillValue": None})
    return found | _curvilinear(layout)


def _curvilinear_dims(layout: dict) -> list[str]:
    return [layout["space"][axis] for axis in layout["curvilinear"]["axes"]]


def _curvilinear(layout: dict) -> dict[str, xarray.Variable]:
    """Latitudes and longitudes of the points of a curvilinear grid."""
    import xarray

    if not layout.get("curvilinear"):
        return {}
    dims = _curvilinear_dims(layout)
    sizes = layout["event"][1:] if _by_channels(layout) else layout["event"]
    shape = [sizes[axis] for axis in layout["curvilinear"]["axes"]]
    found = {}
    for which in ("latitude", "longitude"):
        given = layout["curvilinear_values"][which]
        values = numpy.asarray(given["values"], float).reshape(shape)
        attributes = {name: given[name] or which for name in ("standard_name", "long_name")} | {"units": given["units"]}
        fill = None if numpy.isfinite(values).all() else float(_FILL)
        found[layout["curvilinear"][which]] = xarray.Variable(dims, values, attributes, {"_FillValue": fill})
    return found


def _curvilinear_values(dataset: xarray.Dataset, layout: dict) -> dict[str, dict]:
    """What _curvilinear made of them, back."""
    found = {}
    for which in ("latitude", "longitude"):
        given = dataset[layout["curvilinear"][which]].transpose(*_curvilinear_dims(layout))
        described = {name: given.attrs.get(name, "") for name in ("units", "long_name", "standard_name")}
        found[which] = described | {"values": given.values.astype(float).ravel().tolist()}
    return found


def _layout_toml(layout: dict) -> str:
    kept = {k: v for k, v in layout.items() if k not in ("coordinate_values", "curvilinear_values", "mask")}
    if not kept.get("spacing"):
        kept.pop("spacing", None), kept.pop("space_units", None)
    for key in ("coordinates", "time_origin", "calendar"):
        if not kept.get(key):
            kept.pop(key, None)
    return "\n".join(f"{key} = {toml(value)}" for key, value in kept.items())


def _attributes(kind: str, record: dict) -> dict[str, Any]:
    made = record["provenance"]
    attributes = {
        "Conventions": "CF-1.8",
        "title": _KINDS[kind],
        "history": f"{made['created']}: {made['command']}",
        "source": f"sda {made['version']}",
        "date_created": made["created"],
        "sda_kind": kind,
        "sda_version": made["version"],
        "sda_command": made["command"],
        "sda_seed": numpy.uint64(made["seed"]),
        "sda_config": made["config"],
        "sda_layout": _layout_toml(record["layout"]),
    }
    if kind == "trajectories":
        attributes["sda_dynamics"] = record["dynamics"]
    else:
        attributes |= {
            "sda_method": record["method"],
            "sda_seconds": float(record["seconds"]),
            "sda_evaluations": numpy.int64(record["evaluations"]),
        }
    extra = ("departure_over_sigma", "log_evidence", "smallest_effective_size", "distinct_starts")
    return attributes | {f"sda_{name}": record[name] for name in extra if name in record}


def _normalisation(record: dict) -> dict[str, Any]:
    names = (["variable"] if _by_channels(record["layout"]) else []) + list(record["layout"]["space"])
    found = {}
    for name, meaning in (
        ("mean", "mean that normalised states are relative to"),
        ("std", "standard deviation that normalised states are divided by"),
    ):
        values = record[name]
        whole = list(values.shape) == list(record["layout"]["event"])
        dims = names if whole else names[:1]
        found[f"normalisation_{name}"] = (dims, values if whole else values.reshape(-1), {"long_name": meaning})
    return found


def dataset_of(record: dict, kind: str) -> xarray.Dataset:
    """A record of trajectories or an ensemble as a Dataset with dimensions (time, realization, …space)."""
    import xarray

    from . import accessor  # noqa: F401  registers Dataset.sda

    layout, states = record["layout"], record["states"]
    mask = layout.get("mask")
    dims = ["time", "realization", *layout["space"]]
    data: dict[str, Any] = {}
    for i, variable in enumerate(layout["variables"]):
        values = states[:, :, i] if _by_channels(layout) else states
        encoding: dict[str, Any] = {"_FillValue": None}
        if mask is not None and kind == "ensemble":
            values = numpy.where(mask[i] if _by_channels(layout) else mask, values, numpy.nan).astype(values.dtype)
            encoding = {"_FillValue": _FILL}
        attributes = {"long_name": variable["long_name"], "units": variable["units"]}
        if variable["standard_name"]:
            attributes["standard_name"] = variable["standard_name"]
        data[variable["name"]] = xarray.Variable(dims, values.swapaxes(0, 1), attributes, encoding)
    members = xarray.Variable(
        ("realization",),
        numpy.arange(states.shape[0], dtype=numpy.int32),
        {"standard_name": "realization", "units": "1", "axis": "E"},
    )
    coordinates = {
        "time": times(layout, record["start_time"], states.shape[1]),
        "realization": members,
        **_space(layout),
    }
    if kind == "trajectories":
        data |= _normalisation(record)
        if record["context"] is not None:
            data["context"] = (["context_channel", *layout["space"]], record["context"])
        if record["start_times"]:
            data["sda_start_time"] = (
                "realization",
                numpy.asarray(record["start_times"]),
                {"first_time": record["start_time"]},
            )
    if mask is not None:
        data["sda_mask"] = (
            (["variable"] if _by_channels(layout) else []) + list(layout["space"]),
            mask.astype(numpy.int32),
            {"long_name": "1 where states have values, 0 where they have none"},
        )
    dataset = xarray.Dataset(data, coordinates, _attributes(kind, record))
    dataset.encoding["unlimited_dims"] = {"time"}
    return dataset


def is_ours(dataset: Any) -> bool:
    return dataset.attrs.get("sda_kind") in _KINDS and "sda_layout" in dataset.attrs


def _numbers_of_time(dataset: xarray.Dataset, layout: dict) -> numpy.ndarray:
    import xarray

    values = numpy.atleast_1d(dataset["time"].values)
    if values.dtype.kind in "fiu":
        return values.astype(float)
    numbers, _, _ = xarray.coding.times.encode_cf_datetime(values, _time_units(layout), _calendar(layout))
    return numpy.asarray(numbers, float)


def _step_of(time: numpy.ndarray, layout: dict) -> float:
    if len(time) < 2:
        return layout["dt"]
    steps = numpy.diff(time)
    step = (time[-1] - time[0]) / len(steps)
    if not step > 0 or numpy.abs(steps - step).max() > 1e-3 * step:
        raise ValueError(
            "times are not equally spaced",
            "time",
            f"steps of {steps.min():g} to {steps.max():g}",
            hint="choose states by slices of one step",
        )
    return layout["dt"] if abs(step - layout["dt"]) <= 1e-3 * layout["dt"] else float(step)


def _states(dataset: xarray.Dataset, layout: dict) -> numpy.ndarray:
    """(realization, time, …event), of the Dataset's memory where it can be."""
    found = []
    for variable in layout["variables"]:
        name = variable["name"]
        if name not in dataset:
            raise UsageError("a variable of the state is missing", name, ", ".join(map(str, dataset.data_vars)))
        values = dataset[name]
        for axis, dim in enumerate(("realization", "time")):
            if dim not in values.dims:
                values = values.expand_dims(dim, axis)
        wanted = ("realization", "time", *layout["space"])
        if set(values.dims) != set(wanted):
            raise ShapeError("a variable has other dimensions", name, str(values.dims), str(wanted))
        found.append(arrays.floating(values.transpose(*wanted).values, name))
    return arrays.joined(found, 2) if _by_channels(layout) else found[0]


def record_of(dataset: xarray.Dataset, kind: str = "trajectories") -> dict:
    """The record that a Dataset of ours holds; it may have been sliced along time and realization.

    Raises ValueError for values that are not finite and times that are not equally spaced.
    """
    layout = tomllib.loads(dataset.attrs["sda_layout"])
    layout["coordinate_values"] = (
        [dataset[name].values.tolist() if name in dataset.coords else [] for name in layout["space"]]
        if layout.get("coordinates")
        else []
    )
    if "curvilinear" in layout:
        layout["curvilinear_values"] = _curvilinear_values(dataset, layout)
    layout["mask"] = dataset["sda_mask"].values.astype(bool) if "sda_mask" in dataset else None
    time = _numbers_of_time(dataset, layout)
    layout["dt"] = _step_of(time, layout)
    states = _states(dataset, layout)
    if layout["mask"] is not None:
        states = numpy.where(layout["mask"] & ~numpy.isnan(states) | numpy.isfinite(states), states, 0)
    if not numpy.isfinite(states).all():
        raise ValueError("values are not finite", "data", f"{(~numpy.isfinite(states)).sum()} NaN or infinite")
    made = {key: dataset.attrs.get(f"sda_{key}", "") for key in ("command", "config", "version")}
    record = {
        "layout": layout,
        "states": states,
        "start_time": float(time[0]),
        "dynamics": dataset.attrs.get("sda_dynamics", ""),
        "provenance": made
        | {"seed": int(dataset.attrs.get("sda_seed", 0)), "created": dataset.attrs.get("date_created", "")},
    }
    if kind == "ensemble":
        return record | {
            "method": dataset.attrs.get("sda_method", ""),
            "seconds": dataset.attrs.get("sda_seconds", 0.0),
            "evaluations": int(dataset.attrs.get("sda_evaluations", 0)),
        }
    return record | _beside_states(dataset, layout, float(time[0]))


def _beside_states(dataset: xarray.Dataset, layout: dict, start: float) -> dict:
    if "normalisation_mean" not in dataset:
        raise UsageError(
            "states come without the normalisation that a prior is trained in",
            "data",
            hint="take them from sda.simulate, sda.trajectories or sda.open",
        )
    shape = layout["event"][:1] + [1] * (len(layout["event"]) - 1)
    found: dict[str, Any] = {"context": None, "start_times": []}
    for name in ("mean", "std"):
        values = dataset[f"normalisation_{name}"].values.astype(float)
        found[name] = values if list(values.shape) == layout["event"] else values.reshape(shape)
    if "context" in dataset:
        found["context"] = dataset["context"].values
    if "sda_start_time" in dataset:
        starts = dataset["sda_start_time"]
        shift = start - starts.attrs.get("first_time", start)
        found["start_times"] = (numpy.atleast_1d(starts.values) + shift).tolist()
    return found

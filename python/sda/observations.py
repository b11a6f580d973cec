"""Observations: drawn, of a DataFrame, of a Dataset, of a file."""

from __future__ import annotations

import os
import re
import tempfile
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Optional, Union

import numpy

from . import _sda, data, functions
from .errors import Error, UnsupportedError, UsageError
from .settings import command, pairs, toml

if TYPE_CHECKING:
    import pandas
    import xarray

    from .prior import Prior

Errors = Union[None, float, list[float]]


class Observations:
    """What was observed of one trajectory: values, where and when, operators and noise.

    `draw` and `from_file` of a file of `sda observe` know the system that they are of. `from_dataframe`, `from_dataset`
    and other files are read when a prior asks for them, or by `of`; what they hold is converted to its units. Two
    threads may use one object. Observations pickle, unless a function of Python is in them.
    """

    _bound: Any
    _held: list[Any]
    _pending: Optional[dict]

    def __init__(self) -> None:
        raise TypeError("Observations are made by draw, from_dataframe, from_dataset and from_file")

    @classmethod
    def _make(cls, bound: Any, held: list[Any], pending: Optional[dict] = None) -> Observations:
        self = object.__new__(cls)
        self._bound, self._held, self._pending = bound, held, pending
        return self

    @classmethod
    def draw(
        cls,
        truth: xarray.Dataset,
        operator: Any,
        *,
        error: Errors = None,
        noise: Any = None,
        length: Optional[int] = None,
        trajectory: int = 0,
        start: int = 0,
        name: str = "observations",
        seed: int = 0,
    ) -> Observations:
        """Observations y ~ p(y | A(x)) of a stretch of a known trajectory, as `sda observe`.

        Args:
            truth: trajectories of `simulate`, `trajectories` or `open`, or any Dataset that `trajectories` takes.
            operator: links, the first applied first: [{"every": 8}, {"select": [0]}], the same as a text of TOML, or a
                function by `operator` or `torch_operator`, alone or among links. Of several instruments
                {"buoys": {"operator": …, "sigma": 0.1}, …}.
            error: σ of the noise, in the operator's units (normalised, unless a link says physical); one for all or one
                for each element of an observation.
            noise: "student_t", {"noise": "student_t", "degrees_of_freedom": 3} or a function by `noise`; Gaussian if
                not given.
            length: states observed; all from `start` on, if not given.
            trajectory, start: which, and its first state.
            name: for files and the report.
            seed: of the noise. Each trajectory and start has draws of its own.

        Raises:
            UsageError: for links that do not fit, and a stretch that there is not.
        """
        record = data.record_of(truth, "truth")
        states = record["states"].shape[1] - start if length is None else length
        setting, held = section(name, operator, error, noise, states)
        bound = _sda.draw(record, [setting], name, trajectory, start, seed)
        for sentence in bound.valueless():
            warnings.warn(sentence, stacklevel=2)
        return cls._make(bound, held)

    @classmethod
    def from_dataframe(
        cls,
        frame: pandas.DataFrame,
        *,
        error: Errors = None,
        begin: Any = None,
        end: Any = None,
        name: str = "dataframe",
        **settings: Any,
    ) -> Observations:
        """Observations one by one.

        Args:
            frame: columns time, one for each axis of space, variable, value and, if there are such, error, flag and
                units; the index may be the time. Without a column `variable` there must be one variable only. Times
                are numbers or dates.
            error: standard deviation where there is no column `error`: one for all, or one for each variable of a
                state.
            begin, end: times of the first and last state of the trajectory to be found; those of the observations if
                not given.
            settings: other keys of [observation_file]: max_flag, background_check, space, time, define, noise, …
        """
        if any(level is not None for level in frame.index.names):
            frame = frame.reset_index()
        frame = frame.copy()
        for column in frame.columns:
            dtype = frame[column].dtype
            if getattr(dtype, "tz", None) is not None:
                frame[column] = frame[column].dt.tz_convert("UTC").dt.tz_localize(None)
            if numpy.issubdtype(getattr(frame[column].dtype, "type", object), numpy.datetime64):
                frame[column] = frame[column].dt.strftime("%Y-%m-%dT%H:%M:%S.%f")
        text = frame.to_csv(index=False, float_format="%.17g")
        return cls._make(None, [], _pending("csv", text.encode(), name, error, begin, end, settings))

    @classmethod
    def from_dataset(
        cls,
        dataset: xarray.Dataset,
        *,
        error: Errors = None,
        begin: Any = None,
        end: Any = None,
        name: str = "dataset",
        **settings: Any,
    ) -> Observations:
        """Observations on a grid: variables of the state's names over time and axes of the names of its space; missing
        values are no observations. Arguments as of `from_dataframe`.
        """
        with tempfile.TemporaryDirectory(prefix="sda_") as folder:
            path = os.path.join(folder, "observed.nc")
            dataset.to_netcdf(path)
            with open(path, "rb") as file:
                contents = file.read()
        return cls._make(None, [], _pending("nc", contents, name, error, begin, end, settings))

    @classmethod
    def from_file(
        cls,
        path: Union[str, os.PathLike[str]],
        *,
        error: Errors = None,
        begin: Any = None,
        end: Any = None,
        name: str = "",
        allow_code: bool = False,
        **settings: Any,
    ) -> Observations:
        """Observations of a file: of `sda observe`, or of instruments as `sda observe --from` takes them.

        `allow_code` runs the TorchScript modules that an operator in it names. Other arguments as of `from_dataframe`.
        """
        file = os.fspath(path)
        try:
            return cls._make(_sda.read_observations(file, allow_code), [])
        except OSError as fault:
            if not os.path.exists(file) or "allow_code" in str(fault):
                raise
            with open(file, "rb") as opened:
                start = opened.read(8)
            if start.startswith((b"\x89HDF", b"CDF")) and _is_ours(file):
                raise
        return cls._make(None, [], _pending(file, None, name, error, begin, end, settings))

    def of(self, system: Union[Prior, xarray.Dataset]) -> Observations:
        """The observations as they are of the states of a prior or of trajectories: read, screened, in their units.

        Raises:
            FileError: for what is wrong in them, and where no observation is left.
        """
        if self._pending is None:
            return self
        p = self._pending
        with tempfile.TemporaryDirectory(prefix="sda_") as folder:
            path = p["kind"]
            if p["contents"] is not None:
                path = os.path.join(folder, f"{p['name']}.{p['kind']}")
                with open(path, "wb") as file:
                    file.write(p["contents"])
            asked = (path, p["settings"], p["name"], p["begin"], p["end"])
            handle = getattr(system, "_handle", None)
            try:
                if handle is not None:
                    return self._make(_sda.take_for_prior(handle, *asked), [])
                return self._make(_sda.take_for_data(data.record_of(system, "system"), *asked), [])
            except Error as error:
                where = _without_folder(error.where)
                raise type(error)(error.what, where, error.found, error.expected, error.hint) from None

    def _require(self) -> Any:
        if self._bound is None:
            raise UsageError(
                "observations that are not read yet", "observations", hint="observations.of(prior) reads them"
            )
        return self._bound

    @property
    def length(self) -> int:
        """States of the trajectory that is to be found."""
        return self._require().length

    @property
    def name(self) -> str:
        return self._pending["name"] if self._pending else self._bound.name

    @property
    def qc_summary(self) -> str:
        """What was used of a file or DataFrame, what was rejected and why; empty for observations that were drawn."""
        return _without_folder(self._require().qc_summary)

    @property
    def parts(self) -> list[dict[str, Any]]:
        """Of each instrument: name, values (times, …observation) float64, sigma, noise, operator, and the states
        read."""
        return self._require().parts

    @property
    def truth(self) -> Optional[numpy.ndarray]:
        """The trajectory observed (length, …event), physical units, if it is known."""
        return self._require().truth

    def predict(self, states: Any) -> numpy.ndarray:
        """A(x) of trajectories (member, length, …event) in physical units: (member, observation), float64."""
        from .arrays import floating

        return self._require().predict(floating(states, "states"))

    def save(self, path: Union[str, os.PathLike[str]]) -> None:
        """Writes a file that `sda assimilate --obs` reads.

        Raises:
            UnsupportedError: where a function of Python is in them.
        """
        self._require().save(os.fspath(path), command("sda.Observations.save"))

    def __getstate__(self) -> dict:
        if self._bound is None:
            return {"pending": self._pending}
        if self._bound.has_functions:
            raise UnsupportedError(
                "observations by a function of Python cannot be pickled",
                "observations",
                hint="make them again where they are used",
            )
        with tempfile.TemporaryDirectory(prefix="sda_") as folder:
            path = os.path.join(folder, "observations.nc")
            self._bound.save(path, "pickle")
            with open(path, "rb") as file:
                return {"contents": file.read()}

    def __setstate__(self, state: dict) -> None:
        self._held = []
        self._pending, self._bound = state.get("pending"), None
        if "contents" in state:
            with tempfile.TemporaryDirectory(prefix="sda_") as folder:
                path = os.path.join(folder, "observations.nc")
                with open(path, "wb") as file:
                    file.write(state["contents"])
                self._bound = _sda.read_observations(path, True)  # a pickle is code itself

    def __reduce__(self) -> Any:
        return _unpickle, (self.__getstate__(),)

    def __repr__(self) -> str:
        if self._bound is None:
            return f"<sda.Observations {self.name}, not read yet>"
        count = sum(part["values"].size for part in self.parts)
        of = f"{count} of a trajectory of {self.length} states, {self._bound.description}"
        return f"<sda.Observations {self.name}: {of}>"


def _unpickle(state: dict) -> Observations:
    self = object.__new__(Observations)
    self.__setstate__(state)
    return self


def _without_folder(text: str) -> str:
    """A DataFrame is read from a temporary file, of which only the name is known to anybody."""
    return re.sub(r"\S*/sda_[^/\s]+/", "", text)


def _is_ours(path: str) -> bool:
    try:
        _sda.describe_file(path)
    except OSError as error:
        return "checksum" in str(error) or "damaged" in str(error)
    return True


def _instrument(given: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """Keys of one instrument, "operator = […], sigma = 0.1", and the functions in it."""
    text, held = functions.chain(given["operator"])
    noise, more = functions.noise_settings(given.get("noise"))
    sigma = given.get("sigma", given.get("error"))
    if sigma is None:
        raise UsageError("observations need the standard deviation of their noise", "error", expected="a number > 0")
    return (
        ", ".join([f"operator = {text}", *(f"{k} = {v}" for k, v in pairs({"sigma": sigma, **noise}))]),
        held + more,
    )


def section(name: str, operator: Any, error: Errors, noise: Any, length: int) -> tuple[tuple[str, str], list[Any]]:
    """[observation.NAME] as one setting, and the functions that have to be held as long as it is used."""
    several = isinstance(operator, Mapping) and all(
        isinstance(v, Mapping) and "operator" in v for v in operator.values()
    )
    if not several:
        text, held = _instrument({"operator": operator, "sigma": error, "noise": noise})
    else:
        each = {part: _instrument(given) for part, given in operator.items()}
        held = [function for _, functions_of in each.values() for function in functions_of]
        text = "part = {" + ", ".join(f"{part} = {{{keys}}}" for part, (keys, _) in each.items()) + "}"
    return (f"observation.{name}", f"{{{text}, length = {toml(length)}}}"), held


def _pending(
    kind: str, contents: Optional[bytes], name: str, error: Errors, begin: Any, end: Any, settings: dict[str, Any]
) -> dict:
    if error is not None:
        settings = {"error": [error] if numpy.isscalar(error) else list(error), **settings}  # type: ignore[arg-type]
    texts = ["" if time is None else str(time) for time in (begin, end)]
    return {
        "kind": kind,
        "contents": contents,
        "name": name,
        "begin": texts[0],
        "end": texts[1],
        "settings": pairs({f"observation_file.{key}": value for key, value in settings.items()}),
    }

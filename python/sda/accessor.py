"""Dataset.sda: what can be done with trajectories and ensembles."""

from __future__ import annotations

import os
import tempfile
from typing import Any, Optional, Union

import xarray

from . import _sda, packing
from .errors import UsageError


@xarray.register_dataset_accessor("sda")
class Accessor:
    """Of a Dataset of sda: `save` writes the program's file, `plot` draws the report's picture."""

    def __init__(self, dataset: xarray.Dataset) -> None:
        self._dataset = dataset

    def _kind(self) -> str:
        if not packing.is_ours(self._dataset):
            raise UsageError(
                "not a Dataset of sda", "Dataset.sda", expected="one of simulate, trajectories or assimilate"
            )
        return self._dataset.attrs["sda_kind"]

    def save(self, path: Union[str, os.PathLike[str]]) -> None:
        """Writes the file that the program would have, with a checksum; an ensemble with its mean and spread."""
        kind = self._kind()
        write = _sda.write_ensemble if kind == "ensemble" else _sda.write_trajectories
        write(os.fspath(path), packing.record_of(self._dataset, kind))

    def plot(self, observations: Any, *, reference: Optional[xarray.Dataset] = None, ax: Any = None) -> Any:
        """The report's picture of this posterior beside its observations, drawn on matplotlib's axes, which it
        returns."""
        import matplotlib.image
        import matplotlib.pyplot

        from .evaluation import report

        self._kind()
        with tempfile.TemporaryDirectory(prefix="sda_") as folder:
            report(self._dataset, observations, folder, reference=reference)
            picture = matplotlib.image.imread(os.path.join(folder, f"{observations.name}.png"))
        if ax is None:
            height, width = picture.shape[:2]
            figure = matplotlib.pyplot.figure(figsize=(10, 10 * height / width))
            ax = figure.add_axes([0, 0, 1, 1])
        ax.imshow(picture)
        ax.set_axis_off()
        return ax

#!/usr/bin/env python3
"""Write a table of many observations, and states of the system that they are of, to see what reading costs.

    python3 experiments/large/rows.py run/rows && cd run/rows
    sda import states.toml -o data
    /usr/bin/time -v sda observe --from rows.csv --data data/train.nc -o y.nc
"""

import argparse
from pathlib import Path

import netCDF4
import numpy

STATES, LATITUDES, LONGITUDES = 64, 32, 64


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    random = numpy.random.default_rng(0)
    with netCDF4.Dataset(arguments.folder / "states.nc", "w") as file:
        axes = {"member": numpy.arange(4), "time": numpy.arange(STATES), "lat": numpy.linspace(-62, 62, LATITUDES),
                "lon": numpy.arange(LONGITUDES) * 360 / LONGITUDES}
        for name, values in axes.items():
            file.createDimension(name, len(values))
            file.createVariable(name, "f8", (name,))[:] = values
        for name, units in {"time": "hours since 2020-01-01", "lat": "degrees_north", "lon": "degrees_east"}.items():
            file[name].units = units
        sst = file.createVariable("sst", "f4", tuple(axes))
        sst[:] = random.normal(290, 5, sst.shape)
        sst.units = "K"
    (arguments.folder / "states.toml").write_text(
        '[data]\nfiles = ["states.nc"]\nvariables = ["sst"]\nspace = ["lat", "lon"]\ntrajectory = "member"\n'
        "train = 0.5\nvalid = 0.25\n")
    columns = [random.uniform(0, STATES - 1, arguments.rows), random.uniform(-62, 62, arguments.rows),
               random.uniform(0, 360, arguments.rows), random.normal(290, 5, arguments.rows)]
    numpy.savetxt(arguments.folder / "rows.csv", numpy.column_stack(columns), "%.6f,%.6f,%.6f,sst,%.4f,0.3",
                  header="time,lat,lon,variable,value,error", comments="")


if __name__ == "__main__":
    main()

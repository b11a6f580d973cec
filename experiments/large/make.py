#!/usr/bin/env python3
"""Write a large NetCDF file of smooth random fields, to import and to train on more than memory holds.

    python3 experiments/large/make.py run/large.nc --gigabytes 20

Two variables of 64 × 64 points, 64 states a trajectory, each a chunk.
large.toml beside this imports it and trains the network of the Kolmogorov flow's small prior on it.
"""

import argparse
from pathlib import Path

import netCDF4
import numpy

POINTS, STATES = 64, 64


def smooth_fields(random, n):
    """(n, y, x) of unit variance, energy falling with the fourth power of the wavenumber."""
    k = numpy.fft.fftfreq(POINTS, 1 / POINTS)[:, None]
    decay = 1 / (1 + (k**2 + k[:, 0][None, : POINTS // 2 + 1] ** 2) / 9) ** 2
    noise = random.standard_normal((n, *decay.shape)) + 1j * random.standard_normal((n, *decay.shape))
    fields = numpy.fft.irfft2(noise * decay, s=(POINTS, POINTS))
    return (fields / fields.std()).astype("f4")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--gigabytes", type=float, default=20)
    arguments = parser.parse_args()
    trajectories = max(10, round(arguments.gigabytes * 1e9 / (2 * STATES * POINTS * POINTS * 4)))
    random = numpy.random.default_rng(0)
    # Trajectories of one set of fields each, turned a little from state to state.
    with netCDF4.Dataset(arguments.output, "w") as file:
        for name, size in {"member": trajectories, "time": STATES, "y": POINTS, "x": POINTS}.items():
            file.createDimension(name, size)
        times = file.createVariable("time", "f8", ("time",))
        times[:] = numpy.arange(STATES)
        times.units = "s"
        fields = {name: file.createVariable(name, "f4", ("member", "time", "y", "x"), chunksizes=(1, STATES, POINTS, POINTS))
                  for name in ("u", "v")}
        for i in range(trajectories):
            for field in fields.values():
                first, other = smooth_fields(random, 2)
                angle = 0.1 * numpy.arange(STATES)[:, None, None]
                field[i] = numpy.cos(angle) * first + numpy.sin(angle) * other
    print(f"{trajectories} trajectories, {arguments.output.stat().st_size / 1e9:.1f} GB in {arguments.output}")


if __name__ == "__main__":
    main()

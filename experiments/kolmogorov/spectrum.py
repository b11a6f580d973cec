#!/usr/bin/python3
"""Energy, speed and energy spectrum of simulated flows, one folder of `sda simulate` for each.

    experiments/kolmogorov/spectrum.py run/flow128 run/flow256 --output docs/images/kolmogorov_spectrum.png

E(k) is the energy of all modes whose wavenumber rounds to k; Σ E(k) is the mean of (u² + v²) / 2 over space, time and
trajectories. Needs python3-netcdf4, and python3-matplotlib for the plot.
"""

import argparse
import pathlib

import netCDF4
import numpy


def velocities(folder):
    """Of one state after the other of all trajectories: (trajectory, 2, x, y)."""
    with netCDF4.Dataset(folder / "train.nc") as file:
        for time in range(len(file.dimensions["time"])):
            yield numpy.stack([file[name][time].astype(numpy.float64) for name in ("u", "v")], axis=1)


def statistics(folder):
    spectra, speeds, energies, squares = [], [], [], []
    for velocity in velocities(folder):
        n = velocity.shape[-1]
        k = numpy.fft.fftfreq(n, 1 / n)
        shell = numpy.rint(numpy.hypot(k[:, None], k)).astype(int).ravel()
        modes = numpy.fft.fft2(velocity) / n**2
        energy = (abs(modes) ** 2).sum(1).mean(0).ravel() / 2
        spectra.append(numpy.bincount(shell, energy)[: n // 2])
        energies.append((velocity**2).sum(1).mean((1, 2)) / 2)
        squares.append((velocity**2).mean((0, 2, 3)))
        speeds.append(numpy.sqrt((velocity**2).sum(1)).max())
    energies = numpy.stack(energies)
    return {
        "spectrum": numpy.mean(spectra, 0),
        "energy": energies.mean(),
        "error": energies.mean(0).std(ddof=1) / numpy.sqrt(energies.shape[1]),
        "std": numpy.sqrt(numpy.mean(squares, 0)),
        "speed": max(speeds),
    }


def draw(curves, output):
    """E(k) of each grid, with the slope of a cascade of enstrophy."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 5), layout="constrained")
    for label, curve in curves.items():
        axes.plot(range(1, len(curve)), curve[1:], linewidth=2, label=label)
    k = numpy.arange(1, 129)
    axes.plot(k, 3.0 * k**-3.0, ":k", label="$k^{-3}$")
    axes.axvline(32, color="gray", linestyle="--")
    axes.annotate("states of 64 × 64", (31, 0.5), ha="right", va="top", color="gray")
    axes.set(xscale="log", yscale="log", xlim=(1, 128), ylim=(1e-10, 1), xlabel="wavenumber k", ylabel="energy E(k)")
    axes.legend(loc="lower left")
    figure.savefig(output, dpi=100)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=pathlib.Path)
    parser.add_argument("--output", help="PNG of the plot")
    arguments = parser.parse_args()
    curves = {}
    print("| solver grid | energy | std of u | std of v | largest speed | E(4) | E(8) | E(16) | E(24) | E(32) |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for folder in arguments.folders:
        s = statistics(folder)
        spectrum = s["spectrum"]
        n = 2 * len(spectrum)
        curves[f"solver grid {n} × {n}"] = spectrum
        shown = " | ".join(f"{spectrum[k]:.2e}" if k < len(spectrum) else "–" for k in (4, 8, 16, 24, 32))
        print(f"| {n} | {s['energy']:.3f} ± {s['error']:.3f} | {s['std'][0]:.3f} | {s['std'][1]:.3f} | {s['speed']:.2f} | {shown} |")
    if arguments.output:
        draw(curves, arguments.output)


if __name__ == "__main__":
    main()

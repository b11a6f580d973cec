#!/usr/bin/python3
"""Kuramoto-Sivashinsky equation, u_t = -u u_x - u_xx - u_xxxx, periodic in x, by SciPy as it is: right-hand side by Fourier
transforms, time by solve_ivp. One NetCDF file a run, in no way made for sda. Debian: python3-scipy, python3-xarray,
python3-netcdf4. Half a minute on one core.

    examples/your_own_system/solve.py run/ks/raw [runs]
"""
import sys
from pathlib import Path

import numpy as np
import xarray
from scipy.integrate import solve_ivp

LENGTH, POINTS, STEP, STATES, SPIN_UP = 22.0, 64, 1.0, 256, 100.0
x = np.arange(POINTS) * LENGTH / POINTS
k = 2 * np.pi * np.fft.rfftfreq(POINTS, LENGTH / POINTS)
KEPT = k <= 2 / 3 * k[-1]  # of the square's aliases


def tendency(_, u):
    waves = (k**2 - k**4) * np.fft.rfft(u) - 0.5j * k * np.where(KEPT, np.fft.rfft(u**2), 0)
    return np.fft.irfft(waves, POINTS)


def run(seed):
    random = np.random.default_rng(seed)
    start = sum(random.normal() * np.cos(2 * np.pi * n * x / LENGTH + random.uniform(0, 2 * np.pi)) for n in (1, 2, 3))
    times = SPIN_UP + STEP * np.arange(STATES)
    solution = solve_ivp(tendency, (0, times[-1]), start, method="BDF", t_eval=times, rtol=1e-6, atol=1e-6)
    return xarray.Dataset(
        {"u": (("time", "x"), solution.y.T.astype("float32"), {"long_name": "flame front's slope", "units": "m s-1"})},
        {"time": ("time", times, {"units": "s", "long_name": "time since the flame was lit"}),
         "x": ("x", x, {"units": "m", "long_name": "distance along the front"})})


folder, runs = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 60
folder.mkdir(parents=True, exist_ok=True)
for seed in range(runs):
    run(seed).to_netcdf(folder / f"run_{seed:03}.nc")
print(f"{runs} runs of {STATES} states in {folder}")

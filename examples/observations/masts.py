#!/usr/bin/env python3
"""Readings of a Lorenz 1963 system by three instruments, each with its own noise and times, as a CSV of the kind that
`sda observe --from` takes. A fourth of the readings of x is kept aside, to see afterwards what the analysis says there.

    masts.py FOLDER     writes FOLDER/masts.csv and FOLDER/aside.csv
"""

import csv
import pathlib
import sys

import numpy as np

DT, LENGTH = 0.025, 65  # of the prior in models/


def step(s, dt):
    def f(s):
        x, y, z = s
        return np.array([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z])

    a = f(s)
    b = f(s + dt / 2 * a)
    c = f(s + dt / 2 * b)
    d = f(s + dt * c)
    return s + dt / 6 * (a + 2 * b + 2 * c + d)


def main(folder):
    rng = np.random.default_rng(5)
    state, path = np.array([1.0, 2.0, 20.0]), []
    for i in range(1000 + LENGTH):
        state = step(state, DT) + np.sqrt(DT) * rng.normal(size=3)  # as the prior's trajectories are driven
        path.append(state)
    path = np.array(path[1000:])
    at = lambda time, c: np.interp(time, np.arange(LENGTH) * DT, path[:, c])
    end = (LENGTH - 1) * DT

    rows, aside = [], []
    for i, time in enumerate(np.sort(rng.choice(int(1000 * end), 24, replace=False)) / 1000):  # whenever it likes
        row = [time, "x", at(time, 0) + 0.5 * rng.normal(), 0.5, 0]
        (aside if i % 4 == 3 else rows).append(row)
    for time in np.arange(0, end, 0.2).round(3):  # every fifth of a unit, and worse
        rows.append([time, "z", at(time, 2) + 2 * rng.normal(), 2, 0])
    for time in np.arange(0.1, end, 0.4).round(3):  # the distance from the origin
        radius = np.sqrt(sum(at(time, c) ** 2 for c in range(3)))
        rows.append([time, "radius", radius + rng.normal(), 1, 0])
    rows[3][2], rows[3][4] = 80, 2  # a spike, that quality control has found
    rows[7][2] = ""  # a reading that failed
    rows.sort(key=lambda row: row[0])
    for name, some in (("masts.csv", rows), ("aside.csv", aside)):
        with open(pathlib.Path(folder) / name, "w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["time", "variable", "value", "error", "flag"])
            writer.writerows([f"{t:g}", v, value if value == "" else f"{value:.3f}", e, flag] for t, v, value, e, flag in some)


if __name__ == "__main__":
    main(sys.argv[1])

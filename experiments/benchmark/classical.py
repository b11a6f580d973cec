#!/usr/bin/python3
"""Record the classical methods on Lorenz 1963 and 1996 beside the scores that DAPPER publishes of its own.

    /usr/bin/python3 experiments/benchmark/classical.py                        all cases, the tables of docs/results/benchmark.md
    /usr/bin/python3 experiments/benchmark/classical.py --cases lorenz63 --trajectories 2 --length 500             a quick look

For each case the truth is simulated once and observed; each method runs over every trajectory. `rmse.a` is the mean over
the observed states, after a burn-in, of the root mean square over the components of (ensemble mean - truth), as DAPPER
has it, with its standard error over the trajectories; of a smoother also that of its smoothed states.
"""

import argparse
import re
import statistics
import subprocess
import tempfile
from pathlib import Path

import netCDF4
import numpy

HERE = Path(__file__).parent
BURN_IN = 100  # states
#        METHOD, flags, what DAPPER's source publishes as rmse.a (of the same method and settings)
CASES = {
    "lorenz63": (HERE / "lorenz63.toml", [], [
        ("oi", [], 1.25),
        ("3dvar", ["--set=baseline.background=0.1"], 1.04),
        ("enkf", ["--members=100", "--inflation=1.01"], 0.56),
        ("enkf", ["--members=10", "--inflation=1.04"], 0.65),
        ("etkf", ["--members=10", "--inflation=1.02", "--rotation"], 0.60),
        ("etkf", ["--members=3", "--inflation=1.30"], 0.80),
        ("enkf_n", ["--members=10", "--rotation"], 0.54),
        ("enkf_n", ["--members=3"], 0.60),
        ("enks", ["--members=100", "--inflation=1.01", "--lag=10", "--set=baseline.update=enkf"], None),
        ("enrts", ["--members=100", "--inflation=1.01", "--set=baseline.update=enkf"], None),
        ("ienks", ["--members=10", "--inflation=1.02", "--rotation"], 0.31),
        ("ienks", ["--members=10", "--inflation=1.02", "--rotation", "--set=baseline.bundle=true"], None),
        ("ienks", ["--members=10", "--inflation=1.02", "--rotation", "--lag=4"], None),
    ]),
    "lorenz96": (HERE / "lorenz96.toml", [], [
        ("oi", [], 0.95),
        ("3dvar", ["--set=baseline.background=0.02"], 0.41),
        ("enkf", ["--members=40", "--inflation=1.06"], 0.22),
        ("enkf", ["--members=28", "--inflation=1.08"], 0.24),
        ("etkf", ["--members=24", "--inflation=1.013", "--rotation"], 0.18),
        ("etkf", ["--members=20", "--inflation=1.04", "--rotation"], 0.20),
        ("enkf_n", ["--members=24", "--rotation"], 0.21),
        ("enkf_n", ["--members=24", "--rotation", "--set=baseline.certainty=2"], 0.18),
        ("letkf", ["--members=7", "--inflation=1.04", "--rotation", "--radius=4"], 0.22),
        ("enks", ["--members=40", "--inflation=1.013", "--rotation", "--lag=20"], None),
        ("enrts", ["--members=40", "--inflation=1.013", "--rotation"], None),
        ("ienks", ["--members=25", "--inflation=1.02", "--rotation", "--lag=1"], None),
        ("ienks", ["--members=25", "--inflation=1.02", "--rotation", "--lag=20"], None),
    ]),
    "lorenz96, observed every 0.6": (HERE / "lorenz96.toml",
                                     ["--set=dynamics.dt=0.6", "--set=dynamics.substeps=12"], [
        ("ienks", ["--members=25", "--inflation=1.2", "--rotation", "--lag=1"], 0.46),
    ]),
    "lorenz96, observed every 0.2": (HERE / "lorenz96.toml",
                                     ["--set=dynamics.dt=0.2", "--set=dynamics.substeps=4"], [
        ("ienks", ["--members=20", "--inflation=1.06", "--rotation", "--lag=4"], 0.31),  # published with its -N
        # Published with 0.2, 0.1 and 0.02 times the identity; the climatological variance is 13.4.
        ("4dvar", ["--lag=1", "--set=baseline.background=0.015"], 0.46),
        ("4dvar", ["--lag=2", "--set=baseline.background=0.0075"], 0.39),
        ("4dvar", ["--lag=4", "--set=baseline.background=0.0015"], 0.37),
    ]),
}


def processor():
    names = re.findall(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return names[0] if names else "unknown"


def states(path, variables):
    """(time, realization, component)."""
    with netCDF4.Dataset(path) as file:
        kept = [numpy.asarray(file[name][:], dtype=float) for name in variables]
    return numpy.stack(kept, axis=-1) if len(kept) > 1 else kept[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="build/release/bin/sda")
    parser.add_argument("--cases", nargs="*", default=list(CASES), choices=list(CASES))
    parser.add_argument("--methods", nargs="*", help="those alone")
    parser.add_argument("--trajectories", type=int, default=8)
    parser.add_argument("--length", type=int, default=2000, help="states of each")
    arguments = parser.parse_args()

    def sda(*words):
        command = [arguments.program, "--quiet", *map(str, words)]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout

    print(f"{arguments.trajectories} trajectories of {arguments.length} states, {processor()}")
    for case in arguments.cases:
        config, settings, methods = CASES[case]
        variables = ["x", "y", "z"] if "63" in case else ["x"]
        print(f"\n### {case}\n\n| method | settings | rmse.a | DAPPER's | smoothed | seconds a trajectory |")
        print("|---|---|---|---|---|---|", flush=True)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            sda("simulate", config, "-o", folder / "data", "--seed", 1, *settings,
                f"--set=simulation.trajectories={arguments.trajectories}", f"--set=simulation.length={arguments.length}")
            truth = states(folder / "data/test.nc", variables)
            for i in range(arguments.trajectories):
                sda("observe", "--data", folder / "data/test.nc", "--name", "all", "--trajectory", i, "--seed", i,
                    "-o", folder / f"y{i}.nc", f"--set=observation.all.length={arguments.length}")
            for method, flags, published in methods:
                if arguments.methods and method not in arguments.methods:
                    continue
                filtered, smoothed, seconds, diverged = [], [], [], 0
                for i in range(arguments.trajectories):
                    best, last = folder / "best.nc", folder / "last.nc"
                    try:
                        said = sda("baseline", method, "--obs", folder / f"y{i}.nc", "-o", best, "--filtered", last,
                                   "--seed", i, *flags)
                    except subprocess.CalledProcessError:
                        diverged += 1
                        continue
                    seconds.append(float(re.search(r" in ([0-9.]+) s", said).group(1)))
                    for path, kept in ((last, filtered), (best, smoothed)):
                        error = states(path, variables).mean(axis=1) - truth[:, i]
                        kept.append(numpy.sqrt((error**2).mean(axis=-1))[BURN_IN:].mean())
                words = " ".join(flag.removeprefix("--").removeprefix("set=baseline.") for flag in flags)
                print(f"| {method} | {words} | {told(filtered)} | {'' if published is None else f'{published:.2f}'} | "
                      f"{told(smoothed) if smoothed != filtered else ''} | {statistics.mean(seconds):.2f} |"
                      + (f" {diverged} diverged" if diverged else ""), flush=True)


def told(values):
    """A mean with its standard error."""
    error = statistics.stdev(values) / len(values)**0.5 if len(values) > 1 else 0
    return f"{statistics.mean(values):.3f} ± {error:.3f}"


if __name__ == "__main__":
    main()

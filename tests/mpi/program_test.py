#!/usr/bin/python3
"""sda under mpirun: program_test.py PROGRAM MPIEXEC

Members that ranks draw are those of one process; what stops them, and what is refused, is one line.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import netCDF4
import numpy

PROGRAM, MPIEXEC = sys.argv[1:3]


def sda(*words, ranks=1):
    command = [PROGRAM, *map(str, words)]
    if ranks > 1:
        command = [MPIEXEC, "-n", str(ranks), *command]
    return subprocess.run(command, capture_output=True, text=True, timeout=240)


def good(*words, ranks=1):
    done = sda(*words, ranks=ranks)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout


def members(path):
    with netCDF4.Dataset(path) as file:
        return numpy.stack([numpy.asarray(file[name]) for name in ("x", "y", "z")])


def lines_of_ours(text):
    return [line for line in text.splitlines() if "sda: " in line]


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        system = ["--set", "simulation.trajectories=24", "--set", "simulation.length=64"]
        good("simulate", *system, "-o", folder / "data")
        good("train", "--data", folder / "data", "--epochs", 4, "--order", 2, "-o", folder / "model.nc")
        good(
            "observe", "--data", folder / "data" / "test.nc", "--name", "y",
            "--set", "observation.y.operator=[{every = 4}, {select = [0]}]",
            "--set", "observation.y.sigma=0.5", "--set", "observation.y.length=41", "-o", folder / "y.nc",
        )  # fmt: skip
        # In bfloat16 the last bit of a sum over ranks can turn a product's rounding: 1e-3 of a member in the end.
        run = [
            "assimilate", "--set", "assimilation.precision=float32", "--model", folder / "model.nc",
            "--obs", folder / "y.nc", "--members", 6,
            "--keep-diverged", "--seed", 3,
        ]  # fmt: skip
        short = [*run, "--steps", 12]
        good(*short, "-o", folder / "one.nc")
        one = members(folder / "one.nc")
        for ranks, shards in ((2, 1), (7, 1), (3, 3), (4, 2)):
            out = folder / f"{ranks}_{shards}.nc"
            said = good(*short, "-o", out, "--state-ranks", shards, ranks=ranks)
            assert said.count("assimilated") == 1, said
            far = numpy.abs(members(out) - one).max() / numpy.abs(one).max()
            assert far < 1e-4, (ranks, shards, far)
            print(f"{ranks} ranks, {shards} for the states: {far:.1e} of one process")
        assert (members(folder / "2_1.nc") == members(folder / "7_1.nc")).all()

        # Stopped by the time limit, with two ranks, and gone on with three.
        long = [*run, "--steps", 20000, "-o", folder / "long.nc"]
        stopped = sda("--time-limit", "4s", *long, ranks=2)
        assert stopped.returncode == 75, (stopped.returncode, stopped.stderr)
        assert (folder / "long.checkpoint.nc").exists() and not (folder / "long.nc").exists()
        again = sda("--time-limit", "4s", *long, "--resume", "--state-ranks", 3, ranks=3)
        assert again.returncode == 75 and "going on after" in again.stderr + again.stdout, again.stderr

        # What is refused is said once, and ends all.
        refused = sda(*run, "-o", folder / "no.nc", "--state-ranks", 2, ranks=3)
        assert refused.returncode == 2 and len(lines_of_ours(refused.stderr)) == 1, refused.stderr
        assert "rank 0 of 3: --state-ranks" in refused.stderr, refused.stderr
        crowded = sda(*run, "-o", folder / "no.nc", "--state-ranks", 30, ranks=30)
        assert crowded.returncode == 2 and "fewer states" in crowded.stderr, crowded.stderr
        alone = sda("simulate", *system, "-o", folder / "other", ranks=2)
        assert alone.returncode == 2 and "not shared among ranks" in alone.stderr, alone.stderr
        assert not (folder / "other").exists()


if __name__ == "__main__":
    main()

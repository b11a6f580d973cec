#!/usr/bin/python3
"""What ranks gain on this machine, and what 1 to 4096 of them would by the counts of their messages.

    python3 experiments/benchmark/ranks.py             times, medians of three, of 1024 members of Lorenz 1963
    python3 experiments/benchmark/ranks.py --memory    the largest memory of a rank for a long trajectory

Each rank has one thread. The model: a rank evaluates members × states windows an evaluation, and exchanges 2 k states a
boundary, each way in one message, for the score and again for its VJP; MMPS adds six sums for each of its vectors.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import tempfile
from pathlib import Path

ENVIRONMENT = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
               "OMPI_MCA_rmaps_base_oversubscribe": "1", "OMPI_MCA_hwloc_base_binding_policy": "core"}  # fmt: skip
MODEL, K, VALUES = "models/lorenz63_k4.nc", 4, 3
# A network of today: seconds a message takes, and bytes a second.
LATENCY, BANDWIDTH = 2e-6, 10e9
SUMS = 8  # of MMPS with one vector: norms, products, weights


def run(arguments, *words, ranks=1, threads=1, before=()):
    command = [arguments.program, *map(str, words)]
    if ranks > 1:
        command = ["mpirun", "-n", str(ranks), *before, *command]
    else:
        command = [*before, *command]
    done = subprocess.run(command, env={**ENVIRONMENT, "OMP_NUM_THREADS": str(threads)}, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    return done.stdout, done.stderr


def observed(arguments, folder, length):
    """Every eighth state of a trajectory, x alone."""
    system = [
        "--set", "simulation.trajectories=10", "--set", f"simulation.length={length}", "--seed", 1
    ]  # fmt: skip
    run(arguments, "simulate", "experiments/lorenz63/lorenz63.toml", *system, "-o", folder / "data")
    run(
        arguments, "observe", "--data", folder / "data" / "test.nc", "--name", "y",
        "--set", "observation.y.operator=[{every = 8}, {select = [0]}]",
        "--set", "observation.y.sigma=0.05", "--set", f"observation.y.length={length}", "-o", folder / "y.nc",
    )  # fmt: skip
    return folder / "y.nc"


def seconds(arguments, y, folder, ranks, threads, shards):
    found = []
    for repeat in range(arguments.repeats):
        said, _ = run(
            arguments, "assimilate", "--model", MODEL, "--obs", y, "--members", arguments.members, "--quality", "quick",
            "--seed", 1, "--state-ranks", shards, "-o", folder / "out.nc", ranks=ranks, threads=threads,
        )  # fmt: skip
        found.append(float(re.search(r"in ([0-9.]+) s", said)[1]))
    return statistics.median(found)


def predicted(rate, members, states, groups, shards):
    """Windows a second of one rank → seconds of an evaluation and its VJP."""
    here, own = -(-members // groups), -(-states // shards)
    work = here * own / rate
    if shards == 1:
        return work
    halo = 2 * 2 * (LATENCY + here * K * VALUES * 4 / BANDWIDTH)
    return work + halo + SUMS * 2 * LATENCY * max(1, (shards - 1).bit_length())


def table(rate, members, states, by_states):
    rows = []
    for ranks in (1, 4, 16, 64, 256, 1024, 4096):
        groups, shards = (1, ranks) if by_states else (ranks, 1)
        if groups > members or states // shards < 2 * K:
            continue
        time = predicted(rate, members, states, groups, shards)
        one = predicted(rate, members, states, 1, 1)
        rows.append(f"| {ranks} | {1e3 * time:.3g} | {one / time:.4g} | {100 * one / time / ranks:.0f} % |")
    return "\n".join(rows)


def times(arguments, folder):
    y = observed(arguments, folder, 65)
    ways = {
        "one rank": (1, 1, 1),
        "two threads": (1, 2, 1),
        "two ranks, members": (2, 1, 1),
        "two ranks, states": (2, 1, 2),
    }
    found = {name: seconds(arguments, y, folder, *way) for name, way in ways.items()}
    for name, time in found.items():
        print(f"| {name} | {time:.2f} | {found['one rank'] / time:.2f} |")
    evaluations = 64  # of --quality quick, each with a VJP
    rate = arguments.members * 65 * evaluations / found["one rank"]
    print(f"\nA rank evaluates {rate:.3g} windows a second, with their VJP.\n")
    head = "| ranks | ms an evaluation | times faster | of the ideal |\n|---|---|---|---|"
    print(f"1024 members of 65 states, members shared out:\n\n{head}")
    print(table(rate, 1024, 65, by_states=False))
    print(f"\n4 members of 1,000,000 states, states shared out:\n\n{head}")
    print(table(rate, 4, 1_000_000, by_states=True))


def memory(arguments, folder):
    y = observed(arguments, folder, arguments.states)
    _, said = run(
        arguments, "assimilate", "--model", MODEL, "--obs", y, "--members", 4, "--steps", 4, "--keep-diverged",
        "--memory", arguments.memory, "--state-ranks", 4, "-o", folder / "out.nc", "--seed", 1, ranks=4,
        before=["/usr/bin/time", "-f", "%M KB"],
    )  # fmt: skip
    kilobytes = sorted(int(n) for n in re.findall(r"(\d+) KB", said))
    print(json.dumps({"states": arguments.states, "megabytes of each rank": [round(n / 1024) for n in kilobytes]}))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="build/release/bin/sda")
    parser.add_argument("--members", type=int, default=1024)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--memory", nargs="?", const="256M")
    parser.add_argument("--states", type=int, default=1_000_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        (memory if arguments.memory else times)(arguments, Path(name))


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""Posteriors of Lorenz 1963 of which the last state alone is observed, beside a particle filter.

    python3 experiments/lorenz63/last_state.py            four trajectories, the table of docs/results/guidance.md

For each way to sample: the departure over σ and W1 to the filter of each trajectory, and medians of log-prior and
log-likelihood. Two filters of a million particles say what W1 is between equals.
"""

import argparse
import json
import re
import statistics
import subprocess
import tempfile
from pathlib import Path

MODELS = Path("models")
NO_LATE_CHURN = ["--set", "sampler.noise_until=0.05"]
WAYS = [
    (f"k = {k}", name, ["--model", MODELS / f"lorenz63_k{k}.nc", *flags])
    for k in (4, 8)
    for name, flags in (
        ("good", ["--quality", "good"]),
        ("paper", ["--quality", "paper"]),
        ("good, no churn below t = 0.05", ["--quality", "good", *NO_LATE_CHURN]),
    )
] + [("over time", "good", ["--model", MODELS / "lorenz63_kglobal.nc", "--quality", "good"])]
OBSERVATION = ["operator=[{last = 1}]", "sigma=0.05", "length=33"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="build/release/bin/sda")
    parser.add_argument("--trajectories", type=int, default=4)
    parser.add_argument("--members", type=int, default=64)
    parser.add_argument("--particles", type=int, default=1_000_000)
    arguments = parser.parse_args()

    def sda(*words):
        command = [arguments.program, "--quiet", *map(str, words)]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sda("simulate", "experiments/lorenz63/lorenz63.toml", "-o", folder / "data", "--seed", 3,
            "--trajectories", 10 * arguments.trajectories, "--length", 64, "--set=simulation.train=0.5",
            "--set=simulation.valid=0.1")
        found = {(prior, way): [] for prior, way, _ in WAYS}
        floors, filters = [], []
        for i in range(arguments.trajectories):
            y, reference, floor = (folder / f"{what}{i}.nc" for what in ("y", "filter", "floor"))
            sda("observe", "--data", folder / "data/test.nc", "--name", "last", "--trajectory", i, "-o", y,
                *(f"--set=observation.last.{setting}" for setting in OBSERVATION))
            for seed, output in ((0, reference), (1, floor)):
                sda("filter", "--obs", y, "-o", output, "--seed", seed, f"--set=filter.particles={arguments.particles}",
                    "--set=filter.members=128")
            for prior, way, flags in WAYS:
                posterior = folder / "posterior.nc"
                said = sda("assimilate", *flags, "--obs", y, "-o", posterior, "--members", arguments.members,
                           "--keep-diverged")
                departure = float(re.search(r"departure ([0-9.e+]+) sigma", said).group(1))
                scores = json.loads(sda("evaluate", "--json", "--obs", y, "--reference", reference, "--floor", floor,
                                        posterior))
                ours, other = scores["ensembles"][0], scores["reference"]
                found[prior, way].append((departure, ours))
            floors.append(ours["wasserstein_floor"])
            filters.append(other)

    def median(rows, key):
        return statistics.median(row[key]["value"] for row in rows)

    print("| prior | sampler | z, each | W1 to the filter, each | log-prior, median "
          f"(filter {median(filters, 'log_prior'):.0f}) | log-likelihood, median "
          f"(filter {median(filters, 'log_likelihood'):.1f}) |\n|---|---|---|---|---|---|")
    for (prior, way), runs in found.items():
        rows = [row for _, row in runs]
        print(f"| {prior} | {way} | {', '.join(f'{z:.1f}' for z, _ in runs)} "
              f"| {', '.join(format(row['wasserstein'], '.0f') for row in rows)} | {median(rows, 'log_prior'):.0f} "
              f"| {median(rows, 'log_likelihood'):.1f} |")
    print(f"| | filter to filter | | {', '.join(f'{floor:.0f}' for floor in floors)} | | |")


if __name__ == "__main__":
    main()

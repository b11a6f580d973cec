#!/usr/bin/env python3
"""Record how near posteriors of Lorenz 1963 come to the particle filter's (Rozet & Louppe 2023, section 4.1).

    python3 experiments/lorenz63/record.py --program build/release/bin/sda --work run/record

For each order k and each held-out observation: 256 members, 256 steps, one correction, beside two independent particle
filters. What is there already is not made again, so a stopped recording goes on. Writes WORK/results.json and a table to
--output (docs/results/lorenz63.md).
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

EXPERIMENT = Path(__file__).with_name("lorenz63.toml")


class Recorder:
    def __init__(self, arguments):
        self.program = arguments.program
        self.work = Path(arguments.work)
        self.models = Path(arguments.models)
        self.flags = ["--threads", str(arguments.threads)] if arguments.threads else []
        self.work.mkdir(parents=True, exist_ok=True)

    def run(self, command, *arguments, target=None, seed=0):
        """Runs `sda COMMAND ARGUMENTS`, unless its target is there already; returns what it printed."""
        if target is not None and target.exists():
            return None
        line = [self.program, command, *map(str, arguments), "--seed", str(seed), "--quiet", *self.flags]
        if target is not None:
            line += ["-o", str(target)]
        print("+", " ".join(line), file=sys.stderr, flush=True)
        return subprocess.run(line, check=True, stdout=subprocess.PIPE, text=True).stdout

    def observation(self, name, index):
        data = self.work / "data"
        self.run("simulate", EXPERIMENT, target=data, seed=1)
        path = self.work / f"{name}_{index}.nc"
        self.run("observe", EXPERIMENT, "--data", data / "test.nc", "--name", name, "--trajectory", index, target=path, seed=2)
        return path

    def filters(self, name, index, observation):
        """Two filters of one observation that share nothing but the observation."""
        paths = [self.work / f"{name}_{index}_filter_{seed}.nc" for seed in (3, 4)]
        for seed, path in zip((3, 4), paths):
            self.run("filter", EXPERIMENT, "--obs", observation, target=path, seed=seed)
        return paths

    def posterior(self, name, index, observation, order, members):
        path = self.work / f"{name}_{index}_k{order}_{members}.nc"
        self.run("assimilate", EXPERIMENT, "--model", self.models / f"lorenz63_k{order}.nc", "--obs", observation,
                 "--members", members, target=path, seed=5)
        return path

    def scores(self, name, index, orders, members):
        observation = self.observation(name, index)
        filters = self.filters(name, index, observation)
        posteriors = [self.posterior(name, index, observation, order, members) for order in orders]
        document = json.loads(self.run("evaluate", "--obs", observation, "--reference", filters[0], "--floor",
                                       filters[1], "--json", *posteriors))
        for order, row in zip(orders, document["ensembles"]):
            row.update(observation=name, index=index, order=order, filter_log_prior=document["reference"]["log_prior"]["value"],
                       filter_log_likelihood=document["reference"]["log_likelihood"]["value"])
        return document["ensembles"]


def table(rows):
    lines = ["| regime | trajectory | k | W1 to the filter | filter to filter | ratio | log-prior (filter) | log-likelihood (filter) | evaluations | seconds |",
             "|---|---|---|---|---|---|---|---|---|---|"]
    for row in rows:
        lines.append("| {observation} | {index} | {order} | {wasserstein:.2f} | {wasserstein_floor:.2f} | {ratio:.2f} | {prior:.1f} ± {prior_error:.1f} ({filter_log_prior:.1f}) | {likelihood:.2f} ± {likelihood_error:.2f} ({filter_log_likelihood:.2f}) | {evaluations} | {seconds:.0f} |".format(
            ratio=row["wasserstein"] / row["wasserstein_floor"], prior=row["log_prior"]["value"], prior_error=row["log_prior"]["standard_error"],
            likelihood=row["log_likelihood"]["value"], likelihood_error=row["log_likelihood"]["standard_error"], **row))
    return "\n".join(lines)


def medians(rows, orders, names):
    lines = ["| regime | k | observations | W1 to the filter, median (least to most) | filter to filter, median | ratio of medians |", "|---|---|---|---|---|---|"]
    for name in names:
        for order in orders:
            chosen = [row for row in rows if row["observation"] == name and row["order"] == order]
            distances = [row["wasserstein"] for row in chosen]
            floor = statistics.median(row["wasserstein_floor"] for row in chosen)
            lines.append(f"| {name} | {order} | {len(chosen)} | {statistics.median(distances):.2f} ({min(distances):.2f} to {max(distances):.2f}) | {floor:.2f} | {statistics.median(distances) / floor:.2f} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="build/release/bin/sda")
    parser.add_argument("--work", default="run/record", help="folder of what is made on the way")
    parser.add_argument("--models", default="models", help="folder of lorenz63_k2.nc and lorenz63_k4.nc")
    parser.add_argument("--observations", type=int, default=2, help="held-out trajectories of each regime")
    parser.add_argument("--orders", type=int, nargs="+", default=[2, 4])
    parser.add_argument("--members", type=int, default=256)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--output", help="file for the tables; without it they are printed")
    arguments = parser.parse_args()

    recorder, names, rows = Recorder(arguments), ["lo", "hi"], []
    for index in range(arguments.observations):
        for name in names:
            rows += recorder.scores(name, index, arguments.orders, arguments.members)
            (recorder.work / "results.json").write_text(json.dumps(rows, indent=1))
    rows.sort(key=lambda row: (names.index(row["observation"]), row["order"], row["index"]))
    text = medians(rows, arguments.orders, names) + "\n\n" + table(rows) + "\n"
    if arguments.output:
        Path(arguments.output).write_text(text)
    else:
        print(text)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Record how well the Kolmogorov flow is assimilated (Rozet & Louppe 2023, section 4.2) over many test trajectories.

    python3 experiments/kolmogorov/record.py --data run/kolmogorov/data                        three tasks of the paper
    python3 experiments/kolmogorov/record.py --data DATA --tasks averages --rules mmps dps none --trajectories 16

Each task (an observation of tasks.toml) of each test trajectory is assimilated by each rule, and scored: residual of the
members over the noise, error with and without readings, spread, coverage, energy spectrum against the simulator's and
one-step error through it; bicubic and trigonometric interpolations of the readings beside them. What is there already is
not made again, so a recording that was stopped goes on. Writes --output NAME.json and NAME.md, or prints the table.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
# Sampler and guidance of each rule; none is the prior alone. small.toml has those of MMPS; the others take the paper's.
PAPER = ["sampler.churn=0", "sampler.corrections=1", "sampler.tau=0.5"]
RULES = {
    "sda": ["guidance.rule=sda", "guidance.gamma=1e-2", *PAPER],
    "dps": ["guidance.rule=dps", *PAPER],
    "mmps": [],
    "none": ["guidance.rule=none", *PAPER],
}
# Readings of little noise want small steps with renewed noise at small t; those of a curved operator more pull-backs.
OF_TASK = {("extrapolation", "mmps"): ["sampler.grid=power", "sampler.exponent=2.5", "sampler.noise_until=0"],
           ("vorticity", "mmps"): ["guidance.iterations=3", "guidance.gamma=0"]}
STEPS = {("vorticity", "mmps"): 128}  # of the others 64
# The published residuals (section 4.2).
PUBLISHED = {"averages": 1.10, "extrapolation": 1.8, "vorticity": 1.22}


def write_whole(path, text):
    """Whole or not at all."""
    unfinished = path.with_suffix(".tmp")
    unfinished.write_text(text)
    unfinished.rename(path)


class Recorder:
    def __init__(self, arguments):
        self.options = arguments
        self.work = Path(arguments.work)
        self.work.mkdir(parents=True, exist_ok=True)

    def run(self, command, *arguments):
        line = [self.options.program, command, *map(str, arguments), "--quiet"]
        if self.options.threads:
            line += ["--threads", str(self.options.threads)]
        print(" ".join(line), file=sys.stderr, flush=True)
        return subprocess.run(line, check=True, stdout=subprocess.PIPE, text=True).stdout

    def rows(self, task, rule, index):
        """Scores of one ensemble, and with the first rule those of the interpolations; kept as JSON."""
        steps = self.options.steps or STEPS.get((task, rule), 64)
        stem = f"{task}_{index}_{rule}_{steps}_{self.options.members}"
        kept = self.work / f"{stem}.json"
        if kept.exists():
            return json.loads(kept.read_text())
        observation = self.work / f"{task}_{index}.nc"
        test = Path(self.options.data) / "test.nc"
        if not observation.exists():
            self.run("observe", HERE / "tasks.toml", "--data", test, "--name", task, "--trajectory", index, "--seed", 2, "-o", observation)
        posterior = self.work / f"{stem}.nc"
        if not posterior.exists():
            self.run("assimilate", HERE / "small.toml", "--model", self.options.model, "--obs", observation, "--members",
                     self.options.members, "--seed", 5, *(f"--set={key}" for key in [*RULES[rule], *OF_TASK.get((task, rule), [])]), f"--set=sampler.steps={steps}", "-o", posterior)
        document = json.loads(self.run("evaluate", "--obs", observation, "--simulated", test, "--one-step", 8, "--json", posterior))
        rows = [{**row, "task": task, "index": index, "rule": rule if number == 0 else row["method"], "steps": steps}
                for number, row in enumerate(document["ensembles"])]
        write_whole(kept, json.dumps(rows))
        return rows


def mean(values, digits):
    """Mean over trajectories ± its standard error."""
    values = [v for v in values if v is not None]
    if not values:
        return "–"
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    return f"{statistics.mean(values):.{digits}f} ± {statistics.stdev(values) / len(values) ** 0.5:.{digits}f}"


def value_of(estimate):
    return estimate["value"] if estimate else None


def table(rows):
    lines = ["| task | rule | trajectories | residual / σ (published) | RMSE read | RMSE unread | spread read, unread | truth within 50 %, 90 % | spectrum ratio | one step (truth's) | seconds |",
             "|---|---|---|---|---|---|---|---|---|---|---|"]
    groups = {}
    for row in rows:
        group = groups.setdefault((row["task"], row["rule"]), {})
        group[row["index"]] = row
    for (task, rule), found in sorted(groups.items()):
        some = list(found.values())
        fields = [row["fields"] for row in some]

        def skill(place, score):
            return mean([f[place][score] if f[place] else None for f in fields], 3)

        residual = mean([value_of(f["residual_over_noise"][0]) if isinstance(f["residual_over_noise"], list)
                         else value_of(next(iter(f["residual_over_noise"].values()))) for f in fields], 2)
        spectrum = [f["spectrum_ratio"] for f in fields if f["spectrum_ratio"]]
        band = f"{statistics.median(s['least'] for s in spectrum):.2f} to {statistics.median(s['largest'] for s in spectrum):.2f}" if spectrum else "–"
        covered = [row["coverage"] for row in some if row.get("coverage") and row["spread"] is not None]
        within = ", ".join(f"{100 * statistics.mean(c[level] for c in covered):.0f}" for level in ("50", "90")) if covered else "–"
        lines.append(
            f"| {task} | {rule} | {len(some)} | {residual} ({PUBLISHED.get(task, '–')}) | {skill('observed', 'rmse')} | {skill('unobserved', 'rmse')} "
            f"| {skill('observed', 'spread')}, {skill('unobserved', 'spread')} | {within} | {band} "
            f"| {mean([value_of(f['one_step_error']) for f in fields], 3)} ({mean([value_of(f['truth_one_step_error']) for f in fields], 4)}) "
            f"| {statistics.median(row['seconds'] for row in some):.0f} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="build/release/bin/sda")
    parser.add_argument("--data", required=True, help="folder that `sda simulate experiments/kolmogorov/small.toml` wrote")
    parser.add_argument("--model", default="models/kolmogorov_small.nc")
    parser.add_argument("--work", default="run/kolmogorov_record", help="folder of what is made on the way")
    parser.add_argument("--tasks", nargs="+", default=list(PUBLISHED))
    parser.add_argument("--rules", nargs="+", choices=list(RULES), default=["mmps", "sda", "dps", "none"])
    parser.add_argument("--trajectories", type=int, default=16)
    parser.add_argument("--members", type=int, default=8)
    parser.add_argument("--steps", type=int, help="of every task; without it 64, but for the vorticity by MMPS 128")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--output", help="stem of NAME.json and NAME.md; without it the table is printed")
    arguments = parser.parse_args()

    recorder, rows = Recorder(arguments), []
    # All of one trajectory first, so that what a stopped run leaves is comparable.
    for index in range(arguments.trajectories):
        for task in arguments.tasks:
            for rule in arguments.rules:
                rows += recorder.rows(task, rule, index)
        if arguments.output:
            write_whole(Path(arguments.output + ".json"), json.dumps(rows, indent=1))
            write_whole(Path(arguments.output + ".md"), table(rows))
    if not arguments.output:
        print(table(rows))


if __name__ == "__main__":
    main()

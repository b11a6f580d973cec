#!/usr/bin/env python3
"""Record how near posteriors of Lorenz 1963 come to the particle filter's (Rozet & Louppe 2023, section 4.1).

    python3 experiments/lorenz63/record.py                                              the paper's figure, 1024 members
    python3 experiments/lorenz63/record.py --points k2:1 k4:1 --members 256 --observations 2            its small sister
    python3 experiments/lorenz63/record.py --points k4:0 --sampler good --observations 8                the sampler advised

A point kK:C,C,… is a prior of order K sampled with C corrections a step; kglobal is the network over time. For each
held-out observation of each regime, every point beside two independent particle filters of as many members. Priors that
are not shipped are trained first, by the full recipe. What is there already is not made again, so a recording that was
stopped goes on, and more --observations only add to it; points in NAME.json, which travels with the repository, count as
made even on another machine. Writes results, tables and (with matplotlib) a plot to --output NAME.json, NAME.md and NAME.png.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

EXPERIMENT = Path(__file__).with_name("lorenz63.toml")
# The published figure: medians over 64 observations, read off its plot to about 0.4.
CORRECTIONS = (0, 1, 2, 4, 8, 16)
PUBLISHED = {
    "lo": {"1": (None, None, 54.5, 42.6, 34.1, 26.3), "2": (None, 37.8, 28.9, 21.8, 15.5, 12.1),
           "3": (None, 21.8, 16.2, 12.5, 10.3, 9.1), "4": (46.9, 14.0, 10.6, 8.8, 8.0, 7.7),
           "global": (None, 9.1, 7.3, 6.2, 5.8, 5.8)},
    "hi": {"1": (None, 41.3, 33.3, 26.6, 21.8, 17.7), "2": (None, 23.3, 19.2, 15.8, 13.2, 11.9),
           "3": (None, 16.0, 13.6, 12.1, 11.0, 10.3), "4": (27.6, 12.7, 11.0, 9.9, 9.3, 9.0),
           "global": (None, 9.1, 8.4, 7.7, 7.7, 7.3)},
}
PUBLISHED_FLOOR = {"lo": 5.2, "hi": 6.7}
# The experiment file has the paper's sampler; good takes half its passes with one correction.
SAMPLERS = {"paper": [], "good": ["--quality", "good"]}
COLOURS = {"1": "#9400d3", "2": "#009e73", "3": "#56b4e9", "4": "#e69f00", "global": "black"}
GLOBAL_NETWORK = ["network.kind=unet", "network.global=true", "network.window=32", "network.channels=[64]",
                  "network.blocks=[3]"]


def published(name, order, corrections):
    values = PUBLISHED[name].get(order, ())
    return values[CORRECTIONS.index(corrections)] if values and corrections in CORRECTIONS else None


def write_whole(path, text):
    """Whole or not at all."""
    unfinished = path.with_suffix(".tmp")
    unfinished.write_text(text)
    unfinished.rename(path)


class Recorder:
    def __init__(self, arguments):
        self.program = arguments.program
        self.work = Path(arguments.work)
        self.models = Path(arguments.models)
        self.flags = ["--threads", str(arguments.threads)] if arguments.threads else []
        self.members, self.precision, self.sampler = arguments.members, arguments.precision, arguments.sampler
        self.work.mkdir(parents=True, exist_ok=True)
        recorded = Path(arguments.output + ".json") if arguments.output else None
        self.recorded = json.loads(recorded.read_text()) if recorded and recorded.exists() else []
        for row in self.recorded:
            if row["sampler"] == "renewed":  # the name of 0.1
                row["sampler"] = "good"

    def run(self, command, *arguments, target=None, seed=0):
        """Runs `sda COMMAND ARGUMENTS`, unless its target is there already; returns what it printed."""
        if target is not None and target.exists():
            return None
        line = [self.program, command, *map(str, arguments), "--seed", str(seed), "--quiet", *self.flags]
        if target is not None:
            line += ["-o", str(target)]
        print(f"{self.progress} + {' '.join(line)}", file=sys.stderr, flush=True)
        return subprocess.run(line, check=True, stdout=subprocess.PIPE, text=True).stdout

    progress = ""

    def data(self):
        path = self.work / "data"
        self.run("simulate", EXPERIMENT, target=path, seed=1)
        return path

    def prior(self, order):
        shipped = self.models / f"lorenz63_k{order}.nc"
        if shipped.exists():
            return shipped
        path = self.work / f"lorenz63_k{order}.nc"
        network = GLOBAL_NETWORK if order == "global" else [f"network.order={order}"]
        self.run("train", EXPERIMENT, "--data", self.data(), *(f"--set={key}" for key in network), target=path, seed=1)
        return path

    def observation(self, name, index):
        path = self.work / f"{name}_{index}.nc"
        self.run("observe", EXPERIMENT, "--data", self.data() / "test.nc", "--name", name, "--trajectory", index, target=path,
                 seed=2)
        return path

    def filters(self, name, index, observation):
        """Two filters of one observation that share nothing but the observation."""
        paths = [self.work / f"{name}_{index}_filter_{seed}.nc" for seed in (3, 4)]
        for seed, path in zip((3, 4), paths):
            self.run("filter", EXPERIMENT, "--obs", observation, target=path, seed=seed)
        return paths

    def score(self, name, index, order, corrections):
        """One point of one observation: a line of results, kept as JSON beside the ensembles."""
        stem = f"{name}_{index}_k{order}_c{corrections}_{self.sampler}_{self.members}_{self.precision}"
        kept = self.work / f"{stem}.json"
        if kept.exists():
            return json.loads(kept.read_text())
        wanted = dict(observation=name, index=index, order=order, corrections=corrections, precision=self.precision,
                      members=self.members, sampler=self.sampler)
        for row in self.recorded:
            if wanted.items() <= row.items():
                return row
        observation = self.observation(name, index)
        filters = self.filters(name, index, observation)
        posterior = self.work / f"{stem}.nc"
        self.run("assimilate", EXPERIMENT, "--model", self.prior(order), "--obs", observation, "--members", self.members,
                 f"--set=sampler.corrections={corrections}", f"--set=assimilation.precision={self.precision}",
                 *SAMPLERS[self.sampler], target=posterior, seed=5)
        document = json.loads(self.run("evaluate", "--obs", observation, "--reference", filters[0], "--floor", filters[1],
                                       "--json", posterior))
        row = document["ensembles"][0]
        row.update(wanted,
                   filter_log_prior=document["reference"]["log_prior"]["value"],
                   filter_log_likelihood=document["reference"]["log_likelihood"]["value"])
        write_whole(kept, json.dumps(row))
        return row


def table(rows):
    lines = ["| regime | trajectory | k | C | W1 to the filter | filter to filter | ratio | log-prior (filter) | log-likelihood (filter) | network passes | seconds |",
             "|---|---|---|---|---|---|---|---|---|---|---|"]
    for row in rows:
        lines.append("| {observation} | {index} | {order} | {corrections} | {wasserstein:.2f} | {wasserstein_floor:.2f} | {ratio:.2f} | {prior:.1f} ± {prior_error:.1f} ({filter_log_prior:.1f}) | {likelihood:.2f} ± {likelihood_error:.2f} ({filter_log_likelihood:.2f}) | {evaluations} | {seconds:.0f} |".format(
            ratio=row["wasserstein"] / row["wasserstein_floor"], prior=row["log_prior"]["value"], prior_error=row["log_prior"]["standard_error"],
            likelihood=row["log_likelihood"]["value"], likelihood_error=row["log_likelihood"]["standard_error"], **row))
    return "\n".join(lines)


def keep_other(recorded, rows):
    """Rows made now, and of those recorded before the ones that were not asked for this time."""
    def key(row):
        return tuple(row[k] for k in ("observation", "order", "corrections", "sampler", "index", "members", "precision"))
    made = {key(row) for row in rows}
    return rows + [row for row in recorded if key(row) not in made]


def groups(rows):
    """Rows of each (regime, k, C), in the order of the table, all of one sampler."""
    found = {}
    for row in rows:
        found.setdefault((row["observation"], row["order"], row["corrections"]), []).append(row)
    return found


def coverage(rows, level):
    """Share of the truth in the central interval, mean over observations ± its standard error, in per cent."""
    shares = [100 * row["coverage"][level] for row in rows if row.get("coverage")]
    if len(shares) < 2:
        return f"{shares[0]:.0f}" if shares else "–"
    return f"{statistics.mean(shares):.1f} ± {statistics.stdev(shares) / len(shares) ** 0.5:.1f}"


def medians(rows):
    lines = ["| regime | k | C | observations | W1 to the filter, median (least to most) | published median | filter to filter, median (published) | log-prior, median | truth within 50 %, 90 % | network passes | seconds, least |",
             "|---|---|---|---|---|---|---|---|---|---|---|"]
    # Others on the machine, or a pause, only ever add to the seconds.
    for (name, order, corrections), chosen in groups(rows).items():
        distances = [row["wasserstein"] for row in chosen]
        paper = published(name, order, corrections)
        lines.append(
            f"| {name} | {order} | {corrections} | {len(chosen)} | {statistics.median(distances):.2f} ({min(distances):.2f} to {max(distances):.2f}) "
            f"| {paper or '–'} | {statistics.median(row['wasserstein_floor'] for row in chosen):.2f} ({PUBLISHED_FLOOR[name]}) "
            f"| {statistics.median(row['log_prior']['value'] for row in chosen):.1f} | {coverage(chosen, '50')}, {coverage(chosen, '90')} | {chosen[0]['evaluations']} "
            f"| {min(row['seconds'] for row in chosen):.0f} |")
    return "\n".join(lines)


def plot(rows, output):
    """W1 against corrections, ours with the range over observations, the published medians dashed."""
    from matplotlib import pyplot  # python3-matplotlib; the tables need none

    figure, panels = pyplot.subplots(1, len(PUBLISHED), figsize=(11, 5), squeeze=False, layout="constrained")
    for axes, (name, orders) in zip(panels[0], PUBLISHED.items()):
        for order, medians_published in orders.items():
            points = sorted((c, [r["wasserstein"] for r in chosen])
                            for (n, k, c), chosen in groups(rows).items() if (n, k) == (name, order))
            if not points:
                continue
            middle = [statistics.median(w) for _, w in points]
            reach = [[m - min(w) for m, (_, w) in zip(middle, points)], [max(w) - m for m, (_, w) in zip(middle, points)]]
            label = "network over time" if order == "global" else f"k = {order}"
            axes.errorbar([max(c, 0.5) for c, _ in points], middle, reach, marker="o", color=COLOURS[order], label=label)
            paper = [(max(c, 0.5), w) for c, w in zip(CORRECTIONS, medians_published) if w]
            axes.plot(*zip(*paper), "--", color=COLOURS[order])
        floor = [r["wasserstein_floor"] for r in rows if r["observation"] == name]
        if floor:
            axes.axhline(statistics.median(floor), color="gray", linestyle=":", label="filter to filter")
        axes.set(title=name, xscale="log", xlim=(0.4, 20), xlabel="corrections a step, C")
        axes.set_xticks([0.5, 1, 2, 4, 8, 16], labels=["0", "1", "2", "4", "8", "16"])
        axes.set_xticks([], minor=True)
        axes.set_ylim(bottom=0)
        axes.grid(True, alpha=0.3)
        axes.legend()
    panels[0][0].set_ylabel("W1 to the particle filter, physical units (dashed: published)")
    figure.savefig(output, dpi=100)


def parse_point(text):
    order, _, corrections = text.partition(":")
    if order[:1] != "k" or not (order[1:].isdigit() or order == "kglobal") or not all(c.isdigit() for c in corrections.split(",")):
        raise argparse.ArgumentTypeError(f"{text}: wanted kK:C or kK:C,C,… such as k4:0,1,4,16 or kglobal:1")
    return [(order[1:], int(c)) for c in corrections.split(",")]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="build/release/bin/sda")
    parser.add_argument("--work", default="run/record", help="folder of what is made on the way")
    parser.add_argument("--models", default="models", help="folder of priors lorenz63_kK.nc that need no training")
    parser.add_argument("--observations", type=int, default=4, help="held-out trajectories of each regime; the paper has 64")
    parser.add_argument("--points", type=parse_point, nargs="+", default=[parse_point(p) for p in ("k4:1,4,0,16", "k3:1,4", "k2:1,4", "k1:1,4", "kglobal:1,4")])
    parser.add_argument("--sampler", choices=SAMPLERS, default="paper", help="paper: SDA with Langevin corrections; good: what --quality good takes")
    parser.add_argument("--regimes", nargs="+", choices=list(PUBLISHED), default=list(PUBLISHED))
    parser.add_argument("--members", type=int, default=1024)
    parser.add_argument("--precision", choices=("auto", "float32", "bfloat16"), default="auto")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--output", help="stem of the tables and the plot; without it the tables are printed")
    arguments = parser.parse_args()

    recorder, rows = Recorder(arguments), []
    points = [point for some in arguments.points for point in some]
    # All of one observation first, so that what a stopped run leaves is comparable.
    tasks = [(name, index, *point) for index in range(arguments.observations) for point in points for name in arguments.regimes]
    for done, task in enumerate(tasks):
        recorder.progress = f"[{done + 1}/{len(tasks)}]"
        rows.append(recorder.score(*task))
        rows.sort(key=lambda row: (list(PUBLISHED).index(row["observation"]), row["order"], row["corrections"], row["index"]))
        text = medians(rows) + "\n\n" + table(rows) + "\n"
        if arguments.output:
            write_whole(Path(arguments.output + ".json"), "[" + ",\n".join(map(json.dumps, keep_other(recorder.recorded, rows))) + "]\n")
            write_whole(Path(arguments.output + ".md"), text)
            plot(rows, arguments.output + ".png")
    if not arguments.output:
        print(text)


if __name__ == "__main__":
    main()

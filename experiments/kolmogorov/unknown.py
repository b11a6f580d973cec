#!/usr/bin/python3
"""Find the Reynolds number of a flow with the flow itself, over many trajectories (python3-xarray, python3-numpy).

    sda simulate experiments/kolmogorov/unknown.toml -o run/data
    sda train --data run/data -o run/model.nc
    python3 experiments/kolmogorov/unknown.py --data run/data --model run/model.nc

For each observation of each test trajectory: the posterior's mean and standard deviation of ln Re beside the truth, and
how constant it is over a member's points and states. No filter can follow such a flow, so what is asked is whether the
posterior is calibrated: its error in its own deviations, and the truth's rank among the members. What is there already is
not made again. Prints a table in Markdown.
"""

import argparse
import math
import statistics
import sys
from pathlib import Path

import xarray

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from unknown_parameter import Maker, constant_of, rms  # noqa: E402


class Recorder(Maker):
    def row(self, name, index):
        test = Path(self.options.data) / "test.nc"
        observed = self.made(f"{name}_{index}.nc", "observe", "--data", test, "--name", name, "--trajectory", index)
        posterior = self.made(f"{name}_{index}_posterior.nc", "assimilate", HERE / "unknown.toml", "--model", self.options.model,
                              "--obs", observed, "--seed", 1000 + index)
        with xarray.open_dataset(observed) as file:
            truth = float(file["truth_log_reynolds"].mean())
        members, strays = constant_of(posterior, "log_reynolds")
        return {"truth": truth, "mean": float(members.mean()), "deviation": float(members.std(ddof=1)), "strays": strays,
                "below": float((members < truth).mean())}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="folder that sda simulate wrote")
    parser.add_argument("--model", required=True)
    parser.add_argument("--work", default="run/unknown_flow", help="where observations and ensembles are kept")
    parser.add_argument("--program", default="build/release/bin/sda")
    parser.add_argument("--names", nargs="+", default=["coarse", "fine"])
    parser.add_argument("--trajectories", type=int, default=16)
    parser.add_argument("--first", type=int, default=8, help="0, 3 and 4 helped to choose the sampler")
    parser.add_argument("--threads", type=int, default=0, help="0: as many as there are cores")
    recorder = Recorder(parser.parse_args())
    print("| observed | trajectories | error of ln Re: rms | of the prior's mean | deviation, median | error / own deviation: rms | "
          "truth within 50 %, 90 % | correlation with the truth | strays over a member / deviation |")
    print("|---|---|---|---|---|---|---|---|---|")
    first = recorder.options.first
    for name in recorder.options.names:
        rows = [recorder.row(name, first + index) for index in range(recorder.options.trajectories)]
        truths, means = [r["truth"] for r in rows], [r["mean"] for r in rows]
        within = lambda share: round(100 * statistics.fmean(abs(r["below"] - 0.5) <= share / 2 for r in rows))
        print(f"| {name} | {len(rows)} | {rms(m - t for m, t in zip(means, truths)):.3f} | "
              f"{rms(t - math.log(50 * 400) / 2 for t in truths):.3f} | "
              f"{statistics.median(r['deviation'] for r in rows):.3f} | "
              f"{rms((r['mean'] - r['truth']) / r['deviation'] for r in rows):.2f} | {within(0.5)}, {within(0.9)} | "
              f"{statistics.correlation(truths, means):.2f} | "
              f"{statistics.median(r['strays'] / r['deviation'] for r in rows):.2f} |")


if __name__ == "__main__":
    main()

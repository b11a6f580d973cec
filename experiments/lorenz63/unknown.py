#!/usr/bin/python3
"""Compare a posterior's Rayleigh number with the particle filter's, over many trajectories (python3-xarray).

    sda simulate experiments/lorenz63/unknown.toml -o run/unknown/data
    python3 experiments/lorenz63/unknown.py --data run/unknown/data --orders 16 4 --observations 16

Priors of windows of 2K + 1 states are trained first. For each observation of each trajectory: the posterior's mean and
standard deviation of rho beside the filter's, and how constant it is over a member's states. What is there already is not
made again. Prints a table in Markdown.
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

RANGE = 20 / math.sqrt(12)  # standard deviation of rho before anything is observed


class Recorder(Maker):
    def compare(self, name, index, order):
        data = Path(self.options.data)
        model = self.made(f"k{order}.nc", "train", "--data", data, "--order", order)
        stem = f"{name}_{index}"
        observed = self.made(f"{stem}.nc", "observe", "--data", data / "test.nc", "--name", name, "--trajectory", index)
        filtered = self.made(f"{stem}_filter.nc", "filter", "--obs", observed)
        posterior = self.made(f"{stem}_k{order}.nc", "assimilate", "--model", model, "--obs", observed, "--quality", "good")
        with xarray.open_dataset(observed) as file:
            truth = float(file["truth_rho"][0])
        (own, strays), (wanted, _) = constant_of(posterior, "rho"), constant_of(filtered, "rho")
        return {"truth": truth, "mean": own.mean(), "deviation": own.std(), "strays": strays,
                "filter_mean": wanted.mean(), "filter_deviation": wanted.std(), "values": len(set(wanted.tolist()))}


def median(values):
    return f"{statistics.median(values):.2f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="folder that sda simulate wrote")
    parser.add_argument("--work", default="run/unknown", help="where models and ensembles are kept")
    parser.add_argument("--program", default="build/release/bin/sda")
    parser.add_argument("--orders", nargs="+", type=int, default=[16])
    parser.add_argument("--names", nargs="+", default=["often", "seldom"])
    parser.add_argument("--observations", type=int, default=16)
    parser.add_argument("--threads", type=int, default=0, help="0: as many as there are cores")
    recorder = Recorder(parser.parse_args())
    options = recorder.options
    print("| observed | k | mean − filter's, in its deviations: rms | deviation / filter's | filter's deviation / prior's | "
          "error / own deviation: rms | filter's | strays over a member's states / deviation | values in the filter |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name in options.names:
        for order in options.orders:
            rows = [recorder.compare(name, index, order) for index in range(options.observations)]
            print(f"| {name} | {order} | {rms((r['mean'] - r['filter_mean']) / r['filter_deviation'] for r in rows):.2f} | "
                  f"{median(r['deviation'] / r['filter_deviation'] for r in rows)} | "
                  f"{median(r['filter_deviation'] / RANGE for r in rows)} | "
                  f"{rms((r['mean'] - r['truth']) / r['deviation'] for r in rows):.2f} | "
                  f"{rms((r['filter_mean'] - r['truth']) / r['filter_deviation'] for r in rows):.2f} | "
                  f"{median(r['strays'] / r['deviation'] for r in rows)} | {statistics.median(r['values'] for r in rows):.0f} |")


if __name__ == "__main__":
    main()

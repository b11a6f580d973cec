#!/usr/bin/python3
"""The task of FlowDAS (NeurIPS 2025), Table 1: noisy Lorenz 1963 of which the first state is known, and of each of the
next 15 the arctangent of the first normalised coordinate with σ = 0.25. Members' RMSE in normalised units.

    PYTHONPATH=build/release/python python3 experiments/benchmark/flowdas.py

As a smoother each state rests on all observations; as a filter on those up to it, so that a trajectory takes 15
posteriors.
"""

import argparse
import json
import time

import numpy
import sda

STATES = 16
KNOWN = 1e-2  # σ of the first state, normalised


def constants(data):
    """Mean and standard deviation of each coordinate."""
    return data.normalisation_mean.values.ravel(), data.normalisation_std.values.ravel()


def instruments(data, last):
    """The first state, and arctangents of the states 1 … `last`."""
    mean, std = (float(values[0]) for values in constants(data))
    return {
        "first": {"operator": [{"first": 1}], "sigma": KNOWN},
        "arctan": {
            "operator": [
                {"times": list(range(1, last + 1))},
                {"physical": True},
                {"expression": f"atan((x - {mean}) / {std})"},
            ],
            "sigma": 0.25,
        },
    }


def normalised(ensemble, data):
    """(realization, time, coordinate)"""
    mean, std = constants(data)
    states = numpy.stack([ensemble[name].transpose("realization", "time").values for name in "xyz"], -1)
    return (states - mean) / std


def squares(ensemble, truth, data):
    """Mean square of a member's error at each state after the first."""
    errors = normalised(ensemble, data) - normalised(truth.expand_dims("realization"), data)
    return numpy.square(errors[:, 1:]).mean((0, 2))


def methods(arguments):
    def prior(model):
        loaded = sda.Prior.load(model)
        return lambda obs, seed: loaded.assimilate(
            obs, members=arguments.members, seed=seed, quality=arguments.quality, progress=False
        )

    def particles(obs, seed):
        return sda.particle_filter(
            obs, particles=arguments.particles, members=arguments.members, seed=seed, progress=False
        )

    return {
        "k = 4": prior("models/lorenz63_k4.nc"),
        "over time": prior("models/lorenz63_kglobal.nc"),
        "particle filter": particles,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trajectories", type=int, default=64)
    parser.add_argument("--members", type=int, default=32)
    parser.add_argument("--particles", type=int, default=16384)
    parser.add_argument("--quality", default="good")
    parser.add_argument("--no-filter", action="store_true", help="the smoother alone")
    arguments = parser.parse_args()

    data = sda.simulate(
        config="experiments/lorenz63/lorenz63.toml", trajectories=arguments.trajectories, length=STATES, seed=2026
    )
    ways = methods(arguments)
    smoother, last = {name: [] for name in ways}, {name: [] for name in ways}
    seconds = dict.fromkeys(ways, 0.0)
    for trajectory in range(arguments.trajectories):
        truth = data.isel(realization=trajectory)
        for name, way in ways.items():
            start = time.monotonic()
            found = {}
            for upto in [STATES - 1] if arguments.no_filter else range(1, STATES):
                obs = sda.Observations.draw(data, instruments(data, upto), trajectory=trajectory, seed=1)
                found[upto] = squares(way(obs, trajectory), truth, data)
            smoother[name].append(found[STATES - 1].mean())
            last[name].append(numpy.mean([found[upto][upto - 1] for upto in found]))
            seconds[name] += time.monotonic() - start
        told = (f"{name}: {numpy.sqrt(numpy.mean(smoother[name])):.3f}" for name in ways)
        print(trajectory + 1, *told, flush=True)

    table = {}
    for name in ways:
        for kind, values in (("smoother", smoother[name]), ("filter", last[name])):
            if kind == "filter" and arguments.no_filter:
                continue
            rmse = numpy.sqrt(values)
            table[f"{name}, {kind}"] = {
                "rmse": float(numpy.sqrt(numpy.mean(values))),
                "mean of trajectories": float(rmse.mean()),
                "standard error": float(rmse.std(ddof=1) / len(rmse) ** 0.5),
            }
    print(json.dumps({"rows": table, "seconds": seconds}, indent=1))


if __name__ == "__main__":
    main()

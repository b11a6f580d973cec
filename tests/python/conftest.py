"""What the tests of the Python module share: a small system, simulated and trained by the program."""

import os
import pathlib
import subprocess
import sys

import pytest

SOURCE = pathlib.Path(__file__).parents[2]
CONFIG = """
[simulation]
trajectories = 20
length = 80
spin_up = 64
[network]
order = 2
width = 32
depth = 2
[training]
epochs = 48
[observation.lo]
operator = [{every = 8}, {select = [0]}]
sigma = 0.05
length = 65
[filter]
particles = 512
members = 64
spin_up = 16
"""


@pytest.fixture(scope="session")
def program():
    def run(*arguments, folder):
        found = subprocess.run(
            [os.environ["SDA_PROGRAM"], *map(str, arguments)], cwd=folder, text=True, capture_output=True
        )
        assert found.returncode == 0, found.stderr
        return found.stdout

    return run


@pytest.fixture(scope="session")
def python():
    """Runs a script in a process of its own; its standard output."""

    def run(script, check=True, **environment):
        found = subprocess.run(
            [sys.executable, "-c", script], text=True, capture_output=True, env=os.environ | environment
        )
        assert not check or found.returncode == 0, found.stderr
        return found.stdout if check else found

    return run


@pytest.fixture(scope="session")
def run(program, tmp_path_factory):
    """A folder with config.toml, data/, model.nc, lo.nc, post.nc and filter.nc, all of the program."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "config.toml").write_text(CONFIG)
    program("simulate", "config.toml", "-o", "data", "--seed", 3, folder=folder)
    program("train", "--data", "data", "-o", "model.nc", "--seed", 4, folder=folder)
    program(
        "observe",
        "--data",
        "data/test.nc",
        "--name",
        "lo",
        "--trajectory",
        1,
        "--start",
        7,
        "--seed",
        5,
        "-o",
        "lo.nc",
        folder=folder,
    )
    program(
        "assimilate",
        "--keep-diverged",
        "--model",
        "model.nc",
        "--obs",
        "lo.nc",
        "--members",
        8,
        "--steps",
        16,
        "--seed",
        6,
        "-o",
        "post.nc",
        folder=folder,
    )
    program("filter", "--obs", "lo.nc", "--seed", 7, "-o", "filter.nc", folder=folder)
    return folder


@pytest.fixture(scope="session")
def data(run):
    import sda

    return sda.simulate(config=run / "config.toml", seed=3)


@pytest.fixture(scope="session")
def prior(run):
    import sda

    return sda.Prior.load(run / "model.nc")


@pytest.fixture(scope="session")
def obs(run):
    import sda

    return sda.Observations.from_file(run / "lo.nc")


QUICK = {"sampler.steps": 16}

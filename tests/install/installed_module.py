"""The installed module from where it lies: sda is that of the folder given, and assimilates."""

import importlib.metadata
import sys

import sda

assert sda.__file__.startswith(sys.argv[1]), sda.__file__
if len(sys.argv) == 2:
    assert importlib.metadata.version("sda") == sda.__version__
data = sda.simulate("lorenz63", trajectories=10, length=24, config={"simulation.spin_up": 16})
prior = sda.train(data, order=1, epochs=2, config={"network.width": 16, "network.depth": 1})
obs = sda.Observations.draw(data.isel(realization=[9]), [{"every": 8}, {"select": [0]}], error=0.1)
assert prior.assimilate(obs, members=2, config={"sampler.steps": 2}).sizes == {"time": 24, "realization": 2}

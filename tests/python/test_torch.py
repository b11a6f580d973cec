"""torch in the same process: Debian's, before or after; another, refused."""

import numpy
import pytest
import sda
from conftest import QUICK

torch = pytest.importorskip("torch")

DRAW = """
data = sda.simulate("lorenz63", trajectories=2, length=9, seed=1, config={"simulation.spin_up": 4})
a = torch.from_dlpack(data.x.values)
b = torch.nn.Linear(9, 3)(a.T)
b.sum().backward()
print(float(a.sum()))
"""


@pytest.mark.parametrize("order", ["import sda, torch", "import torch, sda"])
def test_before_and_after(python, order):
    expected = float(
        sda.simulate("lorenz63", trajectories=2, length=9, seed=1, config={"simulation.spin_up": 4}).x.sum()
    )
    assert float(python(order + DRAW)) == pytest.approx(expected, rel=1e-5)


def test_another_torch_is_refused(python, tmp_path):
    package = tmp_path / "torch"
    package.mkdir()
    (package / "__init__.py").write_text("from .version import __version__\n")
    (package / "version.py").write_text("__version__ = '2.9.1+cu128'\n")
    path = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
    before = python(path + "import torch\nimport sda", check=False)
    after = python(path + "import sda\nimport torch", check=False)
    for found in (before, after):
        assert found.returncode == 1
        assert "ImportError: sda was built with libtorch 1.13" in found.stderr and "torch 2.9.1+cu128" in found.stderr


def test_operator_by_autograd_is_the_link(prior, data):
    """x² of the first component in physical units, by torch, by NumPy and by links."""

    def square(states):
        return states[:, :1] ** 2

    by_torch = sda.torch_operator(square)
    by_numpy = sda.operator(
        lambda x: x[:, :1] ** 2, lambda x, v: numpy.concatenate([2 * x[:, :1] * v, 0 * x[:, 1:]], 1)
    )
    links = [{"every": 8}, {"physical": True}, {"select": [0]}, {"square": True}]
    truth = data.isel(realization=[0], time=slice(0, 33))
    posteriors = []
    for operator in (links, [{"every": 8}, by_torch], [{"every": 8}, by_numpy]):
        obs = sda.Observations.draw(truth, operator, error=3.0, seed=1)
        assert obs.parts[0]["values"].shape == (5, 1)
        for iterations in (1, 3):
            config = QUICK | {"guidance.iterations": iterations}
            posteriors.append(prior.assimilate(obs, members=2, config=config).x.values)
    for found in (posteriors[2:4], posteriors[4:6]):
        assert numpy.allclose(found[0], posteriors[0], atol=2e-3)
        assert numpy.allclose(found[1], posteriors[1], atol=2e-2)


def test_module_as_operator(prior, data):
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh()).double()

    def read(states):
        return module(states.double())

    operator = sda.torch_operator(read)
    states = numpy.random.default_rng(0).standard_normal((5, 3))
    assert sda.check_operator(operator, states) < 1e-5
    obs = sda.Observations.draw(data.isel(realization=[0], time=slice(0, 17)), operator, error=0.1)
    predicted = obs.predict(obs.truth[None])
    assert predicted.shape == (1, 17 * 4)
    assert numpy.isfinite(prior.assimilate(obs, members=2, config=QUICK).x).all()


class Zeros(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.a = torch.nn.Parameter(torch.ones(1))

    def forward(self, windows, t):
        return self.a * 0.1 * windows


def test_code_in_files_asks(run, program, tmp_path):
    torch.jit.script(Zeros()).save(str(tmp_path / "net.pt"))
    arguments = ("--script", "net.pt", "--data", run / "data", "--set", "network.order=2", "-o", "own.nc")
    program("import", *arguments, folder=tmp_path)
    with pytest.raises(sda.FileError, match="allow_code=True"):
        sda.Prior.load(tmp_path / "own.nc")
    prior = sda.Prior.load(tmp_path / "own.nc", allow_code=True)
    x = numpy.ones((1, 5, 3), numpy.float32)
    assert numpy.allclose(prior.epsilon(x, 0.5), 0.1 * x)
    import pickle

    assert numpy.allclose(pickle.loads(pickle.dumps(prior)).epsilon(x, 0.5), 0.1 * x)
    with pytest.raises(AssertionError, match="--allow-code"):
        program("inspect", "own.nc", folder=tmp_path)
    assert "torchscript" in program("inspect", "own.nc", "--allow-code", folder=tmp_path)

"""Arrays in and out: dtypes, strides, DLPack, and whose memory they are."""

import numpy
import pytest
import sda
from sda import arrays


@pytest.fixture
def x():
    return numpy.random.default_rng(1).standard_normal((4, 9, 3)).astype(numpy.float32)


def test_layouts_of_memory_mean_the_same(prior, x):
    expected = prior.epsilon(x, 0.5)
    wide = numpy.zeros((4, 18, 6), numpy.float32)
    wide[:, ::2, ::2] = x
    for view in (wide[:, ::2, ::2], numpy.asfortranarray(x), x[::-1].copy()[::-1], x.astype(">f4")):
        assert numpy.array_equal(prior.epsilon(view, 0.5), expected)
    assert numpy.allclose(prior.epsilon(x.astype(numpy.float64), 0.5), expected, atol=1e-5)
    assert prior.epsilon(x.astype(numpy.float64), 0.5).dtype == numpy.float64


def test_read_only_arrays_stay_as_they_are(prior, x):
    before = x.copy()
    x.flags.writeable = False
    prior.epsilon(x, 0.5)
    assert numpy.array_equal(x, before)


def test_dlpack_in_and_out(prior, x):
    torch = pytest.importorskip("torch")
    tensor = torch.from_numpy(x)
    assert numpy.array_equal(prior.epsilon(tensor, 0.5), prior.epsilon(x, 0.5))
    assert arrays.as_array(tensor).__array_interface__["data"][0] == tensor.data_ptr()
    out = prior.epsilon(x, 0.5)
    assert torch.from_dlpack(out).data_ptr() == out.__array_interface__["data"][0]
    with pytest.raises(sda.UsageError, match="detach"):
        prior.epsilon(tensor.clone().requires_grad_(), 0.5)


def test_trajectories_of_an_array_are_its_memory():
    for dtype in (numpy.float32, numpy.float64):
        states = numpy.random.default_rng(2).standard_normal((10, 20, 2)).astype(dtype)
        data = sda.trajectories_of(states, variables=["a", "b"], dt=0.1)
        assert numpy.shares_memory(data.a.values, states) and data.a.dtype == dtype
        record = sda.data.record_of(data)
        assert numpy.shares_memory(record["states"], states) and numpy.array_equal(record["states"], states)
        sliced = sda.data.record_of(data.isel(realization=slice(3, 6), time=slice(4, None, 2)))
        assert numpy.shares_memory(sliced["states"], states)
        assert numpy.array_equal(sliced["states"], states[3:6, 4::2])
        assert sliced["layout"]["dt"] == pytest.approx(0.2) and sliced["start_time"] == pytest.approx(0.4)


def test_variables_of_different_memory_are_joined(data):
    mixed = data.assign(y=data.y + 1)
    record = sda.data.record_of(mixed)
    assert numpy.array_equal(record["states"][..., 1], data.y.values.T + 1)
    swapped = data.assign(x=data.y, y=data.x)
    for i, name in enumerate("yxz"):
        assert numpy.array_equal(sda.data.record_of(swapped)["states"][..., i], data[name].values.T), name


def test_posterior_outlives_what_made_it(run):
    posterior = sda.Prior.load(run / "model.nc").assimilate(
        sda.Observations.from_file(run / "lo.nc"), members=2, config={"sampler.steps": 4}
    )
    values = posterior.x.values
    total = float(values.sum())
    del posterior
    junk = [numpy.ones(1000) for _ in range(1000)]
    assert float(values.sum()) == total and junk

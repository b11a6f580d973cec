"""Operators, noise and forecast models as Python callables."""

import numpy
import pytest
import sda
from conftest import QUICK

LINKS = [{"every": 8}, {"select": [0]}]


def test_an_adjoint_that_is_wrong_is_seen():
    states = numpy.random.default_rng(0).standard_normal((4, 3))
    matrix = numpy.array([[1.0, 2.0, 0.0], [0.0, 1.0, -1.0]])
    right = sda.operator(lambda x: x @ matrix.T, lambda x, v: v @ matrix)
    wrong = sda.operator(lambda x: x @ matrix.T, lambda x, v: v @ matrix[::-1])
    assert sda.check_operator(right, states) < 1e-6
    assert sda.check_operator(wrong, states) > 0.01


def test_shapes_of_functions_are_checked(prior, data):
    truth = data.isel(realization=[0], time=slice(0, 17))
    with pytest.raises(sda.ShapeError, match="an observation for each state"):
        sda.Observations.draw(truth, sda.operator(lambda x: x.sum(), lambda x, v: x), error=1)
    obs = sda.Observations.draw(truth, sda.operator(lambda x: x[:, :1], lambda x, v: v), error=1)
    with pytest.raises(sda.ShapeError, match="VJP"):
        prior.assimilate(obs, members=2, config=QUICK)


def test_exceptions_of_functions_come_through(prior, data):
    class Broken(Exception):
        pass

    def read(x):
        if x.dtype == numpy.float32:
            raise Broken("here")
        return x[:, :1]

    obs = sda.Observations.draw(
        data.isel(realization=[0], time=slice(0, 17)), sda.operator(read, lambda x, v: x * 0), error=1
    )
    with pytest.raises(Broken, match="here"):
        prior.assimilate(obs, members=2, config=QUICK)


def test_functions_are_let_go():
    import gc

    function = sda.operator(lambda x: x, lambda x, v: v)
    number = function.number
    del function
    gc.collect()
    with pytest.raises(sda.UsageError, match="nobody holds"):
        sda.functions.lookup(number)


def test_functions_are_in_no_file(data, tmp_path):
    import pickle

    obs = sda.Observations.draw(data.isel(realization=[0]), sda.operator(lambda x: x, lambda x, v: v), error=1)
    with pytest.raises(sda.UnsupportedError, match="cannot be written"):
        obs.save(tmp_path / "obs.nc")
    with pytest.raises(sda.UnsupportedError, match="cannot be pickled"):
        pickle.dumps(obs)


def test_noise_is_the_librarys(prior, data):
    """Student-t with 4 degrees of freedom in NumPy, and the library's own."""
    from math import lgamma, log, pi

    def log_density(y, a, sigma):
        z2 = ((y - a) / sigma) ** 2
        return lgamma(2.5) - lgamma(2) - 0.5 * log(4 * pi) - numpy.log(sigma) - 2.5 * numpy.log1p(z2 / 4) + 0 * z2

    own = sda.noise(log_density, lambda a, sigma, rng: a + sigma * rng.standard_t(4, a.shape))
    truth = data.isel(realization=[0], time=slice(0, 33))
    ours = sda.Observations.draw(truth, LINKS, error=0.1, noise=own, seed=1)
    assert not numpy.array_equal(
        ours.parts[0]["values"], sda.Observations.draw(truth, LINKS, error=0.1, noise=own, seed=2).parts[0]["values"]
    )
    x = ours.parts[0]["values"]
    assert (
        numpy.abs(
            x - (truth.x.values[::8] - data.normalisation_mean.values[0]) / data.normalisation_std.values[0]
        ).max()
        < 2
    )
    config = QUICK | {"guidance.gamma": [1e-2]}
    one = prior.assimilate(ours, members=3, config=config)
    assert numpy.isfinite(one.x).all()
    assert float(one.attrs["sda_departure_over_sigma"]) < 4


def test_a_forecast_model_filters_as_the_library_does(obs):
    """Lorenz 1963 by an RK4 step in NumPy: the filter's mean is the library's to the filter's own error."""

    def slope(s):
        x, y, z = s[:, 0], s[:, 1], s[:, 2]
        return numpy.stack([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z], 1)

    def step(s, rng, h=0.025):
        k1 = slope(s)
        k2 = slope(s + h / 2 * k1)
        k3 = slope(s + h / 2 * k2)
        k4 = slope(s + h * k3)
        return s + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4) + h**0.5 * rng.standard_normal(s.shape)

    covariance = numpy.array([[64, 50, 0], [50, 81, 0], [0, 0, 75]])  # of the published first state
    model = sda.Dynamics(step, lambda n, rng: rng.multivariate_normal([0, 0, 25], covariance, n))
    settings = {"filter.particles": 16384, "filter.members": 512, "filter.spin_up": 64}
    ours = sda.particle_filter(obs, dynamics=model, config=settings)
    one, other = (sda.particle_filter(obs, seed=s, config=settings) for s in (1, 2))
    distance = abs(ours.x.mean("realization") - one.x.mean("realization")).max()
    floor = abs(one.x.mean("realization") - other.x.mean("realization")).max()
    assert float(distance) < 3 * float(floor) + 0.2
    assert ours.attrs["sda_log_evidence"] == pytest.approx(one.attrs["sda_log_evidence"], abs=1.0)

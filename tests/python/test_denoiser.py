"""Denoisers of others: each convention on a Gaussian, whose denoiser is known in closed form."""

import numpy
import pytest
import sda
from conftest import QUICK

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def chain():
    """A stationary autoregression of two variables: windows of 3 states are N(m, Σ) in physical units."""
    rng = numpy.random.default_rng(0)
    states = numpy.empty((2000, 12, 2))
    states[:, 0] = rng.standard_normal((2000, 2))
    for i in range(1, 12):
        states[:, i] = 0.9 * states[:, i - 1] + (1 - 0.81) ** 0.5 * rng.standard_normal((2000, 2))
    return sda.trajectories_of(states * [2.0, 0.5] + [1.0, -3.0], variables=["a", "b"], dt=1.0)


def covariance(states):
    """Σ of so many states of the chain, whose two variables know nothing of each other."""
    lags = (torch.arange(states)[:, None] - torch.arange(states)).abs()
    return torch.kron(0.9**lags, torch.eye(2)).double()


def denoise(z, r):
    """E[x₀ | z = x₀ + r ε] of windows (n, states, 2) of N(0, Σ)."""
    sigma = covariance(z.shape[1])
    gain = sigma @ torch.linalg.inv(sigma + r**2 * torch.eye(len(sigma)))
    return (z.reshape(len(z), -1).double() @ gain.T).to(z.dtype).reshape(z.shape)


def vp(s):
    """A schedule that is not ours: α = exp(−5 s²), α² + σ² = 1."""
    alpha = float(numpy.exp(-5 * s**2 - 1e-4))
    return alpha, (1 - alpha**2) ** 0.5


class Scaled(torch.nn.Module):
    """The exact denoiser of data times `scale` in a convention's own words."""

    def __init__(self, convention, scale=1.0):
        super().__init__()
        self.convention, self.scale = convention, scale

    def forward(self, u, s):
        s = float(s.reshape(-1)[0])
        if self.convention in ("edm", "physicsnemo"):
            return self.scale * denoise(u.reshape(len(u), 3, 2) / self.scale, s / self.scale).reshape(u.shape)
        alpha, sigma = (1 - s, s) if self.convention == "flow" else vp(s)
        x0 = self.scale * denoise(u / alpha / self.scale, sigma / alpha / self.scale)
        epsilon = (u - alpha * x0) / sigma
        return {"x0": x0, "epsilon": epsilon, "v": alpha * epsilon - sigma * x0, "flow": epsilon - x0}[
            self.convention
        ]


class Azula(torch.nn.Module):
    """azula's Denoiser: schedule(t) → α, σ; forward(x_t, t) → a posterior with a mean."""

    def schedule(self, t):
        alpha, sigma = vp(float(t))
        return torch.tensor(alpha), torch.tensor(sigma)

    def forward(self, x_t, t):
        alpha, sigma = (float(v) for v in self.schedule(t))
        return torch.distributions.Normal(denoise(x_t / alpha, sigma / alpha), 1.0)


def prior_of(convention, chain, scale=1.0, **arguments):
    network = Azula() if convention == "azula" else Scaled(convention, scale)
    schedule = vp if convention in ("epsilon", "x0", "v") else None
    return sda.Prior.from_denoiser(
        network,
        like=chain,
        order=1,
        convention=convention,
        schedule=schedule,
        data_scale=scale,
        limits=(1e-4, 1e4),
        **arguments,
    )


@pytest.mark.parametrize("scale", [1.0, 0.5])
@pytest.mark.parametrize("convention", ["epsilon", "x0", "v", "edm", "flow", "physicsnemo", "azula"])
def test_every_convention_gives_the_same_estimate(chain, convention, scale):
    if convention == "azula" and scale != 1:
        pytest.skip("azula's schedule is of the data as it is")
    prior = prior_of(convention, chain, scale)
    x0 = numpy.random.default_rng(1).standard_normal((5, 3, 2)).astype(numpy.float32)
    for t in (0.05, 0.3, 0.6, 0.9):
        mu, sigma = prior.schedule(t)
        z = x0 + sigma / mu * numpy.random.default_rng(2).standard_normal(x0.shape).astype(numpy.float32)
        expected = denoise(torch.from_numpy(z), sigma / mu).numpy()
        assert numpy.abs(prior.denoise((mu * z).astype(numpy.float32), t) - expected).max() < 1e-4, t


def test_edm_preconditioning_is_its_formula(chain):
    """D(x; σ) = c_skip x + c_out F(c_in x, ¼ ln σ) of Karras et al. (2022), written here by itself."""
    torch.manual_seed(0)
    inner = torch.nn.Sequential(torch.nn.Linear(7, 32), torch.nn.SiLU(), torch.nn.Linear(32, 6)).double()

    class Network(torch.nn.Module):
        def forward(self, x, noise):
            return inner(torch.cat([x.reshape(len(x), 6), noise.reshape(-1, 1)], 1)).reshape(x.shape)

    for sigma_data in (0.5, 1.0):
        prior = sda.Prior.from_denoiser(
            Network(),
            like=chain,
            order=1,
            convention="edm_network",
            sigma_data=sigma_data,
            data_scale=sigma_data,
            check=False,
        )
        x0 = sigma_data * torch.randn(4, 3, 2, dtype=torch.float64)
        for t in (0.1, 0.4, 0.7):
            mu, sigma = prior.schedule(t)
            s = sigma_data * sigma / mu
            x = x0 + s * torch.randn_like(x0)
            skip, out = (
                sigma_data**2 / (s**2 + sigma_data**2),
                s * sigma_data / (s**2 + sigma_data**2) ** 0.5,
            )
            noise = torch.full((4,), numpy.log(s) / 4, dtype=torch.float64)
            expected = skip * x + out * Network()(x / (s**2 + sigma_data**2) ** 0.5, noise)
            found = prior.denoise((mu / sigma_data * x).numpy(), t) * sigma_data
            assert numpy.abs(found - expected.detach().numpy()).max() < 1e-5


@pytest.mark.parametrize("gives", ["mean", "posterior"])
def test_azulas_preconditioning_is_its_formula(chain, gives):
    """x̂₀ = c_skip x_t + c_out b(c_in x_t, ln σ/α), with c_in = 1/√(α² + σ²), c_out = σ c_in and c_skip = α c_in².

    So azula's denoise.py has it; some of its versions give a posterior, others the mean alone."""
    torch.manual_seed(0)
    inner = torch.nn.Linear(7, 6).double()

    def backbone(x, noise):
        return inner(torch.cat([x.reshape(len(x), 6), noise.expand(len(x), 1)], 1)).reshape(x.shape)

    class Preconditioned(torch.nn.Module):
        def schedule(self, t):  # the variance exploding one, 1e-3 … 1e3
            return torch.ones_like(t)[..., None], (torch.exp(t * numpy.log(1e6)) * 1e-3)[..., None]

        def forward(self, x_t, t):
            alpha, sigma = self.schedule(t.to(x_t))
            norm = torch.sqrt(alpha**2 + sigma**2)
            mean = alpha / norm**2 * x_t + sigma / norm * backbone(x_t / norm, torch.log(sigma / alpha).reshape(1, 1))
            return mean if gives == "mean" else torch.distributions.Normal(mean, 1.0)

    prior = sda.Prior.from_denoiser(Preconditioned(), like=chain, order=1, convention="azula", check=False)
    for t in (0.1, 0.4, 0.7):
        mu, sigma = prior.schedule(t)
        r = sigma / mu
        z = torch.randn(4, 3, 2, dtype=torch.float64)
        norm = (1 + r**2) ** 0.5
        expected = z / norm**2 + r / norm * backbone(z / norm, torch.full((1, 1), numpy.log(r), dtype=torch.float64))
        found = prior.denoise((mu * z).numpy(), t)
        assert numpy.abs(found - expected.detach().numpy()).max() < 1e-5


def test_a_wrong_convention_is_refused(chain):
    for right, told in (("epsilon", "x0"), ("x0", "v"), ("flow", "edm")):
        with pytest.raises(sda.UsageError, match="does not denoise"):
            sda.Prior.from_denoiser(
                Scaled(right), like=chain, order=1, convention=told, schedule=vp if told in ("x0", "v") else None
            )
    with pytest.raises(sda.UsageError, match="does not denoise"):
        sda.Prior.from_denoiser(Scaled("edm"), like=chain, order=1, convention="edm", data_scale=8.0)
    with pytest.raises(sda.UsageError, match="epsilon, x0"):
        sda.Prior.from_denoiser(Scaled("edm"), like=chain, order=1, convention="eps")


def test_denoising_error_of_an_exact_denoiser(chain):
    # 20,000 windows of six correlated values: their power is known to about a per cent.
    found = sda.denoising_error(prior_of("edm", chain), chain, windows=20000)
    for r, error, linear in found:
        gain = covariance(3) @ torch.linalg.inv(covariance(3) + r**2 * torch.eye(6))
        expected = float(torch.trace((torch.eye(6) - gain) @ covariance(3))) / 6
        assert error == pytest.approx(expected, rel=0.04) and linear > 0.96 * expected


def smoothed(chain, obs):
    """Mean and deviation of N(0, Σ) trajectories given y, in normalised units."""
    n = obs.length
    prior = covariance(n).numpy()
    h = numpy.zeros((len(obs.parts[0]["states"]), 2 * n))
    h[numpy.arange(len(h)), 2 * numpy.array(obs.parts[0]["states"])] = 1
    noise = obs.parts[0]["sigma"][0] ** 2 * numpy.eye(len(h))
    gain = prior @ h.T @ numpy.linalg.inv(h @ prior @ h.T + noise)
    mean = gain @ obs.parts[0]["values"].ravel()
    return mean.reshape(n, 2), numpy.sqrt(numpy.diag(prior - gain @ h @ prior)).reshape(n, 2)


class Exact(torch.nn.Module):
    """The exact EDM denoiser of windows, or trajectories, of any length."""

    def forward(self, u, s):
        return denoise(u, float(s[0]))


@pytest.mark.parametrize("reach", ["windows", "whole"])
def test_posteriors_are_the_kalman_smoothers(chain, reach):
    order = 4 if reach == "windows" else None
    prior = sda.Prior.from_denoiser(Exact(), like=chain, order=order, convention="edm", limits=(1e-4, 1e4))
    obs = sda.Observations.draw(chain.isel(realization=[7]), [{"every": 4}, {"select": [0]}], error=0.3, seed=3)
    posterior = prior.assimilate(
        obs, members=400, seed=1, config={"sampler.steps": 64, "guidance.gamma": [0.0], "guidance.iterations": 3}
    )
    record = sda.packing.record_of(posterior, "ensemble")
    members = prior.normalise(record["states"])
    mean, deviation = smoothed(chain, obs)
    # Means of 400 members are known to 0.05 and their deviations to 4 %, and the normalisation is of the sample and
    # not of the process: a few per cent more. Windows of nine states know nearly all of twelve.
    assert numpy.abs(members.mean(0) - mean).max() < 0.2
    assert numpy.abs(members.std(0) / deviation - 1).max() < 0.2


def test_numpy_denoisers(chain):
    def network(u, s):
        return denoise(torch.from_numpy(u), float(s[0])).numpy()

    def vjp(u, s, v):  # the gain is symmetric
        return denoise(torch.from_numpy(v), float(s[0])).numpy()

    obs = sda.Observations.draw(chain.isel(realization=[7]), [{"every": 4}, {"select": [0]}], error=0.3, seed=3)
    plain = sda.Prior.from_denoiser(network, like=chain, order=1, convention="edm", limits=(1e-4, 1e4))
    with pytest.raises(sda.UsageError, match="vjp="):
        plain.assimilate(obs, members=2, config=QUICK)
    detached = QUICK | {"guidance.rule": "sda", "guidance.detach": True, "guidance.gamma": [0.1]}
    assert numpy.isfinite(plain.assimilate(obs, members=2, config=detached).a).all()
    with_vjp = sda.Prior.from_denoiser(network, like=chain, order=1, convention="edm", limits=(1e-4, 1e4), vjp=vjp)
    by_torch = prior_of("edm", chain)
    one, other = (p.assimilate(obs, members=3, config=QUICK).a for p in (with_vjp, by_torch))
    assert numpy.allclose(one, other, atol=1e-3)


def test_denoisers_are_in_no_file(chain, tmp_path):
    prior = prior_of("edm", chain)
    with pytest.raises(sda.UnsupportedError, match="cannot be written"):
        prior.save(tmp_path / "model.nc")
    with pytest.raises(sda.ShapeError, match="another shape"):
        sda.Prior.from_denoiser(lambda u, s: u[:, :1], like=chain, order=1, convention="edm", check=False).epsilon(
            numpy.zeros((1, 3, 2), numpy.float32), 0.5
        )

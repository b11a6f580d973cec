"""The same seeds give the program's numbers, bit for bit."""

import json

import numpy
import sda
import xarray

LINKS = [{"every": 8}, {"select": [0]}]
NAMES = ("x", "y", "z")


def same(one, other):
    assert all(numpy.array_equal(one[name].values, other[name].values) for name in NAMES)


def program_file(path):
    return xarray.open_dataset(path, decode_times=False)


def test_simulation(run, data):
    parts = [program_file(run / "data" / f"{part}.nc") for part in ("train", "valid", "test")]
    same(data, xarray.concat(parts, "realization"))


def test_training_in_memory_and_on_files(run, data, prior):
    x = numpy.random.default_rng(0).standard_normal((3, 9, 3)).astype(numpy.float32)
    expected = prior.epsilon(x, 0.3)
    in_memory = sda.train(data, config=run / "config.toml", seed=4)
    assert numpy.array_equal(in_memory.epsilon(x, 0.3), expected)
    assert numpy.array_equal(sda.train(run / "data", seed=4).epsilon(x, 0.3), expected)
    assert not numpy.array_equal(sda.train(data, config=run / "config.toml", seed=5).epsilon(x, 0.3), expected)


def test_observation(run, data, obs):
    drawn = sda.Observations.draw(
        data.isel(realization=slice(18, None)), LINKS, error=0.05, trajectory=1, start=7, length=65, name="lo", seed=5
    )
    assert numpy.array_equal(drawn.parts[0]["values"], obs.parts[0]["values"])
    assert numpy.array_equal(drawn.truth, obs.truth)


def test_posterior(run, prior, obs):
    posterior = prior.assimilate(obs, members=8, seed=6, config={"sampler.steps": 16})
    expected = program_file(run / "post.nc")
    same(posterior, expected)
    assert list(posterior.x.dims) == list(expected.x.dims)
    assert numpy.array_equal(posterior.time, expected.time)
    assert posterior.x.attrs == expected.x.attrs
    part = prior.assimilate(obs, members=3, first_member=5, seed=6, config={"sampler.steps": 16})
    assert numpy.allclose(part.x, posterior.x[:, 5:], rtol=1e-5, atol=1e-5)


def test_filter(run, obs):
    filtered = sda.particle_filter(
        obs, seed=7, config={"filter.particles": 512, "filter.members": 64, "filter.spin_up": 16}
    )
    same(filtered, program_file(run / "filter.nc"))


def test_scores(run, program, obs):
    ours = sda.evaluate(sda.open(run / "post.nc"), obs, reference=sda.open(run / "filter.nc"), seed=2)
    theirs = json.loads(
        program(
            "evaluate", "--obs", "lo.nc", "--reference", "filter.nc", "post.nc", "--json", "--seed", 2, folder=run
        )
    )
    for row, expected in zip(ours["ensembles"], theirs["ensembles"], strict=True):
        assert {k: v for k, v in row.items() if k != "file"} == {k: v for k, v in expected.items() if k != "file"}
    assert "CRPS" in repr(ours)


def test_dataframe_is_a_csv(run, program, prior):
    import pandas

    frame = pandas.DataFrame(
        {
            "time": [0.0, 0.1, 0.313, 0.5],
            "variable": ["x", "y", "z", "x"],
            "value": [1.25, -3.3, 21.7, 0.1 + 0.2],
            "error": [0.5, 0.4, 0.3, 0.2],
        }
    )
    frame.to_csv(run / "buoys.csv", index=False)
    program("observe", "--from", "buoys.csv", "--model", "model.nc", "-o", "buoys.nc", folder=run)
    ours, theirs = sda.Observations.from_dataframe(frame).of(prior), sda.Observations.from_file(run / "buoys.nc")
    assert numpy.array_equal(ours.parts[0]["values"], theirs.parts[0]["values"])
    assert ours.parts[0]["sigma"] == theirs.parts[0]["sigma"]
    assert ours.qc_summary.splitlines()[1:] == theirs.qc_summary.splitlines()[1:]
    assert ours.length == theirs.length


def test_dataset_is_an_import(run, program, data):
    foreign = xarray.Dataset(
        {
            "a": (("member", "time"), data.x.values.T.copy(), {"units": "m"}),
            "b": (("time", "member"), data.y.values.copy(), {"units": "m"}),
        },
        {"time": data.time.values * 3.0},
    )
    foreign.to_netcdf(run / "foreign.nc")
    (run / "foreign.toml").write_text(
        '[data]\nfiles = ["foreign.nc"]\nvariables = ["a", "b"]\ntrajectory = "member"\n'
    )
    program("import", "foreign.toml", "-o", "foreign", folder=run)
    ours = sda.trajectories(foreign)
    parts = [program_file(run / "foreign" / f"{part}.nc") for part in ("train", "valid", "test")]
    assert numpy.array_equal(ours.a, xarray.concat(parts, "realization").a)
    assert numpy.array_equal(ours.normalisation_mean, parts[0].normalisation_mean)
    assert ours.a.attrs["units"] == "m"

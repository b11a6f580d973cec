"""Bad calls: each is an exception that says what was wrong, and where."""

import pickle

import numpy
import pytest
import sda
import xarray

LINKS = [{"every": 8}, {"select": [0]}]
ARRAY = numpy.random.default_rng(0).standard_normal((10, 12, 2))


BAD = [
    ("system", lambda **_: sda.simulate("lorentz63"), sda.UsageError, "lorenz63"),
    ("trajectories", lambda **_: sda.simulate("lorenz63", trajectories=0), sda.UsageError, "simulation.trajectories"),
    ("key", lambda **_: sda.simulate(config={"simulation.lenght": 3}), sda.UsageError, "length"),
    ("section", lambda data, **_: sda.train(data, config={"dynamics.dt": 1}), sda.UsageError, "dynamics"),
    ("type", lambda **_: sda.simulate(config={"simulation.length": "long"}), sda.UsageError, "simulation.length"),
    ("value", lambda **_: sda.simulate(config={"simulation.length": object()}), sda.UsageError, "object"),
    ("no file", lambda **_: sda.simulate(config="none.toml"), sda.FileError, "none.toml"),
    ("model", lambda **_: sda.Prior.load("none.nc"), sda.FileError, "none.nc"),
    ("model kind", lambda run, **_: sda.Prior.load(run / "lo.nc"), sda.FileError, "model"),
    ("open kind", lambda run, **_: sda.open(run / "model.nc"), sda.FileError, "model file"),
    ("order", lambda data, **_: sda.train(data, order=0), sda.UsageError, "network.order"),
    ("short", lambda data, **_: sda.train(data, order=60), sda.UsageError, "window"),
    ("few", lambda data, **_: sda.train(data.isel(realization=[0])), sda.UsageError, "no trajectory is left"),
    ("no data", lambda **_: sda.train(3), sda.UsageError, "xarray.Dataset"),
    ("array", lambda **_: sda.train(ARRAY), sda.UsageError, "trajectories_of"),
    ("three", lambda data, **_: sda.train((data, data, data)), sda.UsageError, "train, valid"),
    ("resume", lambda data, **_: sda.train(data, resume=True), sda.UsageError, "output="),
    ("nan", lambda data, **_: sda.train(data.assign(x=data.x.where(data.x > 0))), sda.ValueError, "not finite"),
    ("missing", lambda data, **_: sda.train(data.drop_vars("y")), sda.UsageError, "y"),
    (
        "uneven",
        lambda data, **_: sda.train(data.isel(time=[0, 1, 2, 4, 5, 6, 7, 8])),
        sda.ValueError,
        "equally spaced",
    ),
    ("complex", lambda data, **_: sda.train(data.assign(x=data.x.astype(complex))), sda.UsageError, "complex128"),
    ("names", lambda **_: sda.trajectories_of(ARRAY, variables=["a"], dt=1), sda.ShapeError, "variables"),
    ("flat", lambda **_: sda.trajectories_of(ARRAY[0], variables=["a"], dt=1), sda.ShapeError, "time"),
    (
        "text",
        lambda **_: sda.trajectories_of(ARRAY.astype(str), variables=["a", "b"], dt=1),
        sda.UsageError,
        "float32",
    ),
    (
        "half",
        lambda **_: sda.trajectories_of(ARRAY.astype("f2"), variables=["a", "b"], dt=1),
        sda.UsageError,
        "float16",
    ),
    ("constant", lambda **_: sda.trajectories_of(ARRAY * 0, variables=["a", "b"], dt=1), sda.ValueError, "a"),
    (
        "no time",
        lambda **_: sda.trajectories(xarray.Dataset({"a": (("t", "x"), ARRAY[0])}), variables=["a"]),
        sda.UsageError,
        "dimension of time",
    ),
    ("absent", lambda data, **_: sda.trajectories(data, variables=["w"]), sda.UsageError, "w"),
    ("link", lambda data, **_: sda.Observations.draw(data, [{"evry": 8}], error=1), sda.UsageError, "every"),
    ("bare", lambda data, **_: sda.Observations.draw(data, [abs], error=1), sda.UsageError, "sda.operator"),
    ("component", lambda data, **_: sda.Observations.draw(data, [{"select": [3]}], error=1), sda.ShapeError, "3"),
    ("no error", lambda data, **_: sda.Observations.draw(data, LINKS), sda.UsageError, "error"),
    ("negative", lambda data, **_: sda.Observations.draw(data, LINKS, error=-1), sda.UsageError, "sigma"),
    ("errors", lambda data, **_: sda.Observations.draw(data, LINKS, error=[1, 2]), sda.ShapeError, "2"),
    ("stretch", lambda data, **_: sda.Observations.draw(data, LINKS, error=1, length=900), sda.UsageError, "900"),
    ("which", lambda data, **_: sda.Observations.draw(data, LINKS, error=1, trajectory=99), sda.UsageError, "99"),
    (
        "noise",
        lambda data, **_: sda.Observations.draw(data, LINKS, error=1, noise="cauchy"),
        sda.UsageError,
        "cauchy",
    ),
    ("not obs", lambda prior, data, **_: prior.assimilate(data), sda.UsageError, "sda.Observations"),
    ("members", lambda prior, obs, **_: prior.assimilate(obs, members=0), sda.UsageError, "assimilation.members"),
    ("quality", lambda prior, obs, **_: prior.assimilate(obs, quality="bad"), sda.UsageError, "good"),
    ("memory", lambda prior, obs, **_: prior.assimilate(obs, memory="much"), sda.UsageError, "much"),
    ("device", lambda prior, obs, **_: prior.assimilate(obs, device="tpu"), sda.UsageError, "tpu"),
    ("rule", lambda prior, obs, **_: prior.assimilate(obs, config={"guidance.rule": "mmp"}), sda.UsageError, "mmps"),
    ("x", lambda prior, **_: prior.epsilon(ARRAY, 0.5), sda.ShapeError, "3"),
    ("x short", lambda prior, **_: prior.epsilon(ARRAY[:, :2, [0, 0, 0]], 0.5), sda.UsageError, "window"),
    ("x text", lambda prior, **_: prior.epsilon("x", 0.5), sda.UsageError, "dtype"),
    ("not ens", lambda data, obs, **_: sda.evaluate(data, obs), sda.UsageError, "ensemble"),
    ("unread", lambda **_: sda.Observations.from_file(__file__).qc_summary, sda.UsageError, "of(prior)"),
    ("no obs", lambda **_: sda.Observations.from_file("none.csv"), sda.FileError, "none.csv"),
    ("made", lambda **_: sda.Prior(), TypeError, "sda.train"),
]


@pytest.mark.parametrize("call, kind, says", [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_bad_call(call, kind, says, run, data, prior, obs):
    with pytest.raises(kind) as raised:
        call(run=run, data=data, prior=prior, obs=obs)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


def test_parts_are_kept():
    with pytest.raises(sda.UsageError) as raised:
        sda.simulate("lorenz63", trajectories=0)
    error = raised.value
    assert (error.where, error.found) == ("simulation.trajectories", "0") and "1" in error.expected
    assert isinstance(error, ValueError) and isinstance(error, sda.Error)
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.hint) == (type(error), str(error), error.hint)
    assert issubclass(sda.FileError, OSError) and issubclass(sda.Interrupted, KeyboardInterrupt)
    assert not issubclass(sda.Interrupted, Exception)


def test_an_exception_of_progress_ends_the_work(prior, obs):
    def tell(done, total, note):
        raise RuntimeError(f"seen {total}")

    with pytest.raises(RuntimeError, match="seen 16"):
        prior.assimilate(obs, members=2, config={"sampler.steps": 16}, progress=tell)


def test_observations_are_named_as_they_were_given(prior):
    import pandas

    frame = pandas.DataFrame({"time": [0.0, 1.0], "variable": ["x", "w"], "value": [1.0, 2.0]})
    with pytest.raises(sda.FileError) as raised:
        sda.Observations.from_dataframe(frame, error=1.0, name="buoys").of(prior)
    assert str(raised.value).startswith("buoys.csv") and "/tmp" not in str(raised.value)
    kept = sda.Observations.from_dataframe(frame[:1], error=1.0, name="buoys").of(prior)
    assert kept.qc_summary.startswith("buoys.csv: 1 of 1")

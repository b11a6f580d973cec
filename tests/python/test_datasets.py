"""Datasets: names, units, coordinates, calendar, mask; saved, opened, and read by others."""

import shutil
import subprocess

import numpy
import pandas
import pytest
import sda
import xarray


def ocean(trajectories=10, length=24):
    rng = numpy.random.default_rng(3)
    y, x = numpy.linspace(50, 56, 4), numpy.linspace(-3, 5, 5)
    waves = numpy.cos(
        numpy.arange(length)[:, None, None] + rng.uniform(0, 6, (trajectories, 1, 1, 1)) + y[:, None] + x
    )
    height = 1 + 0.3 * waves + 0.1 * rng.standard_normal(waves.shape)
    height[..., 0, 0] = numpy.nan
    return xarray.Dataset(
        {
            "ssh": (
                ("member", "time", "lat", "lon"),
                height.astype(numpy.float32),
                {"units": "m", "long_name": "sea surface height", "standard_name": "sea_surface_height_above_geoid"},
            )
        },
        {
            "time": numpy.datetime64("2020-02-27", "ns") + numpy.arange(length) * numpy.timedelta64(6, "h"),
            "lat": ("lat", y, {"units": "degrees_north", "standard_name": "latitude"}),
            "lon": ("lon", x, {"units": "degrees_east", "standard_name": "longitude"}),
        },
    )


@pytest.fixture(scope="module")
def sea():
    return sda.trajectories(ocean(), missing="mask")


@pytest.fixture(scope="module")
def sea_prior(sea):
    return sda.train(sea, epochs=2, config={"network.order": 1, "network.width": 16, "network.depth": 1})


@pytest.fixture(scope="module")
def sea_posterior(sea, sea_prior):
    truth = sea.isel(realization=-1, time=slice(4, 12))
    obs = sda.Observations.draw(
        truth, [{"every": 2}, {"points": {"variable": [0, 0], "lat": [1, 2], "lon": [1, 3]}}], error=0.1
    )
    return sea_prior.assimilate(obs, members=3, config={"sampler.steps": 4}), truth


def test_metadata_survives(sea_posterior):
    posterior, truth = sea_posterior
    assert posterior.ssh.dims == ("time", "realization", "lat", "lon")
    assert (
        posterior.ssh.attrs["standard_name"] == "sea_surface_height_above_geoid"
        and posterior.ssh.attrs["units"] == "m"
    )
    assert numpy.array_equal(posterior.time, truth.time) and posterior.time.dtype.kind == "M"
    assert posterior.lat.attrs["units"] == "degrees_north" and numpy.array_equal(posterior.lon, truth.lon)
    assert numpy.isnan(posterior.ssh[:, :, 0, 0]).all() and numpy.isfinite(posterior.ssh[:, :, 1:, 1:]).all()


def test_saved_by_xarray_it_is_a_file_of_the_program(sea_posterior, tmp_path, program):
    posterior, _ = sea_posterior
    posterior.to_netcdf(tmp_path / "by_xarray.nc")
    posterior.sda.save(tmp_path / "by_sda.nc")
    for name in ("by_xarray.nc", "by_sda.nc"):
        assert "ensemble" in program("inspect", name, folder=tmp_path)
        for again in (xarray.open_dataset(tmp_path / name), sda.open(tmp_path / name)):
            assert numpy.array_equal(again.ssh, posterior.ssh, equal_nan=True)
            assert numpy.array_equal(again.time, posterior.time)
        if shutil.which("cdo"):
            found = subprocess.run(["cdo", "-s", "infon", name], cwd=tmp_path, text=True, capture_output=True)
            assert found.returncode == 0 and not found.stderr, found.stderr
            assert "2020-02-28" in found.stdout and "ssh" in found.stdout
    assert "ssh_spread" in xarray.open_dataset(tmp_path / "by_sda.nc")


def test_trajectories_come_back(sea, tmp_path):
    sea.to_netcdf(tmp_path / "a.nc")
    sea.sda.save(tmp_path / "b.nc")
    for again in (
        xarray.open_dataset(tmp_path / "a.nc"),
        xarray.open_dataset(tmp_path / "b.nc"),
        sda.open(tmp_path / "a.nc"),
    ):
        one, other = sda.data.record_of(sea), sda.data.record_of(again)
        assert numpy.array_equal(one["states"], other["states"])
        assert numpy.array_equal(one["mean"], other["mean"]) and one["start_time"] == other["start_time"]
        assert {**one["layout"], "mask": 0} == {**other["layout"], "mask": 0}
        assert numpy.array_equal(one["layout"]["mask"], other["layout"]["mask"])


def test_calendars_of_models(tmp_path):
    cftime = pytest.importorskip("cftime")
    dataset = ocean().fillna(1.0)
    dataset["time"] = [
        cftime.DatetimeNoLeap(2020, 2, 27 + i // 4, 6 * (i % 4))
        if i < 8
        else cftime.DatetimeNoLeap(2020, 3, 1 + (i - 8) // 4, 6 * (i % 4))
        for i in range(24)
    ]
    found = sda.trajectories(dataset)
    assert str(found.time.values[8]) == "2020-03-01 00:00:00" and found.time.values[0].calendar == "noleap"
    assert sda.data.record_of(found)["layout"]["calendar"] == "noleap"


def test_curvilinear_grids_stay_on_the_globe(tmp_path):
    rows, columns = numpy.mgrid[0:3, 0:4].astype(float)
    latitude, longitude = 40 + 2 * rows + 0.5 * columns, 170 + 5 * columns - rows
    longitude[2, 3] = numpy.nan
    temperature = numpy.random.default_rng(0).normal(280, 3, (12, 3, 4)).astype("float32")
    dataset = xarray.Dataset(
        {"t": (("time", "y", "x"), temperature, {"units": "K"})},
        {
            "time": pandas.date_range("2020-01-01", periods=12, freq="h"),
            "lat": (("y", "x"), latitude, {"units": "degrees_north"}),
            "lon": (("y", "x"), longitude, {"units": "degrees_east"}),
        },
    )
    found = sda.trajectories(dataset)
    assert found.lat.dims == ("y", "x") and found.lat.units == "degrees_north"
    numpy.testing.assert_array_equal(found.lat, latitude)
    numpy.testing.assert_array_equal(found.lon, longitude)
    layout = sda.data.record_of(found.isel(time=slice(0, 5)))["layout"]
    assert layout["curvilinear"] == {"axes": [0, 1], "latitude": "lat", "longitude": "lon"}
    numpy.testing.assert_array_equal(layout["curvilinear_values"]["longitude"]["values"], longitude.ravel())
    # Bilinear between four points: (0.5, 0.5) of the grid is at 41.25, 172.
    where = {"time": ["2020-01-01T02:00"], "lat": [41.25], "lon": [172.0], "variable": ["t"], "value": [280.0]}
    seen = sda.Observations.from_dataframe(pandas.DataFrame(where), error=0.1).of(found)
    expected = temperature[2, :2, :2].mean()
    assert seen.predict(found.t.values[2].reshape(1, 1, 1, 3, 4))[0, 0] == pytest.approx(expected, rel=1e-5)
    found.to_netcdf(tmp_path / "saved.nc")
    numpy.testing.assert_array_equal(sda.open(tmp_path / "saved.nc").lon, longitude)


def test_a_system_without_a_calendar_has_numbers(data, tmp_path):
    assert data.time.dtype == float and float(data.time[1]) == 0.025
    data.to_netcdf(tmp_path / "data.nc")
    again = xarray.open_dataset(tmp_path / "data.nc")
    assert again.time.dtype.kind == "M"
    assert sda.data.record_of(again)["layout"]["dt"] == 0.025


def test_start_times_go_with_their_trajectories():
    dataset = ocean(trajectories=2, length=40).fillna(1.0)
    pieces = sda.trajectories(dataset, length=10)
    assert pieces.sizes["realization"] == 8
    record = sda.data.record_of(pieces.isel(realization=slice(1, 3), time=slice(2, None)))
    step = record["layout"]["dt"]
    assert numpy.allclose(
        numpy.array(record["start_times"]) - sda.data.record_of(pieces)["start_time"], [12 * step, 22 * step]
    )


def test_plot_and_report(run, obs, tmp_path):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    posterior = sda.open(run / "post.nc")
    axes = posterior.sda.plot(obs, reference=sda.open(run / "filter.nc"))
    assert axes.get_images()[0].get_array().shape[1] == 2000
    page = sda.report(posterior, obs, tmp_path / "report")
    assert (tmp_path / "report" / "lo.png").exists() and page.endswith("report.html")


def test_observations_on_a_grid(sea, sea_prior):
    swath = ocean(1).isel(member=0).isel(time=slice(0, 6, 2)) + 0.01
    swath.ssh.attrs["units"] = "cm"
    swath["ssh"] = (swath.ssh * 100).assign_attrs(units="cm")
    obs = sda.Observations.from_dataset(swath, error=5.0).of(sea_prior)
    assert obs.length == 5 and obs.parts[0]["values"].size == 3 * 19
    assert numpy.allclose(
        sorted(obs.parts[0]["values"].ravel()), sorted(swath.ssh.values[numpy.isfinite(swath.ssh)] / 100)
    )
    assert "cm" in obs.qc_summary

"""Files of many kinds, read by `sda observe` and `sda import` and by xarray (tables: by pandas): every value, place and
time must be the same. Usage: reading_files.py SDA FOLDER. Prints a line for each file; the first difference is an
error.
"""
import subprocess
import sys

import netCDF4
import numpy as np
import pandas
import xarray

sda, folder = sys.argv[1:]
origin = np.datetime64("2004-02-28T12:00")
lat, lon, hours = np.array([50.0, 40.0, 30.0, 20.0]), np.arange(0, 360, 60.0), np.arange(40) * 6.0


def field(t, la, lo):
    return 290 + 0.1 * t + 0.02 * la + np.sin(np.deg2rad(lo)) + np.sin(t)


def run(*arguments):
    done = subprocess.run([sda, *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(arguments)}: {done.stderr}")
    return done.stderr


def raw(name, fmt="NETCDF4"):
    return netCDF4.Dataset(f"{folder}/{name}.nc", "w", format=fmt)


def put(file, name, kind, dimensions, values, fill=None, **attributes):
    variable = file.createVariable(name, kind, dimensions, fill_value=fill)
    variable.set_auto_maskandscale(False)
    variable.setncatts(attributes)
    variable[...] = values


def axes(file, t, la, lo, time_units="hours since 2004-02-28 12:00:00", time="time", **attributes):
    for name, values, units in ((time, t, time_units), ("lat", la, "degrees_north"), ("lon", lo, "degrees_east")):
        file.createDimension(name, len(values))
        put(file, name, "f8", (name,), values, units=units, **(attributes if name == time else {}))


def observed(name, suffix="nc", *flags):
    """Rows (hours, lat, lon, value) of what sda observes."""
    said = run("observe", "--from", f"{folder}/{name}.{suffix}", "--data", f"{folder}/data/train.nc", "--error", "0.5",
               "-o", f"{folder}/y.nc", *flags)
    y = netCDF4.Dataset(f"{folder}/y.nc")
    places = [np.interp(np.ravel(y[f"point_{axis}"][:]), np.arange(len(own)), own)
              for axis, own in (("lat", lat), ("lon", lon))]
    times = y.sda_start_time + 6 * np.ravel(y["point_time"][:])
    return np.stack([times, *places, np.ravel(y["observation"][:])], 1), said


def ordered(rows):
    rows = np.asarray(rows, float)
    rows = rows[~np.isnan(rows).any(1)]
    return rows[np.lexsort(np.round(rows.T, 6))]


def compare(name, expected, found):
    expected, found = ordered(expected), ordered(found)
    if expected.shape != found.shape or not np.allclose(expected, found, rtol=1e-6, atol=1e-6):
        sys.exit(f"{name}: expected\n{expected}\nfound\n{found}")
    print(name, len(found))


def hours_of(times):
    return (np.asarray(times, "M8[ns]") - origin.astype("M8[ns]")) / np.timedelta64(1, "h")


def rows_of(data, value="sst", time="time", la="lat", lo="lon"):
    """The same of a dataset as xarray decodes it."""
    table = data[[value]].reset_coords().to_dataframe().reset_index()
    return np.stack([hours_of(table[time]), table[la], table[lo] % 360, table[value]], 1)


def by_xarray(name, **names):
    with xarray.open_dataset(f"{folder}/{name}.nc") as data:
        return rows_of(data.load(), **names)


# The system: a small ocean.
own = raw("own")
axes(own, hours, lat, lon)
put(own, "sst", "f4", ("time", "lat", "lon"), field(hours[:, None, None], lat[:, None], lon), units="K")
own.close()
with open(f"{folder}/own.toml", "w") as file:
    file.write(f'[data]\nfiles = "{folder}/own.nc"\nvariables = ["sst"]\nspace = ["lat", "lon"]\nlength = 10\n'
               "train = 0.5\nvalid = 0.25\n")
run("import", f"{folder}/own.toml", "-o", f"{folder}/data")
t, la, lo = np.array([6.0, 12.0]), lat[::2], lon[::3]
values = field(t[:, None, None], la[:, None], lo)
dimensions = ("time", "lat", "lon")

# Formats.
for fmt in ("NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET", "NETCDF3_64BIT_DATA", "NETCDF4_CLASSIC", "NETCDF4"):
    file = raw(fmt, fmt)
    axes(file, t, la, lo)
    stored = values.astype("f4")
    stored[0, 1, 1] = -999
    put(file, "sst", "f4", dimensions, stored, fill=np.float32(-999), units="K")
    file.close()
    compare(fmt, by_xarray(fmt), observed(fmt)[0])

# Packed numbers.
for name, kind, fill, attributes in (
        ("shorts", "i2", np.int16(-32768), {"scale_factor": 0.01, "add_offset": 273.15}),
        ("ints_of_floats", "i4", np.int32(-1), {"scale_factor": np.float32(0.5), "add_offset": np.float32(200)}),
        ("unsigned_bytes", "i1", np.int8(-1), {"scale_factor": 0.25, "add_offset": 250.0, "_Unsigned": "true"}),
        ("missing_value", "i2", None, {"scale_factor": 0.01, "add_offset": 273.15, "missing_value": np.int16(-999)})):
    file = raw(name)
    axes(file, t, la, lo)
    scale, offset = float(attributes["scale_factor"]), float(attributes["add_offset"])
    stored = np.round((values - offset) / scale).astype("i8")
    stored[1, 0, 1] = fill if fill is not None else -999
    if kind == "i1":
        stored = stored.astype(np.uint8).view(np.int8)
    put(file, "sst", kind, dimensions, stored, fill=fill, units="K", **attributes)
    file.close()
    compare(name, by_xarray(name), observed(name)[0])

# valid_range: xarray keeps what lies outside, netCDF4-python does not, and nor do we.
file = raw("valid_range")
axes(file, t, la, lo)
stored = np.round((values - 273.15) / 0.01).astype("i2")
stored[0, 0, 0], stored[1, 1, 1] = 32767, -1000
put(file, "sst", "i2", dimensions, stored, fill=np.int16(-32768), units="K", scale_factor=0.01, add_offset=273.15,
    valid_range=np.array([-300, 4500], "i2"))
file.close()
found, said = observed("valid_range")
with xarray.open_dataset(f"{folder}/valid_range.nc") as data, netCDF4.Dataset(f"{folder}/valid_range.nc") as masked:
    assert data.sst.notnull().all() and masked["sst"][:].mask.sum() == 2
    data["sst"] = data.sst.where(~masked["sst"][:].mask)
    compare("valid_range", rows_of(data.load()), found)
assert "2 values of sst outside its valid range are missing" in said, said

# Times.
for name, numbers, units, attributes in (
        ("days_since_1950", (t + 12) / 24 + 19781, "days since 1950-01-01", {}),
        ("seconds_since_1970", t * 3600 + 1077969600, "seconds since 1970-01-01T00:00:00Z",
         {"calendar": "proleptic_gregorian"}),
        ("minutes_with_a_zone", t * 60 + 60, "minutes since 2004-02-28 12:00:00 +01:00", {}),
        ("hours_since_1900", t + 912948, "hours since 1900-01-01 00:00:0.0", {"calendar": "gregorian"})):
    file = raw(name)
    axes(file, numbers, la, lo, units, **attributes)
    put(file, "sst", "f8", dimensions, values, units="K")
    file.close()
    compare(name, by_xarray(name), observed(name)[0])
file = raw("valid_time")
axes(file, t, la, lo, time="valid_time", standard_name="time")
put(file, "time", "i8", (), 0, units="hours since 2004-02-27", standard_name="time",
    long_name="initial time of forecast")
put(file, "sst", "f8", ("valid_time", "lat", "lon"), values, units="K", coordinates="time")
file.close()
compare("valid_time", by_xarray("valid_time", time="valid_time"), observed("valid_time")[0])

# Swaths, stations, profiles: coordinates over other dimensions than their own.
n = np.arange(6)
swath = xarray.Dataset({"sst": ("n", field(n, 30.0, 10.0 * n))},
                       {"time": ("n", origin + (n * 60).astype("m8[m]")), "lat": ("n", 20 + 5.0 * n),
                        "lon": ("n", 10.0 * n)})
swath["sst"] = swath.sst - 273.15
swath.sst.attrs["units"] = "degC"
swath.to_netcdf(f"{folder}/swath.nc")
expected = by_xarray("swath")
expected[:, 3] += 273.15
compare("swath", expected, observed("swath")[0])
line, pixel = np.arange(2), np.arange(3)
la2, lo2 = 25 + 5.0 * line[:, None] + pixel, 60.0 + 10 * line[:, None] + pixel
lines = xarray.Dataset({"sst": (("line", "pixel"), field(6.0 * line[:, None], la2, lo2))},
                       {"time": ("line", origin + (line * 3).astype("m8[h]")), "latitude": (("line", "pixel"), la2),
                        "longitude": (("line", "pixel"), lo2)})
lines.to_netcdf(f"{folder}/lines.nc")
compare("lines", by_xarray("lines", la="latitude", lo="longitude"), observed("lines")[0])
stations = xarray.Dataset({"sst": (("station", "time"), values[:, :, 0].T)}, {"time": origin + t.astype("m8[h]"),
                          "lat": ("station", la), "lon": ("station", lo)})
stations.to_netcdf(f"{folder}/stations.nc")
compare("stations", by_xarray("stations"), observed("stations")[0])
file = raw("groups")
group = file.createGroup("PRODUCT")
axes(group, t, la, lo)
put(group, "sst", "f8", dimensions, values, units="K")
file.close()
with xarray.open_dataset(f"{folder}/groups.nc", group="PRODUCT") as data:
    compare("groups", rows_of(data.load()), observed("groups")[0])

# Two dimensions of space that are neither: GHRSST's swaths, seconds after the file's one time beside each pixel.
row, cell = np.arange(3), np.arange(4)
la2, lo2 = 22 + 6.0 * row[:, None] + 0.5 * cell, 200.0 + 5 * row[:, None] + 12 * cell
seconds = 60.0 * (row[:, None] * 4 + cell)
file = raw("ghrsst")
for name, size in (("time", 1), ("row", 3), ("cell", 4)):
    file.createDimension(name, size)
put(file, "time", "i4", ("time",), [6 * 3600], units="seconds since 2004-02-28 12:00:00")
put(file, "lat", "f4", ("row", "cell"), la2, units="degrees_north")
put(file, "lon", "f4", ("row", "cell"), lo2 - 360, units="degrees_east")
put(file, "sst_dtime", "i2", ("time", "row", "cell"), seconds[None] / 4, units="seconds", scale_factor=4.0,
    long_name="time difference from reference time")
put(file, "sst", "i2", ("time", "row", "cell"),
    np.round((field(6 + seconds[None] / 3600, la2, lo2) - 273.15) * 100), fill=np.int16(-32768), units="kelvin",
    standard_name="sea_surface_temperature", scale_factor=0.01, add_offset=273.15, coordinates="lon lat")
file.close()
# xarray takes sst_dtime for durations, which are then added by hand.
with xarray.open_dataset(f"{folder}/ghrsst.nc") as data:
    own_times = data.time.values[:, None, None] + data.sst_dtime.values
    expected = np.stack([np.ravel(hours_of(own_times)), np.ravel(data.lat), np.ravel(data.lon) % 360,
                         np.ravel(data.sst)], 1)
found, said = observed("ghrsst")
compare("ghrsst", expected, found)
assert "times of sst are time and sst_dtime after it" in said, said

# Ragged arrays, which xarray leaves as they are: counts of samples are repeated, an index is looked up, by numpy.
counts, samples = np.array([2, 0, 3]), 5
of_profile = np.repeat(np.arange(3), counts)
la3, lo3, t3 = np.array([25.0, 30.0, 44.0]), np.array([10.0, 70.0, 290.0]), np.array([0.0, 6.0, 15.0])
for name, index in (("contiguous", None), ("indexed", np.array([2, 0, 0, 2, 1]))):
    of_sample = of_profile if index is None else index
    file = raw(name)
    file.createDimension("profile", 3)
    file.createDimension("obs", samples)
    put(file, "time", "f8", ("profile",), t3, units="hours since 2004-02-28 12:00:00")
    put(file, "lat", "f8", ("profile",), la3, units="degrees_north")
    put(file, "lon", "f8", ("obs",) if index is not None else ("profile",),
        lo3[of_sample] if index is not None else lo3, units="degrees_east")
    if index is None:
        put(file, "rowSize", "i4", ("profile",), counts, sample_dimension="obs")
    else:
        put(file, "profileIndex", "i4", ("obs",), index, instance_dimension="profile")
    put(file, "sst", "f8", ("obs",), field(t3[of_sample], la3[of_sample], lo3[of_sample]) + 0.01 * np.arange(samples),
        units="K")
    # Two samples of a profile are at one place and time here, but for their errors.
    put(file, "sst_error", "f8", ("obs",), 0.5 + np.arange(samples))
    file.close()
    with xarray.open_dataset(f"{folder}/{name}.nc") as data:
        first = np.unique(of_sample, return_index=True)[1]
        assert data.sst.dims == ("obs",) and data.lat.dims == ("profile",)
        longitudes = data.lon.values[of_sample] if index is None else data.lon.values
        expected = np.stack([hours_of(data.time.values[of_sample]), data.lat.values[of_sample], longitudes,
                             data.sst.values], 1)
    # Of each profile the first sample: the others are at its place and time.
    with netCDF4.Dataset(f"{folder}/{name}.nc", "a") as file:
        flag = file.createVariable("sst_flag", "i1", ("obs",))
        flag[:] = 1
        flag[first] = 0
    found, said = observed(name)
    compare(name, expected[first], found)
    assert "rowSize" not in said and "profileIndex" not in said, said

# IODA's first layout: variables named after what are groups now; times are texts, or hours after the file's date_time.
v1_times, v1_values = np.array([0.0, 2.0, 9.0]), np.array([290.0, 291.5, 289.25])
for name in ("ioda_texts", "ioda_hours"):
    file = raw(name, "NETCDF4_CLASSIC")
    file.createDimension("nlocs", 3)
    file.createDimension("nstring", 20)
    file.date_time = np.int32(2004022812)
    put(file, "latitude@MetaData", "f4", ("nlocs",), [21, 33, 47])
    put(file, "longitude@MetaData", "f4", ("nlocs",), [11, -75, 130])
    if name == "ioda_texts":
        texts = [f"{origin + np.timedelta64(int(hour), 'h')}:00Z" for hour in v1_times]
        assert all(len(text) == 20 for text in texts), texts
        put(file, "datetime@MetaData", "S1", ("nlocs", "nstring"), [list(text) for text in texts])
    else:
        put(file, "time@MetaData", "f4", ("nlocs",), v1_times)
    put(file, "sst@ObsValue", "f4", ("nlocs",), v1_values, fill=np.float32(9.96921e36), units="K")
    put(file, "sst@ObsError", "f4", ("nlocs",), [0.5, 0.5, 0.5])
    put(file, "sst@PreQC", "i4", ("nlocs",), [0, 0, 3])
    file.close()
    with xarray.open_dataset(f"{folder}/{name}.nc", decode_times=False) as data:
        expected = np.stack([v1_times, data["latitude@MetaData"], data["longitude@MetaData"] % 360,
                             data["sst@ObsValue"]], 1)
    found, said = observed(name)
    compare(name, expected[:2], found)
    assert "flag 3: 1" in said, said

# Tables.
long = pandas.DataFrame({"time": origin + (n * 60).astype("m8[m]"), "lat": 20 + 5.0 * n, "lon": 10.0 * n,
                         "sst": np.round(field(n, 30.0, 10.0 * n), 3)})
long.loc[2, "sst"] = np.nan


def by_pandas(name, suffix="csv", **how):
    table = pandas.read_csv(f"{folder}/{name}.{suffix}", **how)
    return np.stack([hours_of(pandas.to_datetime(table["time"])), table["lat"], table["lon"], table["sst"]], 1)


long.to_csv(f"{folder}/wide.csv", index=False, na_rep="NaN")
compare("wide.csv", by_pandas("wide"), observed("wide", "csv")[0])
long.to_csv(f"{folder}/packed.csv.gz", index=False)
compare("packed.csv.gz", by_pandas("packed", "csv.gz"), observed("packed", "csv.gz")[0])
with open(f"{folder}/erddap.csv", "w") as file:
    text = long.to_csv(index=False, na_rep="NaN", date_format="%Y-%m-%dT%H:%M:%SZ")
    head, _, body = text.partition("\n")
    file.write(f"{head}\nUTC,degrees_north,degrees_east,K\n{body}")
expected = by_pandas("erddap", skiprows=[1])
compare("erddap.csv", expected, observed("erddap", "csv")[0])
compact = long.assign(time=long.time.dt.strftime("%Y%m%d%H")).dropna()
compact.to_csv(f"{folder}/compact.csv", index=False, sep=";")
table = pandas.read_csv(f"{folder}/compact.csv", sep=";")
times = pandas.to_datetime(table["time"].astype(str), format="%Y%m%d%H")
expected = np.stack([hours_of(times), table["lat"], table["lon"], table["sst"]], 1)
compare("compact.csv", expected, observed("compact", "csv")[0])

# What is imported.
for name, kind, attributes in (("packed", "i2", {"scale_factor": 0.01, "add_offset": 273.15}), ("floats", "f4", {}),
                               ("classic", "f4", {})):
    file = raw(name, "NETCDF3_CLASSIC" if name == "classic" else "NETCDF4")
    axes(file, hours / 24, lat, lon, f"{'Days' if name == 'floats' else 'days'} since 2004-02-28 12:00:00")
    all_values = field(hours[:, None, None], lat[:, None], lon)
    stored = np.round((all_values - 273.15) / 0.01) if kind == "i2" else all_values
    put(file, "sst", kind, dimensions, stored.astype(kind), units="K", **attributes)
    file.close()
    with open(f"{folder}/{name}.toml", "w") as file:
        file.write(f'[data]\nfiles = "{folder}/{name}.nc"\nvariables = ["sst"]\nspace = ["lat", "lon"]\n'
                   "train = 1\nvalid = 0\n")
    run("import", f"{folder}/{name}.toml", "-o", f"{folder}/{name}")
    with xarray.open_dataset(f"{folder}/{name}.nc") as own, xarray.open_dataset(f"{folder}/{name}/train.nc") as ours:
        assert np.allclose(own.sst, np.squeeze(ours.sst.values), rtol=1e-6), name
        assert (own.time.values == ours.time.values).all(), (own.time, ours.time)
        print("imported", name, ours.sst.size)

# Variables of a group, whose coordinates may be in the groups around.
file = raw("grouped")
axes(file, hours, lat, lon)
group = file.createGroup("PRODUCT").createGroup("SURFACE")
put(group, "sst", "f4", dimensions, field(hours[:, None, None], lat[:, None], lon), units="K")
other = file.createGroup("QUALITY")
put(other, "noise", "f4", dimensions, np.ones((len(hours), len(lat), len(lon))))
file.close()
for variable in ("sst", "PRODUCT/SURFACE/sst"):
    with open(f"{folder}/grouped.toml", "w") as file:
        file.write(f'[data]\nfiles = "{folder}/grouped.nc"\nvariables = ["{variable}"]\nspace = ["lat", "lon"]\n'
                   "train = 1\nvalid = 0\n")
    said = run("import", f"{folder}/grouped.toml", "-o", f"{folder}/grouped{len(variable)}")
    assert ("sst is that of the group PRODUCT/SURFACE" in said) == (variable == "sst"), said
    with xarray.open_dataset(f"{folder}/grouped.nc", group="PRODUCT/SURFACE") as own, \
            xarray.open_dataset(f"{folder}/grouped.nc") as root, \
            xarray.open_dataset(f"{folder}/grouped{len(variable)}/train.nc") as ours:
        assert np.allclose(own.sst, np.squeeze(ours.sst.values), rtol=1e-6)
        assert (root.time.values == ours.time.values).all() and (root.lat.values == ours.lat.values).all()
        print("imported grouped", variable, ours.sst.size)

/// Observations in NetCDF that are no grids of the system's own kind: swaths, stations, profiles, groups, and their
/// flags. Values worked out by hand.
#include <gmock/gmock.h>
#include <netcdf.h>

#include "observation_files.hpp"

namespace sda::test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

Tensor numbers(const std::vector<double>& values, at::IntArrayRef shape) {
  return at::tensor(values, at::kDouble).view(shape);
}

class Swaths : public IodaTest {
 protected:
  void SetUp() override { parameters.error = {1, 0.1}; }
  static void check(int status) { ASSERT_EQ(status, NC_NOERR) << nc_strerror(status); }
  /// What the C library writes, for types that our writer does not have.
  Observations read_c(const std::function<void(int file)>& fill, int format = NC_NETCDF4) const {
    const std::string path = folder_.file("r.csv");
    int file = -1;
    check(nc_create(path.c_str(), format | NC_CLOBBER, &file));
    fill(file);
    check(nc_close(file));
    return read_observations(path, layout, normalisation, parameters, window);
  }
  static int dimension(int file, const std::string& name, std::size_t size) {
    int id = -1;
    check(nc_def_dim(file, name.c_str(), size, &id));
    return id;
  }
  template <class Number>
  static int put(int file, const std::string& name, nc_type type, const std::vector<int>& dimensions,
                 const std::vector<Number>& values, const std::map<std::string, std::string>& attributes = {}) {
    int id = -1;
    nc_redef(file);
    check(nc_def_var(file, name.c_str(), type, static_cast<int>(dimensions.size()), dimensions.data(), &id));
    for (const auto& [key, text] : attributes) check(nc_put_att_text(file, id, key.c_str(), text.size(), text.c_str()));
    nc_enddef(file);
    check(nc_put_var(file, id, values.data()));
    return id;
  }
};

TEST_F(Swaths, PlacesAndTimesOfEachValue) {
  const auto y = read_ioda([](auto& file) {
    file.dimension("n", 3);
    file.variable("time", {"n"}, numbers({0, 3, 12}, {3}));
    file.variable("lat", {"n"}, numbers({-20, 0, 60}, {3}), {{"units", "degrees_north"}});
    file.variable("lon", {"n"}, numbers({90, 45, -90}, {3}), {{"units", "degrees_east"}});
    file.variable("sst", {"n"}, numbers({291, 290, 289}, {3}), {{"units", "K"}});
    file.variable("sst_error", {"n"}, numbers({0.5, 0.25, 0.5}, {3}));
  });
  EXPECT_THAT(column(y, "time"), ElementsAre(0, 0.5, 2));
  EXPECT_THAT(column(y, "lat"), ElementsAre(1, 1.5, 3));
  EXPECT_THAT(column(y, "lon"), ElementsAre(1, 0.5, 3));
  EXPECT_THAT(values(y), ElementsAre(291, 290, 289));
  EXPECT_THAT(y.parts.front().noise.values(), ElementsAre(0.5, 0.25, 0.5));
  EXPECT_THAT(y.qc_summary, Not(HasSubstr("not used")));
}

TEST_F(Swaths, ScanLinesWithATimeEach) {
  // Two lines of three pixels, of which each line has one time.
  const auto y = read_ioda([](auto& file) {
    file.dimension("line", 2);
    file.dimension("pixel", 3);
    file.variable("scan_time", {"line"}, numbers({6, 9}, {2}), {{"standard_name", "time"}});
    file.variable("latitude", {"line", "pixel"}, numbers({0, 20, 60, -20, 0, 20}, {2, 3}));
    file.variable("longitude", {"line", "pixel"}, numbers({0, 90, 180, 270, 0, 45}, {2, 3}));
    file.variable("sst", {"line", "pixel"}, numbers({290, 291, -9, 293, 294, 295}, {2, 3}), {}, -9);
  });
  EXPECT_THAT(column(y, "time"), ElementsAre(0, 0, 0.5, 0.5, 0.5));
  EXPECT_THAT(column(y, "lat"), ElementsAre(1.5, 2, 1, 1.5, 2));
  EXPECT_THAT(column(y, "lon"), ElementsAre(0, 1, 3, 0, 0.5));
  EXPECT_THAT(values(y), ElementsAre(290, 291, 293, 294, 295));
}

TEST_F(Swaths, StationsWithACommonTime) {
  const auto y = read_c([](int file) {
    const int time = dimension(file, "valid_time", 2), station = dimension(file, "station", 2);
    put<double>(file, "valid_time", NC_DOUBLE, {time}, {0, 6},
                {{"units", "hours since 2004-02-28 12:00"}, {"calendar", "noleap"}});
    put<double>(file, "time", NC_DOUBLE, {}, {-48});  // when the forecast began
    put<double>(file, "lat", NC_DOUBLE, {station}, {-60, 60});
    put<double>(file, "lon", NC_DOUBLE, {station}, {180, 270});
    put<double>(file, "ssh", NC_DOUBLE, {station, time}, {0.1, 0.2, 0.3, 0.4});
  });
  EXPECT_EQ(y.start_time, 0);
  EXPECT_THAT(column(y, "time"), ElementsAre(0, 1, 0, 1));
  EXPECT_THAT(column(y, "lat"), ElementsAre(0, 0, 3, 3));
  EXPECT_THAT(values(y), ElementsAre(0.1, 0.2, 0.3, 0.4));
}

TEST_F(Swaths, ProfilesOfArgo) {
  // Two floats with two levels: PRES, JULD and flags in characters, named by standard names.
  layout = {.event = {1, 3},
            .variables = {{"thetao", "temperature", "degC", "sea_water_temperature"}},
            .space_names = {"pressure"},
            .dt = 1,
            .time_units = "days",
            .coordinates = {{{0, 100, 200}, "dbar", "", "sea_water_pressure"}},
            .time_origin = "2020-01-01"};
  normalisation = {at::tensor({10.0}, at::kDouble).view({1, 1}), at::tensor({5.0}, at::kDouble).view({1, 1})};
  parameters.error = {0.1};
  parameters.good_flags = {1, 2};
  const auto y = read_c([](int file) {
    const int profile = dimension(file, "N_PROF", 2), level = dimension(file, "N_LEVELS", 2);
    // 25567 days from 1950 to 2020: 70 years with 17 leap days.
    put<double>(file, "JULD", NC_DOUBLE, {profile}, {25567, 25568.5},
                {{"units", "days since 1950-01-01 00:00:00 UTC"}, {"standard_name", "time"}});
    put<float>(file, "PRES", NC_FLOAT, {profile, level}, {0, 50, 100, 200},
               {{"units", "decibar"}, {"standard_name", "sea_water_pressure"}});
    put<float>(file, "TEMP", NC_FLOAT, {profile, level}, {12, 11, 10, 9},
               {{"units", "degree_Celsius"}, {"standard_name", "sea_water_temperature"}});
    put<char>(file, "TEMP_QC", NC_CHAR, {profile, level}, {'1', '4', '2', ' '},
              {{"flag_values", "1, 2, 4"}, {"flag_meanings", "good probably_good bad"}});
    put<char>(file, "PLATFORM_NUMBER", NC_CHAR, {profile, level}, {'a', 'b', 'c', 'd'});
  });
  EXPECT_THAT(column(y, "time"), ElementsAre(0, 1.5));
  EXPECT_THAT(column(y, "pressure"), ElementsAre(0, 1));
  EXPECT_THAT(values(y), ElementsAre(12, 10));
  EXPECT_THAT(y.qc_summary, AllOf(HasSubstr("TEMP is read as thetao, by its standard name"),
                                  HasSubstr("rejected: 2 with a quality flag other than 1, 2 (values 1, 3); flag 4 "
                                            "(bad): 1, no flag: 1; --max-flag")));
}

TEST_F(Swaths, TwoVariablesOfOneStandardName) {
  layout.variables[0].standard_name = "sea_surface_temperature";
  const auto refused = [&] {
    return refusal_of([](auto& file) {
      file.dimension("n", 1);
      for (const std::string name : {"analysed", "raw"}) {
        file.variable(name, {"n"}, numbers({290}, {1}), {{"standard_name", "sea_surface_temperature"}});
      }
    });
  };
  EXPECT_THAT(refused(), AllOf(HasSubstr("two variables have the standard name of sst: found analysed and raw"),
                               HasSubstr("ncrename -v analysed,sst")));
}

TEST_F(Swaths, VariablesInGroups) {
  const auto y = read_ioda([](auto& file) {
    file.dimension("n", 2);
    file.variable("time", {"n"}, numbers({0, 6}, {2}));
    auto product = file.make_group("PRODUCT");
    product.variable("latitude", {"n"}, numbers({-20, 20}, {2}));
    product.variable("longitude", {"n"}, numbers({0, 90}, {2}));
    auto inner = product.make_group("FIELDS");
    inner.variable("sst", {"n"}, numbers({291, 290}, {2}));
  });
  EXPECT_THAT(column(y, "time"), ElementsAre(0, 1));
  EXPECT_THAT(column(y, "lat"), ElementsAre(1, 2));
  EXPECT_THAT(values(y), ElementsAre(291, 290));
}

TEST_F(Swaths, FlagsAmongTheAncillaryVariables) {
  const auto fill = [](int file) {
    const int n = dimension(file, "n", 3);
    put<double>(file, "time", NC_DOUBLE, {n}, {0, 6, 12});
    put<double>(file, "lat", NC_DOUBLE, {n}, {0, 0, 0});
    put<double>(file, "lon", NC_DOUBLE, {n}, {0, 0, 0});
    put<double>(file, "sst", NC_DOUBLE, {n}, {290, 291, 292}, {{"ancillary_variables", "spread mask"}});
    put<double>(file, "spread", NC_DOUBLE, {n}, {0.5, 0.25, 0.5},
                {{"standard_name", "sea_surface_temperature standard_error"}});
    const int mask = put<unsigned char>(file, "mask", NC_UBYTE, {n}, {0, 5, 2}, {{"flag_meanings", "cloud ice land"}});
    const unsigned char masks[] = {1, 2, 4};
    nc_redef(file);
    check(nc_put_att_ubyte(file, mask, "flag_masks", NC_UBYTE, 3, masks));
    nc_enddef(file);
  };
  const auto y = read_c(fill);
  EXPECT_THAT(values(y), ElementsAre(290));
  EXPECT_THAT(y.parts.front().noise.values(), ElementsAre(0.5));
  EXPECT_THAT(y.qc_summary, AllOf(HasSubstr("flag 2 (ice): 1, flag 5 (cloud, land): 1"), Not(HasSubstr("not used"))));
  parameters.good_flags = {0, 2};
  EXPECT_THAT(values(read_c(fill)), ElementsAre(290, 292));
}

TEST_F(Swaths, WhatLiesOutsideTheValidRangeIsCounted) {
  for (const int format : {NC_CLASSIC_MODEL, NC_64BIT_OFFSET, NC_64BIT_DATA, NC_NETCDF4}) {
    const auto y = read_c(
        [](int file) {
          const int n = dimension(file, "n", 4);
          put<double>(file, "time", NC_DOUBLE, {n}, {0, 6, 12, 18});
          put<double>(file, "lat", NC_DOUBLE, {n}, {0, 0, 0, 0});
          put<double>(file, "lon", NC_DOUBLE, {n}, {0, 0, 0, 0});
          nc_redef(file);
          int sst = -1;
          check(nc_def_var(file, "sst", NC_SHORT, 1, &n, &sst));
          const double scale = 0.01, offset = 273.15;
          const short range[] = {-300, 4500}, fill = -32768;
          check(nc_put_att_double(file, sst, "scale_factor", NC_DOUBLE, 1, &scale));
          check(nc_put_att_double(file, sst, "add_offset", NC_DOUBLE, 1, &offset));
          check(nc_put_att_short(file, sst, "valid_range", NC_SHORT, 2, range));
          check(nc_put_att_short(file, sst, "_FillValue", NC_SHORT, 1, &fill));
          nc_enddef(file);
          const short stored[] = {1500, 4501, -301, -32768};
          check(nc_put_var(file, sst, stored));
        },
        format);
    EXPECT_THAT(values(y), ElementsAre(testing::DoubleNear(288.15, 1e-9))) << format;
    EXPECT_THAT(y.qc_summary, AllOf(HasSubstr("rejected: 3 without a value (values 1, 2, 3)"),
                                    HasSubstr("note: 2 values of sst outside its valid range are missing")));
  }
}

TEST_F(Swaths, ADimensionWithoutPlacesIsRefused) {
  EXPECT_THAT(refusal_of([](auto& file) {
                file.dimension("obs", 2);
                file.dimension("station", 3);
                file.variable("time", {"obs"}, numbers({0, 6}, {2}));
                file.variable("lat", {"station"}, numbers({0, 20, 60}, {3}));
                file.variable("lon", {"station"}, numbers({0, 20, 60}, {3}));
                file.variable("sst", {"obs"}, numbers({290, 291}, {2}));
              }),
              AllOf(HasSubstr("r.csv: sst: a field without all axes of space: found sst(obs)"),
                    HasSubstr("a variable lat or latitude over dimensions of sst says where values lie")));
}

TEST_F(Swaths, RaggedArraysCountedOrIndexed) {
  // Counts 2, 0, 1: of profiles 0, 0, 2. An index says 2, 0, 2.
  for (const bool is_index : {false, true}) {
    const auto y = read_ioda([&](auto& file) {
      file.dimension("profile", 3);
      file.dimension("obs", 3);
      file.variable("time", {"profile"}, numbers({0, 6, 12}, {3}));
      file.variable("lat", {"profile"}, numbers({-20, 0, 60}, {3}));
      file.variable("lon", {"obs"}, numbers({0, 45, 90}, {3}));
      if (is_index) {
        file.variable("of", {"obs"}, at::tensor({2, 0, 2}, at::kInt), {{"instance_dimension", "profile"}});
      } else {
        file.variable("count", {"profile"}, at::tensor({2, 0, 1}, at::kInt), {{"sample_dimension", "obs"}});
      }
      file.variable("sst", {"obs"}, numbers({290, 291, 292}, {3}), {{"units", "K"}});
    });
    EXPECT_THAT(values(y), ElementsAre(290, 291, 292));
    EXPECT_THAT(column(y, "lon"), ElementsAre(0, 0.5, 1));
    if (is_index) {
      EXPECT_THAT(column(y, "time"), ElementsAre(2, 0, 2));
      EXPECT_THAT(column(y, "lat"), ElementsAre(3, 1, 3));
    } else {
      EXPECT_THAT(column(y, "time"), ElementsAre(0, 0, 2));
      EXPECT_THAT(column(y, "lat"), ElementsAre(1, 1, 3));
    }
    EXPECT_THAT(y.qc_summary, Not(HasSubstr("not used")));
  }
}

TEST_F(Swaths, RaggedArraysOfRaggedArrays) {
  // Samples 0, 1 are of profile 0, sample 2 of profile 1; these are of stations 1 and 0, which alone have places.
  const auto y = read_ioda([](auto& file) {
    file.dimension("station", 2);
    file.dimension("profile", 2);
    file.dimension("obs", 3);
    file.variable("lat", {"station"}, numbers({-20, 60}, {2}));
    file.variable("lon", {"station"}, numbers({0, 90}, {2}));
    file.variable("station_index", {"profile"}, at::tensor({1, 0}, at::kInt), {{"instance_dimension", "station"}});
    file.variable("row_size", {"profile"}, at::tensor({2, 1}, at::kInt), {{"sample_dimension", "obs"}});
    file.variable("time", {"obs"}, numbers({0, 6, 12}, {3}));
    file.variable("sst", {"obs"}, numbers({290, 291, 292}, {3}), {{"units", "K"}});
  });
  EXPECT_THAT(column(y, "lat"), ElementsAre(3, 3, 1));
  EXPECT_THAT(column(y, "lon"), ElementsAre(1, 1, 0));
  EXPECT_THAT(column(y, "time"), ElementsAre(0, 1, 2));
}

TEST_F(Swaths, RaggedArraysThatAreNone) {
  const auto refused = [&](bool is_index, const std::vector<int>& by, const std::string& named) {
    return refusal_of([&](auto& file) {
      file.dimension("profile", 2);
      file.dimension("obs", 3);
      file.variable("time", {"obs"}, numbers({0, 6, 12}, {3}));
      file.variable("lat", {"profile"}, numbers({-20, 0}, {2}));
      file.variable("lon", {"profile"}, numbers({0, 45}, {2}));
      file.variable("by", {is_index ? "obs" : "profile"}, at::tensor(by, at::kInt),
                    {{is_index ? "instance_dimension" : "sample_dimension", named}});
      file.variable("sst", {"obs"}, numbers({290, 291, 292}, {3}));
    });
  };
  EXPECT_THAT(refused(false, {1, 1}, "obs"),
              HasSubstr("by: counts of samples do not add up: found 2, expected 3 of obs"));
  EXPECT_THAT(refused(false, {2, 2}, "obs"), HasSubstr("by: not a number of samples: found 2, expected 0 … 1 of obs"));
  EXPECT_THAT(refused(false, {4, -1}, "obs"), HasSubstr("by: not a number of samples: found 4, expected 0 … 3 of obs"));
  EXPECT_THAT(refused(true, {0, 1, 2}, "profile"),
              HasSubstr("by: an index of no instance: found 2, expected 0 … 1 of profile"));
  EXPECT_THAT(refused(true, {0, 1, 1}, "profiles"), HasSubstr("a field without all axes of space"));
}

TEST_F(Swaths, TimesAfterTheTimeOfTheFile) {
  const auto write = [](auto& file, const std::string& units) {
    file.dimension("time", 1);
    file.dimension("row", 2);
    file.dimension("cell", 2);
    file.variable("time", {"time"}, numbers({6}, {1}),
                  {{"units", "hours since 2004-02-28 12:00"}, {"calendar", "noleap"}});
    file.variable("lat", {"row", "cell"}, numbers({-20, 0, 20, 60}, {2, 2}));
    file.variable("lon", {"row", "cell"}, numbers({0, 45, 90, 90}, {2, 2}));
    file.variable("sst_dtime", {"time", "row", "cell"}, numbers({0, 10800, 21600, 5400}, {1, 2, 2}),
                  {{"units", units}});
    file.variable("sst", {"time", "row", "cell"}, numbers({290, 291, 292, 293}, {1, 2, 2}));
  };
  const auto y = read_ioda([&](auto& file) { write(file, "seconds"); });
  EXPECT_THAT(column(y, "time"), ElementsAre(0, 0.5, 1, 0.25));
  EXPECT_THAT(y.qc_summary, HasSubstr("note: times of sst are time and sst_dtime after it"));
  EXPECT_THAT(
      refusal_of([&](auto& file) { write(file, "m"); }),
      HasSubstr("sst_dtime: times after the time, in units that do not convert to the data's: found m, expected "
                "hours"));
}

}  // namespace
}  // namespace sda::test

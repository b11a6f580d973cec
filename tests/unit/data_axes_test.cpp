/// Axes of users' files, from import to observations and analyses. Files are of other shapes than those of any report;
/// fields are latitude and longitude themselves, so that what is read at a place is the place.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cmath>
#include <functional>

#include "core/axis.hpp"
#include "core/torch.hpp"
#include "data/formats/netcdf_file.hpp"
#include "io_examples.hpp"
#include "scratch_folder.hpp"
#include "sda/core/error.hpp"
#include "sda/data/files.hpp"
#include "sda/data/import.hpp"
#include "sda/data/observations.hpp"

namespace sda::test {
namespace {

using io::Attributes;
using io::WritableGroup;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Numbers = std::vector<double>;

Numbers steps(double first, double step, int n) {
  Numbers values;
  for (int i = 0; i < n; ++i) values.push_back(first + step * i);
  return values;
}

/// A coordinate as a file has it.
struct FileAxis {
  std::string name;
  Numbers values;
  std::string units;
  bool is_float32 = false;
};

class AxesOfFilesTest : public testing::Test {
 protected:
  /// A file of `u` and `v`, (time, first, second), the coordinates of each point.
  std::string write(
      const std::string& name, const FileAxis& first, const FileAxis& second,
      const std::function<void(WritableGroup&)>& more = [](auto&) {}, const Attributes& of_u = {}) const {
    io::NetcdfWriter writer(folder_.file(name));
    WritableGroup file = writer.root();
    const auto ny = std::ssize(first.values), nx = std::ssize(second.values);
    file.dimension("time", 3), file.dimension(first.name, ny), file.dimension(second.name, nx);
    file.variable("time", {"time"}, at::arange(3, at::kDouble), {{"units", "hours since 2001-01-01"}});
    for (const auto& axis : {first, second}) {
      if (axis.units.empty()) continue;
      file.variable(axis.name, {axis.name}, at::tensor(axis.values, axis.is_float32 ? at::kFloat : at::kDouble),
                    {{"units", axis.units}});
    }
    const Tensor y = at::tensor(first.values, at::kDouble).unsqueeze(1).expand({ny, nx}),
                 x = at::tensor(second.values, at::kDouble).unsqueeze(0).expand({ny, nx});
    const auto in_time = [](const Tensor& field) {
      return at::stack({field, field + 1, field + 2}).to(at::kFloat).contiguous();
    };
    file.variable("u", {"time", first.name, second.name}, in_time(y), of_u);
    file.variable("v", {"time", first.name, second.name}, in_time(x), of_u);
    more(file);
    writer.commit();
    return folder_.file(name);
  }
  DataParameters parameters(const std::string& name, const std::vector<std::string>& space) const {
    return {.files = {folder_.file(name)}, .variables = {"u", "v"}, .space = space};
  }
  static std::string refusal(const std::function<void()>& work) {
    try {
      work();
    } catch (const Error& error) {
      return error.what();
    }
    return "accepted";
  }
  /// What the first state has where a CSV has its rows: (u or v) of each.
  Tensor at_observations(const UserData& data, const std::string& csv) {
    write_bytes(folder_.file("r.csv"), csv);
    const auto normalisation = Normalisation::identity(data.layout().event);
    ObservationFileParameters parameters;
    parameters.background_check = 0;
    observations_ = read_observations(folder_.file("r.csv"), data.layout(), normalisation, parameters, {});
    Tensor x = data.read(0, 1).to(at::kDouble).narrow(1, 0, observations_.length);
    return observations_.apply(x).flatten();
  }
  Observations observations_;
  ScratchFolder folder_;
};

/// y and x of `n` × `m` points as a turned and bent grid has them.
struct BentGrid {
  std::int64_t n, m;
  double lat(double j, double i) const { return 50 + 1.5 * j - 0.25 * i; }
  double lon(double j, double i) const { return 170 + 4 * i + 0.5 * j; }  // over the date line
  Tensor field(bool is_latitude) const {
    Numbers values;
    for (std::int64_t j = 0; j < n; ++j) {
      for (std::int64_t i = 0; i < m; ++i) {
        const auto y = static_cast<double>(j), x = static_cast<double>(i);
        values.push_back(is_latitude ? lat(y, x) : lon(y, x) > 180 ? lon(y, x) - 360 : lon(y, x));
      }
    }
    return at::tensor(values, at::kDouble).view({n, m});
  }
};

}  // namespace

TEST_F(AxesOfFilesTest, UnequalAndDescendingAxesKeepTheirCoordinates) {
  const std::vector<std::pair<FileAxis, FileAxis>> grids{
      {{"lat", {65.3, 21.1, -21.1, -65.3}, "degrees_north"}, {"lon", steps(0, 60, 6), "degrees_east"}},
      {{"depth", {0, 2, 10, 50, 300}, "m"}, {"lat", {-10, -5, -2, 0, 2, 5, 10}, "degrees_north"}},
      {{"lev", {1000, 925, 850, 700, 500}, "hPa"}, {"x", {3000, 2000, 1000}, "m"}}};
  for (const auto& [first, second] : grids) {
    const UserData data(
        {.files = {write("grid.nc", first, second)}, .variables = {"u", "v"}, .space = {first.name, second.name}});
    const StateLayout& layout = data.layout();
    EXPECT_EQ(layout.coordinates[0].values, first.values);
    EXPECT_EQ(layout.coordinates[1].values, second.values);
    EXPECT_THAT(layout.spacing, IsEmpty());  // not equal on every axis
    // At a quarter of the way from one point to the next, on both axes.
    const double y = 0.75 * first.values[1] + 0.25 * first.values[2],
                 x = 0.75 * second.values[0] + 0.25 * second.values[1];
    const auto row = [&](const std::string& variable) { return fmt::format("0,{},{},{},0,1\n", y, x, variable); };
    const Tensor found = at_observations(
        data, "time," + first.name + "," + second.name + ",variable,value,error\n" + row("u") + row("v"));
    EXPECT_NEAR(found[0].item<double>(), y, 1e-4);
    EXPECT_NEAR(found[1].item<double>(), x, 1e-4);
    // An analysis has them.
    const Ensemble ensemble{layout, data.read(0, 1), 0.0, "SDA"};
    write_ensemble(folder_.file("posterior.nc"), ensemble, {}, {});
    EXPECT_EQ(read_ensemble(folder_.file("posterior.nc")).ensemble.layout.coordinates[0].values, first.values);
    EXPECT_THAT(describe_file(folder_.file("posterior.nc")), HasSubstr("unequal steps"));
  }
}

TEST_F(AxesOfFilesTest, LongitudesHaveNoSeam) {
  const std::vector<Numbers> rings{steps(0, 40, 9), steps(-180, 45, 8), steps(330, -30, 12)};
  for (const auto& lon : rings) {
    const UserData data(
        {.files = {write("ring.nc", {"lat", {-20, 0, 20}, "degrees_north"}, {"lon", lon, "degrees_east"})},
         .variables = {"u", "v"},
         .space = {"lat", "lon"}});
    const double step = std::abs(lon[1] - lon[0]), east = std::max(lon.front(), lon.back()),
                 west = std::min(lon.front(), lon.back());
    std::string csv = "time,lat,lon,variable,value,error\n";
    for (const double turn : {-360.0, 0.0, 360.0})
      csv += fmt::format("{},0,{},v,0,1\n", turn < 0 ? 0 : 1, east + turn + step / 4 + (turn > 0 ? 1e-5 : 0));
    const Tensor found = at_observations(data, csv);
    EXPECT_NEAR(found[0].item<double>(), 0.75 * east + 0.25 * west, 1e-3);
    EXPECT_NEAR(found[1].item<double>(), 0.75 * east + 0.25 * west + 1, 1e-3);
    EXPECT_NEAR(found[2].item<double>(), 0.75 * east + 0.25 * west + 1, 1e-3);
    // And from the file that keeps them.
    write_observations(folder_.file("obs.nc"), observations_, "", {});
    EXPECT_EQ(read_observations(folder_.file("obs.nc")).observations.parts[0].chain, observations_.parts[0].chain);
  }
}

TEST_F(AxesOfFilesTest, RoundingToFloat32IsUndone) {
  const std::vector<std::pair<FileAxis, FileAxis>> grids{
      {{"lat", steps(-0.45, 0.1, 10), "degrees_north", true}, {"lon", steps(0, 0.9, 400), "degrees_east", true}},
      {{"y", steps(4.1e6, 12.5, 9), "m", true}, {"x", steps(-3.3, 0.3, 7), "km", true}},
      {{"lat", steps(59.95, -0.05, 12), "degrees_north", true},
       {"lon", steps(359.01, 0.01, 90), "degrees_east", true}}};
  for (const auto& [first, second] : grids) {
    const UserData data(
        {.files = {write("grid.nc", first, second)}, .variables = {"u", "v"}, .space = {first.name, second.name}});
    const StateLayout& layout = data.layout();
    for (const auto& axis : axes_of(layout)) EXPECT_TRUE(axis.is_regular()) << axis.in_words();
    for (std::size_t i = 0; i < first.values.size(); ++i)
      EXPECT_NEAR(layout.coordinates[0].values[i], first.values[i], 1e-12 * std::abs(first.values[i]));
    EXPECT_EQ(layout.spacing.size(), 2U);
    const std::string csv = fmt::format("time,{},{},variable,value,error\n0,{:.9g},{:.9g},u,0,1\n", first.name,
                                        second.name, first.values[3], second.values[5]);
    at_observations(data, csv);
    for (const double number : observations_.parts[0].chain.back().numbers) EXPECT_EQ(number, std::round(number));
  }
  EXPECT_EQ(
      UserData(
          {.files = {write("grid.nc", grids[0].first, grids[0].second)}, .variables = {"u"}, .space = {"lat", "lon"}})
          .layout()
          .coordinates[0]
          .values[4],
      -0.05);
}

TEST_F(AxesOfFilesTest, AxesThatDoNotSayWhatTheyAreArePlainNumbersAndThatIsSaid) {
  const UserData data({.files = {write("grid.nc", {"lat", {-20, 0, 20}, "1"}, {"lon", steps(0, 90, 4), "degrees"})},
                       .variables = {"u"},
                       .space = {"lat", "lon"}});
  EXPECT_THAT(data.remarks(),
              ElementsAre(HasSubstr("lat in units 1 is taken for plain numbers, as it does not say degrees_north"),
                          HasSubstr("lon in units degrees")));
  EXPECT_FALSE(axes_of(data.layout())[1].is_cyclic());
}

TEST_F(AxesOfFilesTest, FilesMustHaveTheSamePointsToAThousandthOfAStep) {
  const auto agree = [&](const Numbers& other) {
    const std::vector<std::string> files{
        write("a.nc", {"y", {0, 1, 2}, "m"}, {"lon", steps(359, 0.01, 50), "degrees_east"}),
        write("b.nc", {"y", {0, 1, 2}, "m"}, {"lon", other, "degrees_east", true})};
    return refusal([&] { UserData({.files = files, .variables = {"u"}, .space = {"y", "lon"}}); });
  };
  EXPECT_EQ(agree(steps(359, 0.01, 50)), "accepted");
  EXPECT_THAT(agree(steps(359.005, 0.01, 50)), HasSubstr("the coordinates of space differ"));
}

TEST_F(AxesOfFilesTest, CurvilinearGridsAreReadKeptAndUsed) {
  for (const auto& [n, m] : {std::pair<std::int64_t, std::int64_t>{5, 6}, {9, 4}, {3, 12}}) {
    const BentGrid grid{n, m};
    const auto more = [&](WritableGroup& file) {
      file.variable("nav_lat", {"y", "x"}, grid.field(true), {{"units", "degrees_north"}});
      // The other way round, as a file may have it.
      file.variable("nav_lon", {"x", "y"}, grid.field(false).t().contiguous(), {{"units", "degrees_east"}});
    };
    write("bent.nc", {"y", steps(0, 1, static_cast<int>(n)), ""}, {"x", steps(0, 1, static_cast<int>(m)), ""}, more,
          {{"coordinates", "nav_lon nav_lat"}});
    const UserData data(parameters("bent.nc", {"y", "x"}));
    ASSERT_TRUE(data.layout().curvilinear);
    // u = y and v = x: what is read is the place.
    std::string csv = "time,nav_lat,nav_lon,variable,value,error\n";
    const double j = 1.25, i = 2.5;
    for (const std::string variable : {"u", "v"})
      csv += fmt::format("0,{:.12f},{:.12f},{},0,1\n", grid.lat(j, i), grid.lon(j, i), variable);
    const Tensor found = at_observations(data, csv);
    EXPECT_NEAR(found[0].item<double>(), j, 1e-6);
    EXPECT_NEAR(found[1].item<double>(), i, 1e-6);
    // The names that everybody has will do.
    const Tensor same_place =
        at_observations(data, fmt::format("time,lat,lon,variable,value,error\n0,{:.12f},{:.12f},u,0,1\n",
                                          grid.lat(j, i), grid.lon(j, i) - 360));
    EXPECT_NEAR(same_place[0].item<double>(), j, 1e-6);

    const Ensemble ensemble{data.layout(), data.read(0, 1), 0.0, "SDA"};
    write_ensemble(folder_.file("posterior.nc"), ensemble, {}, {});
    const auto kept = read_ensemble(folder_.file("posterior.nc")).ensemble.layout.curvilinear;
    ASSERT_TRUE(kept);
    EXPECT_EQ(kept->latitude.values, data.layout().curvilinear->latitude.values);
    EXPECT_EQ(kept->longitude.values, data.layout().curvilinear->longitude.values);
    EXPECT_THAT(describe_file(folder_.file("posterior.nc")), HasSubstr("curvilinear over y, x: nav_lat from"));
    write_members(folder_.file("posterior.nc"), ensemble, {});
    for (const std::string name : {"posterior.nc", "posterior_0000.nc"}) {
      const io::NetcdfReader reader(folder_.file(name));
      const auto file = reader.root();
      EXPECT_EQ(file.text_of("u", "coordinates"), "nav_lat nav_lon");
      EXPECT_EQ(file.text_of("nav_lat", "units"), "degrees_north");
      EXPECT_EQ(file.dimensions("nav_lat"), (std::vector<std::string>{"y", "x"}));
    }
  }
}

TEST_F(AxesOfFilesTest, ObservationsOnCurvilinearGridsAreRejectedOrRefusedInWords) {
  const BentGrid grid{5, 6};
  const auto more = [&](WritableGroup& file) {
    file.variable("lat", {"y", "x"}, grid.field(true), {{"units", "degrees_north"}});
    file.variable("lon", {"y", "x"}, grid.field(false), {{"units", "degrees_east"}});
  };
  write("bent.nc", {"y", steps(0, 1, 5), ""}, {"x", steps(0, 1, 6), ""}, more);
  const UserData data(parameters("bent.nc", {"y", "x"}));
  at_observations(data, "time,lat,lon,variable,value,error\n0,52,175,u,0,1\n0,-52,175,u,0,1\n");
  EXPECT_THAT(observations_.qc_summary, HasSubstr("1 outside the domain (line 3)"));
  EXPECT_THAT(refusal([&] { at_observations(data, "time,lat,lon,variable,value,error\n0,-52,175,u,0,1\n"); }),
              HasSubstr("expected lat within the curvilinear grid, whose points are from 48.75 to 56 degrees_north"));
  EXPECT_THAT(refusal([&] { at_observations(data, "time,latitudes,lon,variable,value,error\n0,52,175,u,0,1\n"); }),
              HasSubstr("column lat is missing"));
  // The grid's own axes, counted in points.
  const Tensor found = at_observations(data, "time,y,x,variable,value,error\n0,1.5,2,u,0,1\n");
  EXPECT_NEAR(found[0].item<double>(), 1.5, 1e-6);
}

TEST_F(AxesOfFilesTest, CurvilinearGridsThatSayTooLittleOrTooMuch) {
  const BentGrid grid{5, 6};
  const Attributes north{{"units", "degrees_north"}}, east{{"units", "degrees_east"}};
  const FileAxis y{"y", steps(0, 1, 5), ""}, x{"x", steps(0, 1, 6), ""};
  write("two.nc", y, x, [&](WritableGroup& file) {
    for (const std::string point : {"T", "U"}) {
      file.variable(point + "LAT", {"y", "x"}, grid.field(true), north);
      file.variable(point + "LON", {"y", "x"}, grid.field(false), east);
    }
  });
  const UserData two(parameters("two.nc", {"y", "x"}));
  EXPECT_FALSE(two.layout().curvilinear);
  EXPECT_THAT(two.remarks(), ElementsAre(HasSubstr("u could lie at TLAT or ULAT; none is used")));

  write("half.nc", y, x, [&](WritableGroup& file) { file.variable("lat", {"y", "x"}, grid.field(true), north); });
  EXPECT_THAT(refusal([&] { UserData(parameters("half.nc", {"y", "x"})); }), HasSubstr("without longitudes"));

  const auto moving = [&](double by) {
    write("moves.nc", y, x, [&](WritableGroup& file) {
      const Tensor lat = grid.field(true), lon = grid.field(false);
      file.variable("XLAT", {"time", "y", "x"}, at::stack({lat, lat + by, lat + 2 * by}), north);
      file.variable("XLONG", {"time", "y", "x"}, at::stack({lon, lon, lon}), east);
    });
    return refusal([&] { UserData(parameters("moves.nc", {"y", "x"})); });
  };
  EXPECT_EQ(moving(0), "accepted");
  EXPECT_THAT(moving(0.5), HasSubstr("a curvilinear grid that moves in time"));

  write("beyond.nc", y, x, [&](WritableGroup& file) {
    file.variable("lat", {"y", "x"}, grid.field(true) * 2, north);
    file.variable("lon", {"y", "x"}, grid.field(false), east);
  });
  EXPECT_THAT(refusal([&] { UserData(parameters("beyond.nc", {"y", "x"})); }), HasSubstr("a latitude beyond the pole"));
}

}  // namespace sda::test

/// Operators on grids as files have them: unequal, cyclic, descending, rounded and curvilinear. Expected values are
/// those of fields known in closed form, and distances by the haversine formula.
#include <gmock/gmock.h>

#include <cmath>
#include <functional>
#include <numbers>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/core/random.hpp"
#include "sda/observation/operator.hpp"

namespace sda::test {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;
using testing::HasSubstr;
using Chain = std::vector<OperatorLink>;
using Numbers = std::vector<double>;

constexpr double radians = std::numbers::pi / 180;

/// Zeros of the Legendre polynomials of degree 5 and 8, sines of Gaussian latitudes (Abramowitz & Stegun, table 25.4).
const Numbers sines5{0.9061798459, 0.5384693101, 0, -0.5384693101, -0.9061798459};
const Numbers sines8{0.9602898565, 0.7966664774, 0.5255324099, 0.1834346425};

Numbers gauss5() {
  Numbers values;
  for (const double sine : sines5) values.push_back(std::asin(sine) / radians);
  return values;
}
Numbers gauss8() {
  Numbers values;
  for (const double sine : sines8) values.push_back(std::asin(sine) / radians);
  for (auto sine = sines8.rbegin(); sine != sines8.rend(); ++sine) values.push_back(-std::asin(*sine) / radians);
  return values;
}
Numbers steps(double first, double step, int n) {
  Numbers values;
  for (int i = 0; i < n; ++i) values.push_back(first + step * i);
  return values;
}

StateLayout globe(const Numbers& lat, const Numbers& lon) {
  return {.event = {2, std::ssize(lat), std::ssize(lon)},
          .variables = {{"u", "u"}, {"v", "v"}},
          .space_names = {"lat", "lon"},
          .coordinates = {{lat, "degrees_north"}, {lon, "degrees_east"}}};
}

/// The first variable u(lat, lon), the second v = −u.
Tensor field(const StateLayout& layout, const std::function<double(double, double)>& u) {
  Numbers values;
  for (const double y : layout.coordinates[0].values) {
    for (const double x : layout.coordinates[1].values) values.push_back(u(y, x));
  }
  const Tensor first = at::tensor(values, at::kDouble).view(layout.space());
  return at::stack({first, -first}).unsqueeze(0);
}

std::shared_ptr<const ObservationOperator> make(const Chain& chain, const StateLayout& layout) {
  return make_operator(chain, layout, Normalisation::identity(layout.event));
}
Numbers read(const Chain& chain, const StateLayout& layout, const Tensor& x) {
  const Tensor y = make(chain, layout)->read(x).contiguous();
  return {y.data_ptr<double>(), y.data_ptr<double>() + y.numel()};
}
std::string refusal(const Chain& chain, const StateLayout& layout) {
  try {
    make(chain, layout);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}
OperatorLink formula(const std::string& text) {
  return {"expression", {}, {}, text};
}
OperatorLink lat_box(double from, double to) {
  return {"box", {from, to}, {"lat", "lat"}};
}
OperatorLink lon_box(double from, double to) {
  return {"box", {from, to}, {"lon", "lon"}};
}
OperatorLink circle(const std::string& kind, double lat, double lon, double radius) {
  return {kind, {lat, lon, radius}, {"lat", "lon", "radius"}};
}
const OperatorLink first{"select", {0}};

double haversine(double lat_a, double lon_a, double lat_b, double lon_b) {
  const double y = std::sin((lat_b - lat_a) * radians / 2), x = std::sin((lon_b - lon_a) * radians / 2);
  return 2 * std::asin(std::sqrt(y * y + std::cos(lat_a * radians) * std::cos(lat_b * radians) * x * x)) / radians;
}

const auto latitude_of = [](double y, double) { return y; };
const auto longitude_of = [](double, double x) { return x; };

/// Grids of all kinds at once.
std::vector<StateLayout> globes() {
  return {globe(gauss5(), steps(0, 40, 9)), globe(gauss8(), steps(-180, 60, 6)),
          globe({60, 20, -20}, steps(350, -70, 4)), globe({-85, -40, 0, 3, 50}, {10, 20, 70, 75})};
}

/// vᵀ ∂A/∂x by the operator's own VJP, against the linear map itself.
void expect_adjoint(const Chain& chain, const StateLayout& layout) {
  const auto op = make(chain, layout);
  const Tensor x = normal(prepend({1}, layout.event), {.seed = 1}, at::kDouble), y = op->read(x);
  const Tensor v = normal(y.sizes(), {.seed = 2}, at::kDouble);
  EXPECT_NEAR((y * v).sum().item<double>(), (x * op->vjp(x, v)).sum().item<double>(), 1e-12);
}

}  // namespace

TEST(AxesOfOperators, BoxesOfUnequalAndDescendingLatitudes) {
  for (const auto& layout : globes()) {
    const Tensor y = make({first, lat_box(-30, 30)}, layout)->read(field(layout, latitude_of));
    Numbers expected;
    for (const double lat : layout.coordinates[0].values) {
      if (std::abs(lat) <= 30) expected.push_back(lat);
    }
    ASSERT_EQ(y.size(2), std::ssize(expected));
    for (std::int64_t i = 0; i < y.size(2); ++i)
      EXPECT_EQ(y[0][0][i][0].item<double>(), expected[static_cast<std::size_t>(i)]);
    expect_adjoint({first, lat_box(-30, 30)}, layout);
  }
}

TEST(AxesOfOperators, BoxesOverTheSeamOfLongitudes) {
  const auto ring = globe({0, 10}, steps(0, 30, 12)), west = globe({5, 0}, steps(-180, 90, 4)),
             back = globe({0, 1, 3}, steps(315, -45, 8));
  EXPECT_THAT(read({first, lat_box(0, 0), lon_box(-40, 40)}, ring, field(ring, longitude_of)), ElementsAre(330, 0, 30));
  EXPECT_THAT(read({first, lat_box(0, 0), lon_box(300, 30)}, ring, field(ring, longitude_of)),
              ElementsAre(300, 330, 0, 30));
  EXPECT_THAT(read({first, lat_box(0, 0), lon_box(170, 280)}, west, field(west, longitude_of)), ElementsAre(-180, -90));
  EXPECT_THAT(read({first, lat_box(0, 0), lon_box(-50, 10)}, back, field(back, longitude_of)), ElementsAre(0, 315));
  EXPECT_EQ(read({first, {"outside_box", {-40, 40}, {"lon", "lon"}}}, ring, field(ring, longitude_of)).size(), 18U);
  for (const auto& layout : {ring, west, back}) expect_adjoint({lon_box(300, 30)}, layout);
  const Chain within{lon_box(-40, 40), lon_box(-5, 35), {"grid_every", {1, 2}}, first, lat_box(0, 0)};
  EXPECT_THAT(read(within, ring, field(ring, longitude_of)), ElementsAre(0));
}

TEST(AxesOfOperators, CirclesAreOnTheSphere) {
  for (const auto& layout : globes()) {
    for (const auto& [lat, lon, radius] :
         {std::tuple{40.0, 90.0, 30.0}, {75.0, 0.0, 40.0}, {-5.0, 359.0, 65.0}, {0.0, -170.0, 94.0}}) {
      Numbers inside, outside;
      for (const double y : layout.coordinates[0].values) {
        for (const double x : layout.coordinates[1].values)
          (haversine(lat, lon, y, x) <= radius ? inside : outside).push_back(1000 * y + x);
      }
      const Tensor u = field(layout, [](double y, double x) { return 1000 * y + x; });
      const Chain within{first, circle("circle", lat, lon, radius)};
      if (inside.empty()) {
        EXPECT_THAT(refusal(within, layout), HasSubstr("no point of the grid is left to read"));
      } else {
        EXPECT_EQ(read(within, layout, u), inside);
      }
      EXPECT_EQ(read({first, circle("outside_circle", lat, lon, radius)}, layout, u), outside);
    }
  }
  // A circle that a point lies on: 20° of latitude.
  const auto even = globe({70, 50, 30, 10, -10}, steps(0, 45, 8));
  EXPECT_THAT(read({first, circle("circle", 30, 90, 20)}, even, field(even, latitude_of)), ElementsAre(50, 30, 10));
}

TEST(AxesOfOperators, CirclesOfOtherAxesAreInTheirCoordinates) {
  StateLayout layout{.event = {1, 4, 3},
                     .variables = {{"u", "u"}},
                     .space_names = {"z", "x"},
                     .coordinates = {{{0, 10, 30, 70}, "m"}, {{0, 5, 20}, "m"}}};
  const Tensor x = at::arange(12, at::kDouble).view({1, 1, 4, 3});
  EXPECT_THAT(read({{"circle", {10, 5, 15}, {"z", "x", "radius"}}}, layout, x), ElementsAre(0, 1, 3, 4, 5));
}

TEST(AxesOfOperators, DerivativesHaveTrueStepsAndSigns) {
  const auto plane = [](double y, double x) { return 0.5 * y + 0.25 * x; };
  for (const auto& layout : {globe(gauss5(), steps(-20, 10, 4)), globe(gauss8(), {10, 20, 70, 75}),
                             globe({60, 20, -20}, steps(350, -7, 5)), globe({-85, -40, 0, 3, 50}, steps(100, 1, 3))}) {
    for (const double d : read({formula("grad_lat(u)")}, layout, field(layout, plane))) EXPECT_NEAR(d, 0.5, 1e-10);
    for (const double d : read({formula("grad_lon(u)")}, layout, field(layout, plane))) EXPECT_NEAR(d, 0.25, 1e-10);
    // v = −u: curl = ∂v/∂lon − ∂u/∂lat, div = ∂u/∂lon + ∂v/∂lat, per degree.
    for (const double d : read({formula("curl(u, v)")}, layout, field(layout, plane))) EXPECT_NEAR(d, -0.75, 1e-10);
    for (const double d : read({formula("div(u, v)")}, layout, field(layout, plane))) EXPECT_NEAR(d, -0.25, 1e-10);
    for (const double d : read({{"vorticity", {}}}, layout, field(layout, plane))) EXPECT_NEAR(d, -0.75, 1e-10);
    expect_adjoint({{"vorticity", {}}}, layout);
    expect_adjoint({formula("div(u, v)")}, layout);
  }
}

TEST(AxesOfOperators, DerivativesRoundTheGlobe) {
  const auto wave = [](double, double x) { return std::sin(radians * x); };
  for (const auto& [lon, h] :
       {std::pair{steps(0, 40, 9), 40.0}, {steps(-180, 60, 6), 60.0}, {steps(315, -45, 8), 45.0}}) {
    const auto layout = globe(gauss5(), lon);
    const auto d = read({formula("grad_lon(u)"), lat_box(-1, 1)}, layout, field(layout, wave));
    for (std::size_t i = 0; i < d.size(); ++i)
      EXPECT_NEAR(d[i], std::cos(radians * lon[i]) * std::sin(radians * h) / h, 1e-12);
    expect_adjoint({{"vorticity", {}}}, layout);
  }
}

TEST(AxesOfOperators, XIsTheAxisOfLongitudesWhereverItStands) {
  const auto lat = gauss5(), lon = steps(10, 5, 4);
  StateLayout turned{.event = {2, 4, 5},
                     .variables = {{"u", "u"}, {"v", "v"}},
                     .space_names = {"lon", "lat"},
                     .coordinates = {{lon, "degrees_east"}, {lat, "degrees_north"}}};
  const Tensor u = field(globe(lat, lon), [](double y, double x) { return 3 * y + x; }).transpose(-1, -2).contiguous();
  for (const double d : read({formula("curl(u, v)")}, turned, u)) EXPECT_NEAR(d, -1 - 3, 1e-10);
  for (const double d : read({{"vorticity", {}}}, turned, u)) EXPECT_NEAR(d, -1 - 3, 1e-10);
}

TEST(AxesOfOperators, MeansWeighByTheAreasOfCells) {
  // Equal steps of latitude: cos φ.
  const auto even = globe({60, 20, -20, -60}, steps(0, 90, 4));
  double sum = 0, of = 0;
  for (const double lat : {60, 20, -20, -60}) sum += std::cos(radians * lat) * (lat + 1), of += std::cos(radians * lat);
  const auto u = [](double y, double) { return y + 1; };
  EXPECT_THAT(read({first, {"mean", {}}}, even, field(even, u)), ElementsAre(DoubleNear(sum / of, 1e-12)));
  EXPECT_THAT(read({formula("mean(u)")}, even, field(even, u)), ElementsAre(DoubleNear(sum / of, 1e-12)));
  // Of a box the cells that are left: 60 and 20.
  const double a = std::cos(radians * 60), b = std::cos(radians * 20);
  EXPECT_THAT(read({first, lat_box(0, 70), {"mean", {}}}, even, field(even, u)),
              ElementsAre(DoubleNear((a * 61 + b * 21) / (a + b), 1e-12)));
  // Of scattered points the same: 60 and 20 north on one meridian.
  EXPECT_THAT(read({first, circle("circle", 40, 90, 21), {"mean", {}}}, even, field(even, u)),
              ElementsAre(DoubleNear((a * 61 + b * 21) / (a + b), 1e-12)));
  // Blocks, and the mean of blocks.
  const auto blocks = read({first, {"coarsen", {2, 4}}}, even, field(even, u));
  EXPECT_THAT(blocks, ElementsAre(DoubleNear((a * 61 + b * 21) / (a + b), 1e-12),
                                  DoubleNear((b * -19 + a * -59) / (a + b), 1e-12)));
  EXPECT_THAT(read({first, {"coarsen", {2, 4}}, {"mean", {}}}, even, field(even, u)),
              ElementsAre(DoubleNear(sum / of, 1e-12)));
  for (const auto& layout : globes()) {
    expect_adjoint({{"mean", {}}}, layout);
    // A constant is its own mean, whatever the weights.
    EXPECT_THAT(read({first, {"mean", {}}}, layout, field(layout, [](double, double) { return 7.0; })),
                ElementsAre(DoubleNear(7, 1e-12)));
  }
  expect_adjoint({{"coarsen", {2}}}, even);
}

TEST(AxesOfOperators, MeansOfUnequalStepsWeighByWidth) {
  StateLayout layout{
      .event = {1, 4}, .variables = {{"u", "u"}}, .space_names = {"z"}, .coordinates = {{{0, 1, 3, 7}, "m"}}};
  layout.variables.front().name = "u";
  const Tensor x = at::tensor({1.0, 2.0, 3.0, 4.0}, at::kDouble).view({1, 1, 4});
  EXPECT_THAT(read({{"mean", {}}}, layout, x), ElementsAre(DoubleNear((1 + 2 * 1.5 + 3 * 3 + 4 * 4) / 9.5, 1e-12)));
  layout.coordinates[0].values = {0, 1, 2, 3};
  EXPECT_THAT(read({{"mean", {}}}, layout, x), ElementsAre(2.5));
}

TEST(AxesOfOperators, PointsBetweenTheLastAndTheFirst) {
  for (const auto& lon : {steps(0, 30, 12), steps(-180, 90, 4), steps(315, -45, 8)}) {
    const auto layout = globe({0, 10}, lon);
    const double last = static_cast<double>(lon.size()) - 0.75;
    const Chain chain{{"points", {0, last, 0}, {"lat", "lon", "variable"}}};
    const Tensor x = field(layout, [](double, double l) { return l * l; });
    EXPECT_THAT(read(chain, layout, x),
                ElementsAre(DoubleNear(0.75 * lon.back() * lon.back() + 0.25 * lon[0] * lon[0], 1e-9)));
    expect_adjoint(chain, layout);
    EXPECT_THAT(refusal({{"points", {0, static_cast<double>(lon.size()), 0}, {"lat", "lon", "variable"}}}, layout),
                HasSubstr("a point is not on the grid"));
  }
  EXPECT_THAT(refusal({{"points", {0, 3.25, 0}, {"lat", "lon", "variable"}}}, globe({0, 10}, steps(0, 10, 4))),
              HasSubstr("expected 0 … 3"));
}

TEST(AxesOfOperators, CurvilinearGridsByLatitudeAndLongitude) {
  // lat = 40 + 2 j + i / 2, lon = 350 + 3 i − j.
  CurvilinearGrid grid{.latitude = {.units = "degrees_north"}, .longitude = {.units = "degrees_east"}};
  Numbers inside, outside, box;
  for (int j = 0; j < 4; ++j) {
    for (int i = 0; i < 5; ++i) {
      grid.latitude.values.push_back(40 + 2.0 * j + 0.5 * i);
      grid.longitude.values.push_back(350 + 3.0 * i - j);
      const double lat = grid.latitude.values.back(), lon = grid.longitude.values.back() - 360;
      (haversine(44, -5, lat, lon) <= 3.5 ? inside : outside).push_back(5.0 * j + i);
      if (lat >= 42 && lat <= 45 && lon >= -8 && lon <= 1) box.push_back(5.0 * j + i);
    }
  }
  const StateLayout layout{
      .event = {1, 4, 5}, .variables = {{"u", "u"}}, .space_names = {"y", "x"}, .curvilinear = grid};
  const Tensor x = at::arange(20, at::kDouble).view({1, 1, 4, 5});
  EXPECT_EQ(read({circle("circle", 44, -5, 3.5)}, layout, x), inside);
  EXPECT_EQ(read({circle("outside_circle", 44, 355, 3.5)}, layout, x), outside);
  EXPECT_EQ(read({{"box", {42, 45, -8, 1}, {"lat", "lat", "lon", "lon"}}}, layout, x), box);
  EXPECT_THAT(refusal({circle("circle", 44, -5, 3.5), circle("circle", 44, -5, 3.5)}, layout),
              HasSubstr("no grid any more"));
  EXPECT_THAT(refusal({{"box", {0, 1}, {"z", "z"}}}, layout),
              HasSubstr("no such axis of space: found z, expected y, x, lat, lon"));
}

TEST(AxesOfOperators, CoordinatesInNoOrderAreRefusedWhereNeighboursMatter) {
  StateLayout layout{
      .event = {1, 4}, .variables = {{"u", "u"}}, .space_names = {"station"}, .coordinates = {{{7, 3, 9, 5}, "1"}}};
  EXPECT_THAT(refusal({formula("grad_station(u)")}, layout), HasSubstr("coordinates in no order"));
  const Tensor x = at::arange(4, at::kDouble).view({1, 1, 4});
  EXPECT_THAT(read({{"box", {5, 9}, {"station", "station"}}}, layout, x), ElementsAre(0, 2, 3));
}

}  // namespace sda::test

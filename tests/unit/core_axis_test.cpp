/// Axes of files of other shapes: order, steps, ends, places, cells and derivatives, worked out by hand.
#include "core/axis.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <numbers>
#include <numeric>

#include "core/curvilinear.hpp"
#include "core/differences.hpp"
#include "sda/core/error.hpp"

namespace sda::test {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Numbers = std::vector<double>;

constexpr double radians = std::numbers::pi / 180;

Axis axis(const Numbers& values, const std::string& units, const std::string& standard_name = "") {
  return {"a", Coordinate{.values = values, .units = units, .standard_name = standard_name}};
}
Axis lat(const Numbers& values) {
  return axis(values, "degrees_north");
}
Axis lon(const Numbers& values) {
  return axis(values, "degrees_east");
}
Numbers steps(double first, double step, int n) {
  Numbers values;
  for (int i = 0; i < n; ++i) values.push_back(first + step * i);
  return values;
}
/// As a file of float32 holds them.
Numbers as_float32(Numbers values) {
  for (double& value : values) value = static_cast<float>(value);
  return values;
}
/// Latitudes at the zeros of the Legendre polynomial of degree 4 and 6, to 10 digits (Abramowitz & Stegun, table 25.4).
const Numbers gauss4{std::asin(0.8611363116) / radians, std::asin(0.3399810436) / radians,
                     -std::asin(0.3399810436) / radians, -std::asin(0.8611363116) / radians};
const Numbers gauss6{-std::asin(0.9324695142) / radians, -std::asin(0.6612093865) / radians,
                     -std::asin(0.2386191861) / radians, std::asin(0.2386191861) / radians,
                     std::asin(0.6612093865) / radians,  std::asin(0.9324695142) / radians};
const Numbers stretched{0, 1, 3, 7, 15, 31};

Numbers derivative(const Axis& axis, const std::function<double(double)>& f) {
  Numbers values;
  for (const double x : axis.points()) values.push_back(f(x));
  const Tensor d = AxisDerivative(axis)(at::tensor(values, at::kDouble).unsqueeze(0), -1).contiguous();
  return {d.data_ptr<double>(), d.data_ptr<double>() + d.numel()};
}

}  // namespace

TEST(Axis, KindIsByUnitsAndNotByNames) {
  EXPECT_EQ(lat({0, 1}).kind(), AxisKind::latitude);
  EXPECT_EQ(axis({0, 1}, "degree_E").kind(), AxisKind::longitude);
  EXPECT_EQ(axis({0, 1}, "radians", "longitude").kind(), AxisKind::longitude);
  EXPECT_EQ(axis({0, 1}, "degrees", "latitude").kind(), AxisKind::latitude);
  EXPECT_EQ(axis({0, 1}, "degrees", "grid_longitude").kind(), AxisKind::plain);
  EXPECT_EQ(axis({0, 1}, "1", "latitude").kind(), AxisKind::plain);
  EXPECT_EQ((Axis{"lat", Coordinate{.values = {0, 1}}}).kind(), AxisKind::plain);
}

TEST(Axis, UnequalStepsKeepTheirPlaces) {
  for (const auto& given : {lat(gauss4), lat(gauss6), axis(stretched, "m", "depth")}) {
    EXPECT_FALSE(given.is_regular());
    EXPECT_TRUE(given.is_ordered());
    for (std::size_t i = 1; i < given.points().size(); ++i) {
      const double a = given.points()[i - 1], b = given.points()[i];
      EXPECT_THAT(*given.place_of(a + 0.25 * (b - a)), DoubleNear(static_cast<double>(i) - 0.75, 1e-9));
    }
  }
  EXPECT_EQ(axis(stretched, "m").place_of(23), 4.5);
  EXPECT_EQ(axis(stretched, "m").place_of(38), 5);  // half of the last step, 16, beyond
  EXPECT_EQ(axis(stretched, "m").place_of(39.5), std::nullopt);
  EXPECT_EQ(axis(stretched, "m").place_of(-0.5), 0);
  EXPECT_EQ(axis(stretched, "m").place_of(-0.6), std::nullopt);
}

TEST(Axis, LongitudesRoundTheGlobeHaveNoSeam) {
  const Axis ring = lon(steps(0, 30, 12)), half = lon(steps(-180, 0.5, 720)), descending = lon(steps(315, -45, 8));
  for (const auto& one :
       {ring, half, descending, lon({0, 110, 230}), axis(steps(0, std::numbers::pi / 4, 8), "rad", "longitude")})
    EXPECT_TRUE(one.is_cyclic()) << one.in_words();
  EXPECT_EQ(ring.place_of(345), 11.5);
  EXPECT_EQ(ring.place_of(-15), 11.5);
  EXPECT_EQ(ring.place_of(360), 0);
  EXPECT_EQ(ring.place_of(359.99999999), 0);
  EXPECT_THAT(*ring.place_of(359.9), DoubleNear(11 + 29.9 / 30, 1e-12));
  EXPECT_EQ(half.place_of(179.75), 719.5);
  EXPECT_EQ(half.place_of(540), 0);
  EXPECT_EQ(descending.place_of(337.5), 7.5);  // between the last, 0 = 360, and the first, 315
  EXPECT_EQ(descending.place_of(330), 7 + 2.0 / 3);
  EXPECT_EQ(lon({0, 110, 230}).place_of(295), 2.5);  // 65 of the 130 degrees from 230 to 360
  EXPECT_THAT(ring.domain(), HasSubstr("all round the globe"));
}

TEST(Axis, CoordinatesOfPlaces) {
  EXPECT_EQ(lon(steps(0, 30, 12)).coordinate_at(11.5), 345);  // between the last and the first
  EXPECT_EQ(lon(steps(330, -30, 12)).coordinate_at(11.5), -15);
  EXPECT_EQ(axis(stretched, "m").coordinate_at(3.25), 7 + 0.25 * 8);
  EXPECT_EQ(axis(stretched, "m").coordinate_at(5), 31);
  EXPECT_DOUBLE_EQ(lat(gauss4).coordinate_at(*lat(gauss4).place_of(10)), 10);  // there and back, rounded twice
}

TEST(Axis, LongitudesThatDoNotCloseHaveEnds) {
  const Axis region = lon(steps(-10, 10, 5)), repeated = lon(steps(0, 90, 5)), one_missing = lon(steps(0, 30, 11));
  for (const auto& one : {region, repeated, one_missing}) EXPECT_FALSE(one.is_cyclic()) << one.in_words();
  EXPECT_EQ(region.place_of(355), 0.5);  // −5
  EXPECT_EQ(region.place_of(375), 2.5);
  EXPECT_EQ(region.place_of(100), std::nullopt);
  EXPECT_EQ(region.place_of(-15), 0);
  EXPECT_EQ(repeated.place_of(-45), 3.5);  // 315, between 270 and 360
  EXPECT_EQ(repeated.place_of(405), 0.5);
  EXPECT_EQ(one_missing.place_of(314), 10);
  EXPECT_EQ(one_missing.place_of(316), std::nullopt);
  EXPECT_EQ(one_missing.place_of(346), 0);
  EXPECT_EQ(axis(steps(0, 30, 12), "km").ends(), AxisEnds::assumed);
  EXPECT_EQ(axis(steps(0, 30, 12), "km").place_of(345.1), std::nullopt);
}

TEST(Axis, LongitudesThatJumpGoOn) {
  const Axis jumping = lon({0, 90, 180, -90}), region = lon({170, 175, 180, -175, -170}), back = lon({10, 0, 350, 340});
  EXPECT_TRUE(jumping.is_cyclic());
  EXPECT_EQ(jumping.place_of(315), 3.5);
  EXPECT_TRUE(region.is_regular());
  EXPECT_EQ(region.place_of(-177.5), 2.5);
  EXPECT_EQ(region.place_of(182.5), 2.5);
  EXPECT_TRUE(back.descends());
  EXPECT_EQ(back.place_of(-5), 1.5);
}

TEST(Axis, DescendingCoordinatesKeepTheirOrder) {
  const Axis north = lat({60, 20, -20}), levels = axis({1000, 850, 500, 100}, "hPa"), x = axis({3, 2, 1, 0}, "km");
  EXPECT_EQ(north.place_of(40), 0.5);
  EXPECT_EQ(north.place_of(-40), 2);
  EXPECT_EQ(levels.place_of(925), 0.5);
  EXPECT_EQ(levels.place_of(300), 2.5);
  EXPECT_EQ(x.spacing(), -1);
  EXPECT_THAT(x.points_between(0.5, 2), ElementsAre(1, 2));
  EXPECT_THAT(levels.points_between(500, 850), ElementsAre(1, 2));
  EXPECT_EQ(levels.ends(), AxisEnds::apart);
  EXPECT_EQ(x.ends(), AxisEnds::assumed);
}

TEST(Axis, RoundingToFloat32LeavesStepsEqual) {
  const Numbers fine = steps(0, 0.01, 36000), map = steps(5.0e6, 12.5, 400), quarter = steps(89.875, -0.1, 1798);
  for (const auto& values : {fine, map, quarter}) {
    const Axis rounded = axis(as_float32(values), "m");
    EXPECT_TRUE(rounded.is_regular()) << rounded.in_words();
    for (std::size_t i = 0; i < values.size(); i += 17) EXPECT_EQ(*rounded.place_of(values[i]), static_cast<double>(i));
  }
  EXPECT_TRUE(lon(as_float32(fine)).is_cyclic());
  EXPECT_FALSE(axis({2450000, 2450000.01, 2450000.03}, "days").is_regular());  // float64, in which this is no rounding
  EXPECT_THAT(axis(as_float32(steps(0, 0.1, 11)), "m").points_between(0.3, 0.7), ElementsAre(3, 4, 5, 6, 7));
}

TEST(Axis, CoordinatesInNoOrderHaveNoPlaces) {
  for (const auto& one : {axis({1, 3, 2}, "m"), axis({1, 1, 2}, "m"), lat({0, 10, 5, 20})}) {
    EXPECT_FALSE(one.is_ordered());
    EXPECT_THROW(static_cast<void>(one.place_of(1.5)), UnsupportedError);
    EXPECT_THROW(AxisDerivative{one}, UnsupportedError);
    EXPECT_THAT(one.cell_sizes(), IsEmpty());
  }
  EXPECT_THAT(axis({1, 3, 2}, "m").points_between(2, 3), ElementsAre(1, 2));
}

TEST(Axis, PointsBetweenGoEastwards) {
  const Axis ring = lon(steps(0, 30, 12)), half = lon(steps(-180, 45, 8));
  EXPECT_THAT(ring.points_between(-30, 30), ElementsAre(11, 0, 1));
  EXPECT_THAT(ring.points_between(330, 30), ElementsAre(11, 0, 1));
  EXPECT_THAT(ring.points_between(30, 100), ElementsAre(1, 2, 3));
  EXPECT_EQ(ring.points_between(0, 360).size(), 12U);
  EXPECT_EQ(ring.points_between(-180, 180).size(), 12U);
  EXPECT_THAT(half.points_between(170, 230), ElementsAre(0, 1));
  EXPECT_THAT(half.points_between(90, 200), ElementsAre(6, 7, 0));
  EXPECT_THAT(lon(steps(200, 10, 5)).points_between(-150, -130), ElementsAre(1, 2, 3));
  const Axis picked = ring.picked(ring.points_between(-30, 30), false);
  EXPECT_TRUE(picked.is_regular());
  EXPECT_FALSE(picked.is_cyclic());
  EXPECT_EQ(picked.place_of(15), 1.5);
  EXPECT_THAT(ring.offsets_from(350), testing::Contains(DoubleNear(10, 1e-12)));
}

TEST(Axis, LatitudesWeighAsTheirZones) {
  // Equal steps: 2 cos φ sin(h / 2).
  const auto sizes = lat({-60, -20, 20, 60}).cell_sizes();
  for (std::size_t i = 0; i < 4; ++i)
    EXPECT_NEAR(sizes[i], 2 * std::cos(radians * (40.0 * static_cast<double>(i) - 60)) * std::sin(radians * 20), 1e-12);
  // From pole to pole: the caps reach half a step.
  const auto caps = lat({90, 45, 0, -45, -90}).cell_sizes();
  EXPECT_NEAR(caps[0], 1 - std::sin(radians * 67.5), 1e-12);
  EXPECT_NEAR(std::accumulate(caps.begin(), caps.end(), 0.0), 2, 1e-12);
  // Gaussian latitudes, sin φ known: the zone between midpoints.
  const auto gauss = lat(gauss6).cell_sizes();
  EXPECT_NEAR(gauss[2], std::sin((std::asin(0.6612093865) - std::asin(0.2386191861)) / 2 + std::asin(0.2386191861)),
              1e-12);
  EXPECT_NEAR(gauss[2], gauss[3], 1e-12);
}

TEST(Axis, UnequalCellsWeighAsTheirWidths) {
  EXPECT_THAT(axis({0, 1, 3, 7}, "m").cell_sizes(), ElementsAre(1, 1.5, 3, 4));
  EXPECT_THAT(axis(steps(0, 0.1, 20), "m").cell_sizes(), IsEmpty());
  EXPECT_THAT(lon(steps(0, 30, 12)).cell_sizes(), IsEmpty());
  EXPECT_THAT(lon(steps(0, 90, 5)).cell_sizes(), ElementsAre(45, 90, 90, 90, 45));  // 0 and 360 are one
  EXPECT_THAT(lon({0, 110, 230}).cell_sizes(), ElementsAre(120, 115, 125));
}

TEST(AxisDerivative, OfLinesAndParabolasIsExact) {
  const auto line = [](double x) { return 0.5 * x - 3; };
  const auto parabola = [](double x) { return x * x; };
  for (const auto& one : {lat(gauss4), lat(gauss6), axis(stretched, "m"), lat({70, 50, 30, 10}), lon(steps(-10, 5, 6)),
                          axis({1000, 900, 800, 700}, "hPa"), axis(steps(0, 500, 5), "m", "projection_x_coordinate")}) {
    EXPECT_EQ(one.ends(), AxisEnds::apart) << one.in_words();
    for (const double d : derivative(one, line)) EXPECT_NEAR(d, 0.5, 1e-10) << one.in_words();
    const auto d = derivative(one, parabola);
    for (std::size_t i = 0; i < d.size(); ++i) EXPECT_NEAR(d[i], 2 * one.points()[i], 1e-8) << one.in_words();
  }
}

TEST(AxisDerivative, RoundARingKnowsItsNeighbours) {
  const auto wave = [](double x) { return std::sin(radians * x); };
  // Central differences of sin: cos(x) sin(h) / h, at the ends too.
  for (const auto& one :
       {lon(steps(0, 30, 12)), lon(steps(180, -45, 8)), lon({0, 90, 180, -90}), axis(steps(0, 45, 8), "1")}) {
    const double h = one.spacing() * radians;
    const auto d = derivative(one, wave);
    for (std::size_t i = 0; i < d.size(); ++i) {
      EXPECT_NEAR(d[i], radians * std::cos(radians * one.points()[i]) * std::sin(h) / h, 1e-12) << one.in_words();
    }
  }
  // Unequal steps: at 0 the slope of the parabola through the points at 230 − 360, 0 and 110, by Lagrange.
  const auto d = derivative(lon({0, 110, 230}), [](double x) { return x; });
  EXPECT_NEAR(d[0], -110.0 / (130 * 240) * 230 + 130.0 / (240 * 110) * 110, 1e-12);
}

TEST(AxisDerivative, TransposeIsTheAdjoint) {
  for (const auto& one : {lat(gauss6), lon(steps(0, 60, 6)), lon({0, 50, 130, 180, 250, 300}), axis(stretched, "m")}) {
    const AxisDerivative d(one);
    const Tensor f = at::arange(2 * 6, at::kDouble).sin().view({2, 6, 1}),
                 v = at::arange(2 * 6, at::kDouble).cos().view({2, 6, 1});
    EXPECT_NEAR((d(f, 1) * v).sum().item<double>(), (f * d.transposed(v, 1)).sum().item<double>(), 1e-12);
  }
}

namespace {

/// y × x points at latitude(j, i) and longitude(j, i).
StateLayout curved(std::int64_t ny, std::int64_t nx, const std::function<double(double, double)>& latitude,
                   const std::function<double(double, double)>& longitude) {
  CurvilinearGrid grid{.latitude = {.units = "degrees_north"}, .longitude = {.units = "degrees_east"}};
  for (std::int64_t j = 0; j < ny; ++j) {
    for (std::int64_t i = 0; i < nx; ++i) {
      grid.latitude.values.push_back(latitude(static_cast<double>(j), static_cast<double>(i)));
      grid.longitude.values.push_back(longitude(static_cast<double>(j), static_cast<double>(i)));
    }
  }
  return {.event = {1, ny, nx}, .variables = {{"u", "u"}}, .space_names = {"y", "x"}, .curvilinear = grid};
}

void expect_place(const StateLayout& layout, double latitude, double longitude, double y, double x) {
  const auto place = CurvilinearPlaces(layout).place_of(latitude, longitude);
  ASSERT_TRUE(place) << latitude << " " << longitude;
  EXPECT_NEAR((*place)[0], y, 1e-9);
  EXPECT_NEAR((*place)[1], x, 1e-9);
}

}  // namespace

TEST(CurvilinearPlaces, OfASkewGrid) {
  const auto latitude = [](double j, double i) { return 40 + 2 * j + 0.5 * i; };
  const auto longitude = [](double j, double i) { return 350 + 3 * i - j; };  // across the meridian of Greenwich
  const auto layout = curved(5, 8, latitude, longitude);
  expect_place(layout, 40, -10, 0, 0);
  expect_place(layout, 46.5, 350, 3, 1);
  for (const auto& [j, i] : {std::pair{1.5, 2.25}, std::pair{3.75, 6.5}, std::pair{0.0, 0.5}})
    expect_place(layout, latitude(j, i), longitude(j, i) - 360, j, i);
  EXPECT_FALSE(CurvilinearPlaces(layout).place_of(0, 0));
  EXPECT_FALSE(CurvilinearPlaces(layout).place_of(46.5, 170));
  expect_place(layout, latitude(-0.25, 3), longitude(-0.25, 3), 0, 3);  // a quarter of a cell outside
  EXPECT_FALSE(CurvilinearPlaces(layout).place_of(latitude(-0.75, 3), longitude(-0.75, 3)));
}

TEST(CurvilinearPlaces, OfAGridTurnedAndDescending) {
  // x goes north and y west: rows and columns of latitudes and longitudes change places.
  const auto latitude = [](double, double i) { return -30 + 5 * i; };
  const auto longitude = [](double j, double) { return 185 - 4 * j; };
  const auto layout = curved(6, 4, latitude, longitude);
  expect_place(layout, -22.5, 179, 1.5, 1.5);
  expect_place(layout, -22.5, -177, 0.5, 1.5);
  expect_place(layout, -15, 165, 5, 3);
}

TEST(CurvilinearPlaces, OfACapOverThePole) {
  // A polar stereographic square, the pole at (3.5, 3.5): a point's place is its plane coordinate.
  const auto radius = [](double latitude) { return 100 * std::tan(radians * (90 - latitude) / 2); };
  const auto latitude = [](double j, double i) {
    return 90 - 2 * std::atan(std::hypot(j - 3.5, i - 3.5) / 100) / radians;
  };
  const auto longitude = [](double j, double i) { return std::atan2(j - 3.5, i - 3.5) / radians; };
  const auto layout = curved(8, 8, latitude, longitude);
  const auto pole = CurvilinearPlaces(layout).place_of(90, 17);
  ASSERT_TRUE(pole);
  EXPECT_NEAR((*pole)[0], 3.5, 1e-3);
  EXPECT_NEAR((*pole)[1], 3.5, 1e-3);
  for (const double angle : {10.0, 100.0, 190.0, 280.0}) {
    const auto place = CurvilinearPlaces(layout).place_of(88.5, angle);
    ASSERT_TRUE(place);
    EXPECT_NEAR((*place)[0], 3.5 + radius(88.5) * std::sin(radians * angle), 0.02);
    EXPECT_NEAR((*place)[1], 3.5 + radius(88.5) * std::cos(radians * angle), 0.02);
  }
}

TEST(CurvilinearPlaces, AGridRoundTheGlobeHasNoSeam) {
  const auto latitude = [](double j, double i) { return -40 + 10 * j + std::sin(i * 36 * radians); };
  const auto longitude = [](double, double i) { return 36 * i + 73; };
  const auto layout = curved(9, 10, latitude, longitude);
  EXPECT_THAT(curvilinear_closes(layout), ElementsAre(1));
  expect_place(layout, (latitude(2, 9) + latitude(2, 0)) / 2, 73 - 18, 2, 9.5);
  EXPECT_TRUE(axes_of(layout)[1].is_cyclic());
  EXPECT_FALSE(axes_of(layout)[0].is_cyclic());
}

TEST(CurvilinearPlaces, PointsWithoutAPlaceHaveNoCells) {
  auto layout = curved(
      5, 5, [](double j, double) { return j; }, [](double, double i) { return i; });
  layout.curvilinear->latitude.values[12] = std::nan("");
  EXPECT_FALSE(CurvilinearPlaces(layout).place_of(1.5, 1.5));
  expect_place(layout, 3.5, 3.5, 3.5, 3.5);
  EXPECT_EQ(cell_areas(layout).lt(1e-12).nonzero().size(0), 1);
  EXPECT_EQ(cell_areas(layout)[2][2].item<double>(), 0);
}

TEST(CurvilinearAreas, AreThoseOfTheSphere) {
  const auto layout = curved(
      60, 20, [](double j, double) { return -59 + 2 * j; }, [](double, double i) { return 18 * i; });
  const Tensor areas = cell_areas(layout);
  for (const std::int64_t j : {5, 30, 50}) {
    const double ratio = areas[j][3].item<double>() / areas[30][3].item<double>();
    EXPECT_NEAR(ratio, std::cos(radians * static_cast<double>(-59 + 2 * j)) / std::cos(radians), 1e-9);
  }
}

}  // namespace sda::test

/// Observations at points: as values, as a part of observations, and back.
#include "sda/observation/points.hpp"

#include <gmock/gmock.h>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/observation/observations.hpp"

namespace {

using testing::HasSubstr;

const sda::StateLayout wind{
    .event = {2, 3, 4}, .variables = {{"u", "eastward"}, {"v", "northward"}}, .space_names = {"y", "x"}};

/// Two states of x_{t,c,y,x} = 100 t + 10 c + y + x / 10, as they are normalised.
at::Tensor states(const sda::Normalisation& normalisation) {
  const auto along = [](std::int64_t n, at::IntArrayRef shape) { return at::arange(n, at::kDouble).view(shape); };
  return normalisation.normalise(100 * along(2, {2, 1, 1, 1}) + 10 * along(2, {2, 1, 1}) + along(3, {3, 1}) +
                                 along(4, {4}) / 10);
}

sda::Normalisation halves() {
  auto normalisation = sda::Normalisation::identity({2, 3, 4});
  normalisation.std *= 0.5;
  return normalisation;
}

template <class Error, class Throwing>
std::string refusal(const Throwing& throwing) {
  try {
    throwing();
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

const sda::PointObservations observed{
    .time = {1, 0.5}, .variable = {1, 0}, .place = {{2, 0}, {0, 1.5}}, .value = {112, 50}, .error = {0.1, 0.2}};

}  // namespace

TEST(PointObservations, AreReadWhereAndWhenTheyLie) {
  const auto normalisation = halves();
  const auto part = sda::point_part("buoys", observed, {}, wind, normalisation);
  EXPECT_EQ(part.name, "buoys");
  EXPECT_TRUE(part.values.equal(at::tensor({112.0, 50.0}, at::kDouble).view({1, 2})));
  EXPECT_EQ(part.noise.values(), (std::vector<double>{0.1, 0.2}));
  const auto read = part.op->apply(states(normalisation).unsqueeze(0));
  EXPECT_TRUE(read.allclose(at::tensor({112.0, 50.15}, at::kDouble).view({1, 1, 2}), 1e-12)) << read;
}

TEST(PointObservations, ComeBackOfTheirPart) {
  const auto part = sda::point_part("", observed, {.kind = "laplace"}, wind, halves());
  const auto again = part.points(wind);
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, observed);
}

TEST(PointObservations, OfAFormulaHaveNoVariable) {
  auto speed = observed;
  speed.formula = "sqrt(u^2 + v^2)";
  const auto normalisation = halves();
  const auto part = sda::point_part("speed", speed, {}, wind, normalisation);
  const auto read = part.op->apply(states(normalisation).unsqueeze(0));
  EXPECT_NEAR(read[0][0][0].item<double>(), std::hypot(102, 112), 1e-9);
  const auto again = part.points(wind);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->formula, speed.formula);
  EXPECT_EQ(again->variable, (std::vector<std::int64_t>{0, 0}));
  EXPECT_EQ(again->place, observed.place);
}

TEST(PointObservations, AreNotWhatAnyOtherOperatorReads) {
  const auto points_of = [](const std::vector<sda::OperatorLink>& chain) {
    sda::ObservationPart part{.name = "", .chain = chain};
    part.op = sda::make_operator(chain, wind, halves());
    part.values = at::zeros(part.op->observations_shape(2, wind.event), at::kDouble);
    return part.points(wind).has_value();
  };
  const sda::OperatorLink timed{"points", {1, 0, 2, 1}, {"time", "variable", "x", "y"}};
  EXPECT_TRUE(points_of({{"physical", {}}, timed}));
  EXPECT_FALSE(points_of({timed}));
  EXPECT_FALSE(points_of({{"physical", {}}, timed, {"square", {}}}));
  EXPECT_FALSE(points_of({{"physical", {}}, {"points", {0, 2, 1}, {"variable", "x", "y"}}}));
  EXPECT_FALSE(points_of({{"every", {2}}, {"physical", {}}}));
}

TEST(PointObservations, NeedAPlaceOnTheGrid) {
  auto wrong = observed;
  wrong.place = {{2, 0}};
  EXPECT_THAT(refusal<sda::ShapeError>([&] { sda::point_part("", wrong, {}, wind, halves()); }),
              HasSubstr("found 2 times, 2 places along 1 axes, 2 values, 2 errors"));
  wrong.place = {{2, 0}, {0, 3.5}};
  EXPECT_THAT(refusal<sda::UsageError>([&] { sda::point_part("", wrong, {}, wind, halves()); }),
              HasSubstr("x, point 1 (counted from 0): a point is not on the grid: found 3.5"));
}

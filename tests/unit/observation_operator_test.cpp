/// Links of observation operators: values, VJPs, arguments and messages by hand.
#include "sda/observation/operator.hpp"
#include "sda/observation/operator_toml.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/core/random.hpp"

namespace {

using sda::OperatorLink;
using sda::Shape;
using sda::Tensor;
using testing::ElementsAre;
using testing::HasSubstr;
using Chain = std::vector<OperatorLink>;

Tensor doubles(std::vector<double> values, at::IntArrayRef shape) {
  return at::tensor(values, at::kDouble).reshape(shape);
}

/// As many variables as the first axis is long; the axes after it are y and x.
sda::StateLayout layout_of(const Shape& event, std::vector<double> spacing = {}) {
  sda::StateLayout layout{.event = event, .variables = {}, .space_names = {}, .spacing = std::move(spacing)};
  for (std::int64_t c = 0; c < event.front(); ++c) layout.variables.push_back({std::string(1, char('a' + c)), ""});
  if (event.size() > 1) layout.space_names = {"y", "x"};
  layout.check();
  return layout;
}

std::shared_ptr<const sda::ObservationOperator> make_operator(const Chain& chain, const Shape& event = {3},
                                                              std::vector<double> spacing = {}) {
  return sda::make_operator(chain, layout_of(event, std::move(spacing)), sda::Normalisation::identity(event));
}

std::vector<std::int64_t> times(const Chain& chain, std::int64_t length) {
  return make_operator(chain)->times(length);
}

Tensor read(const Chain& chain, const Tensor& states, std::vector<double> spacing = {}) {
  return make_operator(chain, states.sizes().slice(1).vec(), std::move(spacing))->read(states);
}

std::string refusal(const Chain& chain, const Shape& event = {3}) {
  try {
    make_operator(chain, event);
  } catch (const sda::Error& error) {
    return error.what();
  }
  return "accepted";
}

std::string refusal(const std::string& toml) {
  try {
    sda::read_operator(toml, "lo.toml");
  } catch (const sda::UsageError& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST(OperatorTimes, EveryOffsetAndNamedStates) {
  EXPECT_THAT(times({}, 3), ElementsAre(0, 1, 2));
  EXPECT_THAT(times({{"every", {4}}}, 10), ElementsAre(0, 4, 8));
  EXPECT_THAT(times({{"every", {4}}}, 9), ElementsAre(0, 4, 8));
  EXPECT_THAT(times({{"offset", {3}}}, 5), ElementsAre(3, 4));
  EXPECT_THAT(times({{"times", {0, 2, -1}}}, 10), ElementsAre(0, 2, 9));
}

TEST(OperatorTimes, FirstAndLast) {
  EXPECT_THAT(times({{"first", {2}}}, 10), ElementsAre(0, 1));
  EXPECT_THAT(times({{"last", {2}}}, 10), ElementsAre(8, 9));
  EXPECT_THAT(times({{"last", {10}}}, 10).size(), 10u);
  EXPECT_THAT(times({{"offset", {3}}, {"first", {4}}, {"every", {2}}}, 10), ElementsAre(3, 5));
  EXPECT_THROW(times({{"first", {11}}}, 10), sda::ShapeError);
  EXPECT_THROW(times({{"last", {11}}}, 10), sda::ShapeError);
}

TEST(OperatorTimes, EachLinkCountsInWhatTheOneBeforeItLeft) {
  EXPECT_THAT(times({{"every", {2}}, {"every", {4}}}, 20), ElementsAre(0, 8, 16));
  EXPECT_THAT(times({{"offset", {3}}, {"every", {8}}}, 20), ElementsAre(3, 11, 19));
  EXPECT_THAT(times({{"every", {8}}, {"offset", {1}}}, 20), ElementsAre(8, 16));
  EXPECT_THAT(times({{"every", {3}}, {"times", {1, -1}}}, 11), ElementsAre(3, 9));
}

TEST(OperatorTimes, RefusesStatesThatAreNotThere) {
  EXPECT_THROW(times({{"times", {10}}}, 10), sda::ShapeError);
  EXPECT_THROW(times({{"times", {-11}}}, 10), sda::ShapeError);
  EXPECT_THROW(times({{"times", {-1, 9}}}, 10), sda::ShapeError);  // twice the same
  EXPECT_THROW(times({{"times", {-1, 0}}}, 10), sda::ShapeError);  // descending
  EXPECT_THROW(times({{"offset", {10}}}, 10), sda::ShapeError);
}

TEST(OperatorLinks, SayOfWhichVariablesComponentsAre) {
  const auto variables = [](const Chain& chain) { return make_operator(chain, {3, 4, 4})->variables(); };
  EXPECT_THAT(variables({}), ElementsAre("a", "b", "c"));
  EXPECT_THAT(variables({{"every", {2}}, {"physical", {}}, {"coarsen", {2}}}), ElementsAre("a", "b", "c"));
  EXPECT_THAT(variables({{"select", {2, 0}}, {"box", {0, 2}, {"x", "x"}}}), ElementsAre("c", "a"));
  EXPECT_THAT(variables({{"mean", {}}, {"square", {}}}), ElementsAre("a", "b", "c"));
  EXPECT_THAT(variables({{"random_points", {0.5, 1}, {"share", "seed"}}}), ElementsAre("a", "b", "c"));
  EXPECT_THAT(variables({{"speed", {}}}), ElementsAre());
  EXPECT_THAT(variables({{"expression", {}, {}, "a + b"}}), ElementsAre());
  EXPECT_THAT(variables({{"points", {0, 1, 1, 2, 2, 3}, {"variable", "x", "y"}}}), ElementsAre());
}

TEST(OperatorRead, Formulas) {
  const auto x = doubles({1, -2, 3, -4, 5, -6}, {2, 3});
  EXPECT_TRUE(read({{"select", {2, 0}}}, x).equal(doubles({3, 1, -6, -4}, {2, 2})));
  EXPECT_TRUE(read({{"square", {}}}, x).equal(doubles({1, 4, 9, 16, 25, 36}, {2, 3})));
  EXPECT_TRUE(read({{"abs", {}}}, x).equal(doubles({1, 2, 3, 4, 5, 6}, {2, 3})));
  EXPECT_TRUE(read({{"scale", {0.5}}}, x).equal(x / 2));
  EXPECT_TRUE(
      read({{"saturate", {}}}, x).allclose(doubles({0.5, -2.0 / 3, 0.75, -0.8, 5.0 / 6, -6.0 / 7}, {2, 3}), 0, 1e-15));
  EXPECT_TRUE(read({{"coarsen", {3}}}, x).allclose(doubles({2.0 / 3, -5.0 / 3}, {2, 1}), 0, 1e-15));
}

TEST(OperatorRead, CoarsensSpaceAndKeepsComponents) {
  const auto field = at::arange(2 * 4 * 4, at::kDouble).reshape({1, 2, 4, 4});
  EXPECT_TRUE(
      read({{"coarsen", {2}}}, field).equal(doubles({2.5, 4.5, 10.5, 12.5, 18.5, 20.5, 26.5, 28.5}, {1, 2, 2, 2})));
  EXPECT_TRUE(read({{"coarsen", {4}}, {"select", {1}}}, field).equal(doubles({23.5}, {1, 1, 1, 1})));
}

TEST(OperatorRead, CoarsensEachAxisByItsOwnBlocks) {
  const auto field = at::arange(2 * 2 * 4, at::kDouble).reshape({1, 2, 2, 4});
  EXPECT_TRUE(read({{"coarsen", {1, 4}}}, field).equal(doubles({1.5, 5.5, 9.5, 13.5}, {1, 2, 2, 1})));
  EXPECT_TRUE(read({{"coarsen_to", {2, 1}}}, field).equal(doubles({1.5, 5.5, 9.5, 13.5}, {1, 2, 2, 1})));
  EXPECT_TRUE(read({{"coarsen_to", {1}}}, field).equal(doubles({3.5, 11.5}, {1, 2, 1, 1})));
  EXPECT_THAT(refusal({{"coarsen", {3}}}, {2, 4, 4}), HasSubstr("found a grid 4 × 4, expected a number that divides"));
  EXPECT_THAT(refusal({{"coarsen_to", {8}}}, {2, 4, 4}), HasSubstr("coarsen_to = 8"));
  EXPECT_THAT(refusal({{"coarsen", {1, 2, 2}}}, {2, 4, 4}), HasSubstr("found 3 numbers, expected 1 or 2, for 4 × 4"));
}

TEST(OperatorRead, PointsOfTheGrid) {
  const auto field = at::arange(2 * 3 * 4, at::kDouble).reshape({1, 2, 3, 4});
  EXPECT_TRUE(read({{"grid_every", {2}}}, field).equal(doubles({0, 2, 8, 10, 12, 14, 20, 22}, {1, 2, 2, 2})));
  EXPECT_TRUE(read({{"grid_every", {3, 2}}}, field).equal(doubles({0, 2, 12, 14}, {1, 2, 1, 2})));
}

// Cells of 2 × 0.5: their centres lie at y = 1, 3, 5 and x = 0.25, 0.75, 1.25, 1.75.
TEST(OperatorRead, BoxesInTheCoordinatesOfTheGrid) {
  const auto field = at::arange(3 * 4, at::kDouble).reshape({1, 1, 3, 4});
  const auto inside = [&](const OperatorLink& link) { return read({link}, field, {2, 0.5}); };
  EXPECT_TRUE(inside({"box", {2, 6, 0.75, 1.3}, {"y", "y", "x", "x"}}).equal(doubles({5, 6, 9, 10}, {1, 1, 2, 2})));
  EXPECT_TRUE(inside({"box", {0, 1}, {"y", "y"}}).equal(doubles({0, 1, 2, 3}, {1, 1, 1, 4})));
  EXPECT_TRUE(
      inside({"outside_box", {0, 4, 0, 1.25}, {"y", "y", "x", "x"}}).equal(doubles({3, 7, 8, 9, 10, 11}, {1, 1, 6})));
  // Of the averages of blocks of 1 × 2 the centres lie at x = 0.5, 1.5.
  const Chain after{{"coarsen", {1, 2}}, {"box", {1.4, 1.6}, {"x", "x"}}};
  EXPECT_TRUE(read(after, field, {2, 0.5}).equal(doubles({2.5, 6.5, 10.5}, {1, 1, 3, 1})));
}

// Coordinates that the data came with, one axis of them descending: lat 60, 20, −20 and lon 10, 20, 30, 40.
TEST(OperatorRead, RegionsInTheCoordinatesOfTheData) {
  auto layout = layout_of({1, 3, 4}, {40, 10});
  layout.coordinates = {{{60, 20, -20}, "degrees_north"}, {{10, 20, 30, 40}, "degrees_east"}};
  const auto field = at::arange(3 * 4, at::kDouble).reshape({1, 1, 3, 4});
  const auto read_by = [&](const OperatorLink& link) {
    return sda::make_operator({link}, layout, sda::Normalisation::identity(layout.event))->read(field);
  };
  EXPECT_TRUE(read_by({"box", {-20, 20, 15, 30}, {"y", "y", "x", "x"}}).equal(doubles({5, 6, 9, 10}, {1, 1, 2, 2})));
  // Along the great circle 20 degrees of longitude at 60 degrees north are 2 asin(cos 60° sin 10°) = 9.96.
  EXPECT_TRUE(read_by({"circle", {60, 10, 10}, {"y", "x", "radius"}}).equal(doubles({0, 1, 2}, {1, 1, 3})));
  EXPECT_TRUE(read_by({"circle", {60, 10, 9.9}, {"y", "x", "radius"}}).equal(doubles({0, 1}, {1, 1, 2})));
}

TEST(OperatorRead, CirclesInTheCoordinatesOfTheGrid) {
  const auto field = at::arange(3 * 4, at::kDouble).reshape({1, 1, 3, 4});
  const auto at_circle = [&](const std::string& kind, double radius) {
    return read({{kind, {3, 0.25, radius}, {"y", "x", "radius"}}}, field, {2, 0.5});
  };
  EXPECT_TRUE(at_circle("circle", 1.0).equal(doubles({4, 5, 6}, {1, 1, 3})));
  EXPECT_TRUE(at_circle("circle", 2.0).equal(doubles({0, 4, 5, 6, 7, 8}, {1, 1, 6})));
  EXPECT_TRUE(at_circle("outside_circle", 2.0).equal(doubles({1, 2, 3, 9, 10, 11}, {1, 1, 6})));
}

TEST(OperatorRead, RandomPointsAreTheStreamsAndOfAllComponentsTheSame) {
  const auto field = at::arange(2 * 4 * 5, at::kDouble).reshape({1, 2, 4, 5});
  const auto draw = [&](double share, double seed) {
    return read({{"random_points", {share, seed}, {"share", "seed"}}}, field);
  };
  const auto y = draw(0.25, 3);
  EXPECT_EQ(y.sizes(), (at::IntArrayRef{1, 2, 5}));
  EXPECT_TRUE((y.select(1, 1) - y.select(1, 0)).eq(20).all().item<bool>());
  auto order = sda::permutation(20, {.seed = 3, .purpose = sda::Purpose::observation_points});
  std::sort(order.begin(), order.begin() + 5);
  for (std::int64_t i = 0; i < 5; ++i) EXPECT_EQ(y[0][0][i].item<std::int64_t>(), order[static_cast<std::size_t>(i)]);
  EXPECT_FALSE(draw(0.25, 4).equal(y));
  EXPECT_EQ(draw(0.24, 3).size(2), 5);  // to the nearest whole number
  EXPECT_TRUE(draw(1, 3).equal(field.flatten(2)));
}

// A plane f(y, x) = 10 y + x of component 0, minus it of component 1, is interpolated exactly.
TEST(OperatorRead, PointsBetweenThoseOfTheGrid) {
  const auto plane = at::arange(3, at::kDouble).unsqueeze(1) * 10 + at::arange(4, at::kDouble);
  const auto field = at::stack({plane, -plane}).unsqueeze(0);
  const OperatorLink points{"points", {0, 1, 1, 0, 2.5, 0.25, 3, 0, 0.5, 1.75, 2, 0}, {"variable", "x", "y"}};
  EXPECT_TRUE(read({points}, field).allclose(doubles({7.5, -17.75, -23, 0}, {1, 4}), 0, 1e-14));
  const auto op = make_operator({points}, {2, 3, 4});
  const auto g = op->vjp(field, doubles({8, 0, 0, 0}, {1, 4}));
  auto expected = at::zeros({1, 2, 3, 4}, at::kDouble);
  expected[0][0].slice(0, 0, 2).slice(1, 2, 4).fill_(2);  // midway between four points
  EXPECT_TRUE(g.equal(expected));
}

// State t of a trajectory is (t, t²): linear in time for the first, and midway between 4 and 9 at 2.5 for the second.
TEST(OperatorRead, PointsBetweenStates) {
  const auto t = at::arange(6, at::kDouble);
  const auto x = at::stack({t, t.square()}, 1).unsqueeze(0);
  const OperatorLink points{"points", {2.5, 2.5, 5, 0.25, 0, 1, 1, 0}, {"time", "variable"}};
  const auto op = make_operator({points}, {2});
  EXPECT_FALSE(op->reads_states_alone());
  EXPECT_THAT(op->times(6), ElementsAre(0, 1, 2, 3, 5));
  EXPECT_EQ(op->observations_shape(6, {2}), (Shape{1, 4}));
  EXPECT_TRUE(op->apply(x).equal(doubles({2.5, 6.5, 25, 0.25}, {1, 1, 4})));
  const auto g = op->apply_vjp(x, doubles({4, 8, 16, 32}, {1, 1, 4}));
  EXPECT_TRUE(g.equal(doubles({24, 0, 8, 0, 2, 4, 2, 4, 0, 0, 0, 16}, {1, 6, 2})));
  // Every second state is left of twelve: state 1 is state 2.
  const auto thinned = make_operator({{"every", {2}}, {"points", {0.5, 0}, {"time", "variable"}}}, {2});
  EXPECT_THAT(thinned->times(12), ElementsAre(0, 2));
  EXPECT_THROW(op->times(5), sda::ShapeError);
}

TEST(OperatorLinks, RefusesPointsThatAreNotThere) {
  const auto points = [](std::vector<double> numbers, std::vector<std::string> names) {
    return refusal({{"points", std::move(numbers), std::move(names)}}, {2, 3, 4});
  };
  EXPECT_EQ(points({1, 3, 2}, {"variable", "x", "y"}), "accepted");
  EXPECT_THAT(points({0, 3.01, 2}, {"variable", "x", "y"}),
              HasSubstr("operator link points: x, point 0 (counted from 0): a point is not on the grid"));
  EXPECT_THAT(points({0, 0, 0.5, 0, 0, 0}, {"variable", "x", "y"}), HasSubstr("accepted"));
  EXPECT_THAT(points({0.5, 0, 0}, {"variable", "x", "y"}), HasSubstr("found 0.5, expected an integer"));
  EXPECT_THAT(points({2, 0, 0}, {"variable", "x", "y"}), HasSubstr("found 2, expected 0 … 1"));
  EXPECT_THAT(points({0, -1, 0}, {"variable", "x", "y"}),
              HasSubstr("found -1, expected a finite number of at least 0"));
  EXPECT_THAT(points({0, 0}, {"variable", "x"}), HasSubstr("found none along y"));
  EXPECT_THAT(points({0, 0, 0}, {"variabel", "x", "y"}), HasSubstr("did you mean variable?"));
  EXPECT_THAT(points({}, {"variable", "x", "y"}), HasSubstr("no points to read"));
  EXPECT_THAT(points({0, 0, 0, 0}, {"variable", "x", "y"}), HasSubstr("found 4 numbers in 3 lists"));
  EXPECT_THAT(refusal({{"scale", {2}}, {"points", {0, 1}, {"variable", "time"}}, {"every", {2}}}, {3}),
              HasSubstr("link 3 (every): a link of time behind points"));
  EXPECT_THAT(refusal("[{points = {x = [1, 2], y = [1]}}]"), HasSubstr("bad value of operator link points"));
}

TEST(OperatorToml, PointsColumnByColumn) {
  const Chain chain{{"physical", {}}, {"points", {0, 2.5, 1, 0}, {"time", "variable"}}};
  EXPECT_EQ(sda::to_toml(chain), "[{physical = true}, {points = {time = [0, 2.5], variable = [1, 0]}}]");
  EXPECT_EQ(sda::read_operator(sda::to_toml(chain), "text"), chain);
  const Chain one{{"points", {3, 1}, {"time", "variable"}}}, none{{"points", {}, {"time", "variable"}}};
  EXPECT_EQ(sda::read_operator(sda::to_toml(one), "text"), one);
  EXPECT_EQ(sda::to_toml(none), "[{points = {time = [], variable = []}}]");
  EXPECT_EQ(sda::read_operator(sda::to_toml(none), "text"), none);
}

TEST(OperatorLinks, PointsDescribedForPeople) {
  EXPECT_EQ(make_operator({{"physical", {}}, {"points", {0, 2.5, 1, 0}, {"time", "variable"}}})->describe(),
            "3 of the states 0 to 3 → physical units → 2 points, each at its own time");
  EXPECT_EQ(make_operator({{"every", {2}}, {"points", {1}, {"variable"}}})->describe(), "every 2nd state → 1 point");
}

TEST(OperatorRead, MeansOfRegions) {
  const auto field = at::arange(2 * 2 * 2, at::kDouble).reshape({1, 2, 2, 2});
  EXPECT_TRUE(read({{"mean", {}}}, field).equal(doubles({1.5, 5.5}, {1, 2, 1})));
  EXPECT_TRUE(read({{"box", {0, 1}, {"y", "y"}}, {"mean", {}}}, field).equal(doubles({0.5, 4.5}, {1, 2, 1})));
  EXPECT_TRUE(read({{"mean", {}}}, doubles({1, 2, 6}, {1, 3})).equal(doubles({3}, {1, 1})));
}

TEST(OperatorRead, SpeedIsTheLengthOfTheComponents) {
  const auto velocity = doubles({3, 0, -5, 4, 0, 12}, {1, 2, 3});
  EXPECT_TRUE(read({{"speed", {}}}, velocity.unsqueeze(2)).equal(doubles({5, 0, 13}, {1, 1, 1, 3})));
  // Where there is no velocity the derivative is taken for 0.
  const auto op = make_operator({{"speed", {}}}, {2, 1, 3});
  const auto g = op->vjp(velocity.unsqueeze(2), doubles({10, 10, 13}, {1, 1, 1, 3}));
  EXPECT_TRUE(g.equal(doubles({6, 0, -5, 8, 0, 12}, {1, 2, 1, 3})));
  EXPECT_THAT(refusal({{"speed", {}}}, {1, 4, 4}), HasSubstr("speed needs the components of a velocity"));
}

// Solid rotation u = −Ω y, v = Ω x has ω = 2 Ω, but for the jump where the grid ends; sin x along y has ω = cos x.
TEST(OperatorRead, VorticityIsDvDxLessDuDy) {
  constexpr std::int64_t n = 8;
  const double dx = 0.5, dy = 0.25;
  const auto x = (at::arange(n, at::kDouble) * dx).expand({n, n});
  const auto y = (at::arange(n, at::kDouble) * dy).unsqueeze(1).expand({n, n});
  const auto rotation = read({{"vorticity", {}}}, at::stack({-3 * y, 3 * x}).unsqueeze(0), {dy, dx});
  EXPECT_EQ(rotation.sizes(), (at::IntArrayRef{1, 1, n, n}));
  EXPECT_LT((rotation.slice(2, 1, -1).slice(3, 1, -1) - 6).abs().max().item<double>(), 1e-13);
  const double h = 2 * M_PI / n;
  const auto sine = at::stack({at::zeros_like(x), at::sin(x / dx * h)}).unsqueeze(0);
  const auto w = read({{"vorticity", {}}}, sine, {h, h});
  EXPECT_LT((w - std::sin(h) / h * at::cos(x / dx * h)).abs().max().item<double>(), 1e-14);
}

TEST(OperatorRead, VorticityOfAGridWhoseFirstAxisIsX) {
  const auto velocity = at::arange(2 * 4 * 5, at::kDouble).square().reshape({1, 2, 4, 5});
  auto turned = layout_of({2, 5, 4}, {0.25, 0.5});
  turned.space_names = {"x", "y"};
  const auto op = sda::make_operator({{"vorticity", {}}}, turned, sda::Normalisation::identity(turned.event));
  EXPECT_TRUE(
      op->read(velocity.transpose(2, 3)).transpose(2, 3).equal(read({{"vorticity", {}}}, velocity, {0.5, 0.25})));
}

TEST(OperatorRead, VorticityOfACoarserGridTakesItsSpacing) {
  const auto velocity = at::arange(2 * 8 * 8, at::kDouble).square().reshape({1, 2, 8, 8});
  const auto coarse = read({{"coarsen", {2}}}, velocity);
  EXPECT_TRUE(
      read({{"coarsen", {2}}, {"vorticity", {}}}, velocity, {1, 1}).equal(read({{"vorticity", {}}}, coarse, {2, 2})));
}

TEST(OperatorRead, PhysicalUnits) {
  const sda::Normalisation lorenz{doubles({0, 0, 25}, {3}), doubles({8, 9, 8.6}, {3})};
  const auto op = sda::make_operator({{"physical", {}}, {"select", {2}}}, layout_of({3}), lorenz);
  EXPECT_TRUE(op->read(doubles({1, 1, 1}, {1, 3})).equal(doubles({33.6}, {1, 1})));
  EXPECT_FALSE(op->is_linear());
  EXPECT_TRUE(op->is_affine());
  EXPECT_TRUE(make_operator({{"physical", {}}})->is_linear());
  EXPECT_THROW(op->observation_shape({4}), sda::ShapeError);
  EXPECT_THAT(refusal({{"square", {}}, {"physical", {}}}), HasSubstr("physical before every link"));
}

TEST(OperatorApply, ReadsChosenStatesOfWholeTrajectories) {
  const auto x = at::arange(2 * 5 * 3, at::kFloat).reshape({2, 5, 3});
  for (const Chain& chain : {Chain{{"every", {4}}, {"select", {1}}}, Chain{{"select", {1}}, {"every", {4}}}}) {
    const auto op = make_operator(chain);
    EXPECT_TRUE(op->apply(x).equal(at::tensor({1, 13, 16, 28}, at::kFloat).reshape({2, 2, 1})));
    const auto g = op->apply_vjp(x, at::tensor({1, 2, 3, 4}, at::kFloat).reshape({2, 2, 1}));
    auto expected = at::zeros({2, 5, 3}, at::kFloat);
    expected[0][0][1] = 1;
    expected[0][4][1] = 2;
    expected[1][0][1] = 3;
    expected[1][4][1] = 4;
    EXPECT_TRUE(g.equal(expected));
  }
}

TEST(OperatorApply, RefusesShapesInWords) {
  const auto op = make_operator({{"every", {4}}, {"select", {1}}});
  const auto x = at::zeros({2, 5, 3});
  EXPECT_THROW(op->apply(at::zeros({5, 3})), sda::ShapeError);
  EXPECT_THROW(op->apply(at::zeros({2, 5, 1})), sda::ShapeError);
  EXPECT_THROW(op->apply_vjp(x, at::zeros({2, 2, 3})), sda::ShapeError);
  EXPECT_THROW(read({{"coarsen", {2}}}, at::zeros({1, 3})), sda::ShapeError);
}

TEST(OperatorPullBack, DefaultDifferentiatesTheObservation) {
  struct Cube final : sda::ObservationOperator {
    std::vector<std::int64_t> times(std::int64_t) const override { return {1}; }
    Tensor read(const Tensor& x) const override { return x * x * x; }
    bool is_linear() const override { return false; }
    Shape observation_shape(at::IntArrayRef event) const override { return event.vec(); }
    std::string describe() const override { return "cube"; }
  };
  const auto x = doubles({1, 2, 3}, {1, 3, 1});
  const auto g = Cube().apply_vjp(x, doubles({10}, {1, 1, 1}));
  EXPECT_TRUE(g.equal(doubles({0, 120, 0}, {1, 3, 1})));
  at::NoGradGuard no_grad;
  EXPECT_TRUE(Cube().apply_vjp(x, doubles({10}, {1, 1, 1})).equal(g));
  c10::InferenceMode inference;
  EXPECT_TRUE(Cube().apply_vjp(x.clone(), doubles({10}, {1, 1, 1})).equal(g));
}

TEST(OperatorLinks, DescribedForPeople) {
  EXPECT_EQ(make_operator({{"every", {8}}, {"select", {0}}})->describe(), "every 8th state → component 0");
  EXPECT_EQ(make_operator({{"offset", {3}}, {"every", {2}}, {"square", {}}})->describe(),
            "all states but the first 3, of these every 2nd state → square");
  EXPECT_EQ(make_operator({{"times", {-1}}, {"abs", {}}, {"select", {0, 1}}})->describe(),
            "state -1 → absolute value → components 0, 1");
  EXPECT_EQ(make_operator({{"every", {113}}})->describe(), "every 113th state");
  EXPECT_EQ(make_operator({{"coarsen", {3}}, {"saturate", {}}})->describe(),
            "every state → average of blocks of 3 → x / (1 + |x|)");
}

TEST(OperatorLinks, OfSpaceDescribedForPeople) {
  const auto described = [](const Chain& chain) { return make_operator(chain, {2, 8, 8})->describe(); };
  EXPECT_EQ(described({{"first", {1}}, {"coarsen_to", {2, 4}}}), "the first state → average of blocks of 4 × 2");
  EXPECT_EQ(described({{"last", {3}}, {"grid_every", {2}}}), "the last 3 states → every 2 × 2 point of the grid");
  EXPECT_EQ(described({{"box", {1, 3, 0.5, 2.5}, {"x", "x", "y", "y"}}, {"mean", {}}}),
            "every state → y in [0.5, 2.5], x in [1, 3] → mean over space");
  EXPECT_EQ(described({{"circle", {4, 3, 2}, {"x", "y", "radius"}}}),
            "every state → points within 2 of (y = 3, x = 4)");
  EXPECT_EQ(described({{"random_points", {0.25, 7}, {"share", "seed"}}}),
            "every state → 16 of 64 points at random (seed 7)");
  EXPECT_EQ(described({{"vorticity", {}}, {"saturate", {}}}), "every state → vorticity → x / (1 + |x|)");
}

TEST(OperatorLinks, RefusesRegionsThatAreNotThere) {
  const Shape field{2, 8, 8};
  const auto circle = [](double x, double y, double radius) {
    return OperatorLink{"circle", {x, y, radius}, {"x", "y", "radius"}};
  };
  EXPECT_THAT(
      refusal({circle(20, 4, 3)}, field),
      HasSubstr("no point of the grid is left to read: found a grid with y from 0.5 to 7.5, x from 0.5 to 7.5"));
  EXPECT_THAT(refusal({circle(4, 4, 0)}, field), HasSubstr("found 0, expected a radius > 0"));
  EXPECT_THAT(refusal({{"circle", {4, 1}, {"x", "radius"}}}, field), HasSubstr("a circle without centre"));
  EXPECT_THAT(refusal({{"circle", {4, 4, 1}, {"x", "z", "radius"}}}, field),
              HasSubstr("no such axis of space: found z, expected y, x"));
  EXPECT_THAT(refusal({circle(4, 4, 1)}, {3}), HasSubstr("no such axis"));
  EXPECT_THAT(refusal({{"circle", {4, 4}, {"x", "y"}}}, field), HasSubstr("expected one number radius"));
  EXPECT_THAT(refusal({{"outside_circle", {4, 4, 20}, {"x", "y", "radius"}}}, field), HasSubstr("no point"));
  EXPECT_THAT(refusal({{"box", {9, 12}, {"x", "x"}}}, field), HasSubstr("no point of the grid"));
  EXPECT_THAT(refusal({{"box", {2, 1}, {"x", "x"}}}, field), HasSubstr("x = [2, 1]"));
  EXPECT_THAT(refusal({{"box", {2}, {"x"}}}, field), HasSubstr("found 1 numbers for x, expected 2 numbers"));
  EXPECT_THAT(refusal({{"outside_box", {0, 8}, {"x", "x"}}}, field), HasSubstr("no point"));
  EXPECT_THAT(refusal({{"random_points", {0.001, 1}, {"share", "seed"}}}, field), HasSubstr("no point"));
  EXPECT_THAT(refusal({{"random_points", {1.5, 1}, {"share", "seed"}}}, field), HasSubstr("not a share"));
  EXPECT_THAT(refusal({{"random_points", {0.5, 1.5}, {"share", "seed"}}}, field), HasSubstr("not a seed"));
  EXPECT_THAT(refusal({circle(4, 4, 2), {"coarsen", {1}}}, field), HasSubstr("points are no grid any more"));
}

TEST(OperatorLinks, RefusesTheVorticityOfWhatIsNoVelocityField) {
  EXPECT_THAT(refusal({{"vorticity", {}}}), HasSubstr("vorticity needs a velocity field"));
  EXPECT_THAT(refusal({{"vorticity", {}}}, {3, 8, 8}), HasSubstr("found a field 3 × 8 × 8"));
  EXPECT_THAT(refusal({{"select", {0}}, {"vorticity", {}}}, {2, 8, 8}), HasSubstr("found a field 1 × 8 × 8"));
  EXPECT_THAT(refusal({{"box", {0, 4}, {"x", "x"}}, {"vorticity", {}}}, {2, 8, 8}), HasSubstr("has cut"));
  EXPECT_THAT(refusal({{"grid_every", {3}}, {"vorticity", {}}}, {2, 8, 8}), HasSubstr("has cut"));
  EXPECT_EQ(refusal({{"grid_every", {2}}, {"vorticity", {}}}, {2, 8, 8}), "accepted");
}

TEST(OperatorLinks, RefusesUnknownKindsAndBadValues) {
  EXPECT_THAT(refusal({{"evry", {8}}}), HasSubstr("did you mean every?"));
  EXPECT_THAT(refusal({{"every", {0}}}), HasSubstr("found 0, expected an integer of at least 1"));
  EXPECT_THAT(refusal({{"every", {2.5}}}), HasSubstr("found 2.5"));
  EXPECT_THAT(refusal({{"every", {}}}), HasSubstr("one number"));
  EXPECT_THAT(refusal({{"every", {1e300}}}), HasSubstr("an integer"));
  EXPECT_THAT(refusal({{"offset", {-1}}}), HasSubstr("at least 0"));
  EXPECT_THAT(refusal({{"times", {}}}), HasSubstr("empty list"));
  EXPECT_THAT(refusal({{"select", {-1}}}), HasSubstr("at least 0"));
  EXPECT_THAT(refusal({{"square", {1}}}), HasSubstr("expected true"));
  EXPECT_THAT(refusal({{"scale", {std::nan("")}}}), HasSubstr("a finite number"));
}

TEST(OperatorToml, ReadsBackExactly) {
  const Chain chain{{"offset", {1}},    {"every", {8}}, {"times", {0, 3, -1}},  {"physical", {}},
                    {"select", {0, 2}}, {"square", {}}, {"scale", {0.1 + 0.2}}, {"scale", {-1e-300}}};
  const auto text = sda::to_toml(chain);
  EXPECT_EQ(text,
            "[{offset = 1}, {every = 8}, {times = [0, 3, -1]}, {physical = true}, {select = [0, 2]}, {square = true}, "
            "{scale = 0.30000000000000004}, {scale = -1e-300}]");
  EXPECT_EQ(sda::read_operator(text, "text"), chain);
  const Chain regions{{"coarsen", {8}},
                      {"grid_every", {2, 4}},
                      {"box", {1, 2.5, 0, 3}, {"x", "x", "y y", "y y"}},
                      {"random_points", {3, 0.1}, {"seed", "share"}}};
  EXPECT_EQ(sda::to_toml(regions),
            "[{coarsen = 8}, {grid_every = [2, 4]}, {box = {x = [1, 2.5], \"y y\" = [0, 3]}}, "
            "{random_points = {seed = 3, share = 0.1}}]");
  EXPECT_EQ(sda::read_operator(sda::to_toml(regions), "text"), regions);
  EXPECT_EQ(sda::read_operator("[]", "text"), Chain{});
  EXPECT_EQ(sda::to_toml(Chain{}), "[]");
}

TEST(OperatorToml, RefusesWhatIsNotAChain) {
  EXPECT_THAT(refusal("[{square = false}]"), HasSubstr("found false, expected true"));
  EXPECT_THAT(refusal("[{square = true}, {evry = 2}]"), HasSubstr("lo.toml: link 2"));
  EXPECT_THAT(refusal("[{every = [8]}]"), HasSubstr("one number"));
  EXPECT_THAT(refusal("[{select = 0}]"), HasSubstr("a list of numbers"));
  EXPECT_THAT(refusal("[{select = ['x']}]"), HasSubstr("not a number"));
  EXPECT_THAT(refusal("[{every = 8, select = [0]}]"), HasSubstr("a list of links"));
  EXPECT_THAT(refusal("[{coarsen = true}]"), HasSubstr("a number or a list"));
  EXPECT_THAT(refusal("[{circle = 3}]"), HasSubstr("{x = a, y = b, radius = r}"));
  EXPECT_THAT(refusal("[{circle = {x = 1, y = 2, raduis = 3}}]"), HasSubstr("found 0 of radius, expected one number"));
  EXPECT_THAT(refusal("[{box = {x = 1}}]"), HasSubstr("found 1 numbers for x, expected 2 numbers"));
  EXPECT_THAT(refusal("[{random_points = {share = 0.5, seed = 1, x = 2}}]"), HasSubstr("found x, expected share and"));
  EXPECT_THAT(refusal("[{random_points = {}}]"), HasSubstr("an empty table"));
  EXPECT_THAT(refusal("{every = 8}"), HasSubstr("a list of links"));
  EXPECT_THAT(refusal("[]\nseed = 1"), HasSubstr("a list of links"));
  EXPECT_THAT(refusal("[{every = 8"), HasSubstr("lo.toml: not an operator"));
}

TEST(OperatorToml, NamesEveryKind) {
  const auto kinds = sda::operator_kinds();
  EXPECT_EQ(kinds.size(), 26u);  // one of them registered by script_test.cpp
  for (const auto& [name, help] : kinds) EXPECT_FALSE(help.empty()) << name;
}

/// What every observation operator must do. The example of each kind in the registry is tried, and the chains below.
#include "sda/observation/operator.hpp"
#include "sda/observation/operator_toml.hpp"

#include <gmock/gmock.h>

#include <cmath>

#include "draws.hpp"
#include "observation/operators/kinds.hpp"
#include "saved_script.hpp"
#include "scratch_folder.hpp"
#include "sda/core/error.hpp"
#include "tolerance.hpp"

namespace {

using sda::ObservationOperator;
using sda::Shape;
using sda::Tensor;
using sda::conformance::difference;
using sda::conformance::draw;
using sda::conformance::inner_product;
using sda::tolerance::exact_float64;

struct Case {
  std::string name;
  std::vector<sda::OperatorLink> chain;
  Shape event;
  double mean = 0;  ///< of the normalisation

  std::shared_ptr<const ObservationOperator> make() const {
    auto normalisation = sda::Normalisation::identity(event);
    normalisation.mean += mean;
    normalisation.std *= 1 + at::arange(normalisation.std.numel(), at::kDouble).view(event) / 4;
    return sda::make_operator(chain, layout(), normalisation);
  }

  /// As many variables as the first axis is long, on a grid (y, x) of cells 0.5 × 0.25.
  sda::StateLayout layout() const {
    sda::StateLayout layout{.event = event, .variables = {}, .space_names = {}};
    for (std::int64_t c = 0; c < event.front(); ++c) layout.variables.push_back({"v" + std::to_string(c), ""});
    if (event.size() == 3) {
      layout.space_names = {"y", "x"};
      layout.spacing = {0.5, 0.25};
    }
    return layout;
  }
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.name;
}

const Shape flow{2, 4, 6};
const sda::OperatorLink circle{"circle", {0.5, 0.75, 1}, {"radius", "x", "y"}};
const sda::OperatorLink outside_circle{"outside_circle", {0.5, 0.75, 1}, {"radius", "x", "y"}};
sda::OperatorLink formula(const std::string& text) {
  sda::OperatorLink link{"expression", {}};
  link.text = text;
  return link;
}
const sda::OperatorLink box{"box", {0.3, 1.2, 0, 1.5}, {"x", "x", "y", "y"}};
const sda::OperatorLink outside_box{"outside_box", {0.3, 1.2, 0, 1.5}, {"x", "x", "y", "y"}};
const sda::OperatorLink random_points{"random_points", {3, 0.3}, {"seed", "share"}};

const std::vector<Case> operators{
    {"everything", {}, {3}},
    {"every", {{"every", {4}}}, {3}},
    {"offset", {{"offset", {2}}}, {3}},
    {"named_times", {{"times", {0, 3, -1}}}, {3}},
    {"select", {{"select", {2, 0}}}, {3}},
    {"select_twice_the_same", {{"select", {1, 1}}}, {3}},
    {"select_channel", {{"select", {1}}}, {2, 4, 6}},
    {"coarsen_line", {{"coarsen", {3}}}, {6}},
    {"coarsen_field", {{"coarsen", {2}}}, {2, 4, 6}},
    {"scale", {{"scale", {-2.5}}}, {3}},
    {"physical", {{"physical", {}}}, {3}},
    {"physical_with_mean", {{"physical", {}}}, {3}, 25},
    {"square", {{"square", {}}}, {3}},
    {"absolute_value", {{"abs", {}}}, {3}},
    {"saturate", {{"saturate", {}}}, {3}},
    {"lo", {{"every", {8}}, {"select", {0}}}, {3}},
    {"linear_chain", {{"select", {0}}, {"every", {2}}, {"coarsen", {2}}, {"offset", {1}}, {"scale", {3}}}, {2, 4, 6}},
    {"nonlinear_chain",
     {{"physical", {}}, {"coarsen", {2}}, {"saturate", {}}, {"square", {}}, {"every", {3}}},
     {2, 4, 6},
     1},
    {"first", {{"first", {3}}}, {3}},
    {"last", {{"last", {3}}}, {3}},
    {"coarsen_axes", {{"coarsen", {2, 3}}}, flow},
    {"coarsen_to", {{"coarsen_to", {2}}}, flow},
    {"grid_every", {{"grid_every", {3, 2}}}, flow},
    {"random_points", {random_points}, flow},
    {"circle", {circle}, flow},
    {"outside_circle", {outside_circle}, flow},
    {"box", {box}, flow},
    {"outside_box", {outside_box}, flow},
    {"mean", {{"mean", {}}}, flow},
    {"mean_of_a_line", {{"mean", {}}}, {3}},
    {"speed", {{"speed", {}}}, flow},
    {"vorticity", {{"vorticity", {}}}, flow},
    {"mean_of_a_region", {{"first", {4}}, circle, {"mean", {}}}, flow},
    {"component_at_scattered_times", {{"times", {0, 1, 4}}, random_points, {"select", {1, 1}}}, flow},
    {"saturating_vorticity_in_a_box",
     {{"every", {3}}, {"vorticity", {}}, {"scale", {0.25}}, {"saturate", {}}, box},
     flow},
    {"vorticity_of_averages", {{"every", {2}}, {"coarsen", {1, 2}}, {"vorticity", {}}, {"grid_every", {2}}}, flow},
    {"points", {{"points", {0, 1, 1, 5, 1.5, 0, 2.5, 0, 3}, {"variable", "x", "y"}}}, flow},
    {"points_of_components", {{"every", {2}}, {"points", {2, 0, 0}, {"variable"}}}, {3}},
    {"points_in_time",
     {{"points", {0, 2.5, 4, 2.5, 0, 1, 1, 1, 0, 5, 1.5, 0, 2.5, 0, 3, 2.5}, {"time", "variable", "x", "y"}}},
     flow},
    {"points_at_whole_times",
     {{"offset", {1}}, {"physical", {}}, {"points", {3, 0, 3, 0, 1, 2}, {"time", "variable"}}, {"saturate", {}}},
     {3},
     1},
    {"expression", {{"physical", {}}, formula("sqrt(v0^2 + v1^2) + log(2 + v0^2)")}, flow, 1},
    {"linear_expression", {{"physical", {}}, formula("2 * curl(v0, v1) - grad_x(v0) / 3 + mean(v1)")}, flow},
    {"affine_expression", {{"physical", {}}, formula("2 - v0 / 4"), {"every", {3}}}, flow, 1},
    {"expression_of_means", {{"physical", {}}, formula("mean(v0) * mean(v1) + exp(-mean(v0^2))")}, flow, 1},
    {"expression_without_space",
     {{"physical", {}}, formula("max(v0, v1) * tanh(v2) - abs(v1) + sin(v0) * cos(v2) + atan(v0) * atan2(v1, v2)")},
     {3}},
    {"expression_at_points",
     {{"physical", {}},
      formula("min(v0, v1)^3 + div(v0, v1)"),
      {"points", {0, 2.5, 4, 2.5, 1.5, 0, 0.25, 1, 0, 3, 2.5, 0}, {"time", "x", "y"}}},
     flow,
     1},
    {"nonlinear_after_and_before_linear",
     {{"physical", {}}, {"grid_every", {1, 2}}, {"speed", {}}, {"coarsen", {1, 3}}, {"square", {}}, outside_circle},
     flow,
     1},
};

/// A module that gives √(v0² + v1² + v2²), saved while the tests run: the one kind whose example needs a file.
sda::OperatorLink script() {
  static const sda::test::ScratchFolder folder;
  static const std::string file = sda::test::saved_script(
      folder.file("length.pt"), "def forward(self, s):\n  return (s * s).sum(-1, keepdim=True).sqrt()\n", at::kDouble);
  return {"torchscript", {}, {}, file};
}

/// Those above, and the example of each kind.
std::vector<Case> all_cases() {
  std::vector<Case> cases = operators;
  cases.push_back({"torchscript", {{"physical", {}}, script()}, {3}});
  for (const auto& kind : sda::observation::link_kinds()) {
    const auto& [chain, event] = kind.example;
    if (!chain.empty()) cases.push_back({"example_of_" + kind.name, chain, event});
  }
  return cases;
}

class Operator : public testing::TestWithParam<Case> {
 protected:
  static constexpr std::int64_t members = 3, length = 11;
  const std::shared_ptr<const ObservationOperator> op = GetParam().make();

  /// Trajectories away from zero, where |x| has no derivative.
  Tensor trajectories(std::uint64_t which, at::ScalarType dtype = at::kDouble) const {
    const auto x = draw(sda::prepend({members, length}, GetParam().event), which, dtype);
    return x + 0.1 * x.sign();
  }
  Tensor cotangent(at::ScalarType dtype = at::kDouble) const {
    return draw(op->apply(trajectories(0)).sizes(), 100, dtype);
  }
};

}  // namespace

TEST_P(Operator, TimesAscendWithinTheTrajectory) {
  for (const std::int64_t states : {5, 11, 33, 64}) {
    const auto times = op->times(states);
    ASSERT_FALSE(times.empty());
    EXPECT_GE(times.front(), 0);
    EXPECT_LT(times.back(), states);
    for (std::size_t i = 1; i < times.size(); ++i) EXPECT_LT(times[i - 1], times[i]) << states << " states";
  }
}

TEST_P(Operator, KeepsShapeDtypeAndInput) {
  for (const auto dtype : {at::kFloat, at::kDouble}) {
    const auto x = trajectories(1, dtype), before = x.clone();
    const auto y = op->apply(x);
    const auto times = std::ssize(op->times(length));
    EXPECT_EQ(y.sizes(),
              sda::prepend({members, op->reads_states_alone() ? times : 1}, op->observation_shape(GetParam().event)));
    EXPECT_EQ(y.scalar_type(), dtype);
    const auto g = op->apply_vjp(x, cotangent(dtype));
    EXPECT_EQ(g.sizes(), x.sizes());
    EXPECT_EQ(g.scalar_type(), dtype);
    EXPECT_TRUE(x.equal(before));
  }
}

TEST_P(Operator, ReadsEachMemberAlone) {
  const auto x = trajectories(2);
  const auto y = op->apply(x), v = cotangent(), g = op->apply_vjp(x, v);
  for (std::int64_t m = 0; m < members; ++m) {
    EXPECT_TRUE(op->apply(x.narrow(0, m, 1)).equal(y.narrow(0, m, 1)));
    EXPECT_TRUE(op->apply_vjp(x.narrow(0, m, 1), v.narrow(0, m, 1)).equal(g.narrow(0, m, 1)));
  }
}

TEST_P(Operator, ReadsTheStatesItNames) {
  const auto x = trajectories(3);
  const auto y = op->apply(x);
  const auto times = op->times(length);
  if (!op->reads_states_alone()) {
    EXPECT_TRUE(op->read(x.index_select(1, at::tensor(times, at::kLong))).equal(y));
    return;
  }
  for (std::size_t i = 0; i < times.size(); ++i) {
    EXPECT_TRUE(op->read(x.select(1, times[i])).equal(y.select(1, static_cast<std::int64_t>(i))));
  }
}

TEST_P(Operator, IsLinearWhereItSaysSo) {
  const auto a = trajectories(4), b = trajectories(5);
  if (op->is_linear()) {
    EXPECT_TRUE(op->is_affine());
    EXPECT_LT(difference(op->apply(2.0 * a - 3.0 * b), 2.0 * op->apply(a) - 3.0 * op->apply(b)), exact_float64);
  }
  // An affine map keeps combinations whose weights add to one; a chain with a nonlinear link does not.
  const bool keeps = difference(op->apply(3.0 * a - 2.0 * b), 3.0 * op->apply(a) - 2.0 * op->apply(b)) < exact_float64;
  EXPECT_EQ(keeps, op->is_affine());
}

TEST_P(Operator, PullBackOfAnAffineMapIsItsAdjoint) {
  if (!op->is_affine()) GTEST_SKIP() << "not affine";
  const auto x = trajectories(6), w = cotangent();
  const auto hx = op->apply(x) - op->apply(at::zeros_like(x));
  // ⟨H x, w⟩ = ⟨x, Hᵀ w⟩
  const auto left = inner_product(hx, w), right = inner_product(x, op->apply_vjp(trajectories(7), w));
  EXPECT_NEAR(left, right, exact_float64 * std::max(1.0, std::abs(left)));
}

TEST_P(Operator, PullBackIsTheDerivative) {
  const auto x = trajectories(8), d = trajectories(9), v = cotangent();
  const double h = 1e-5;
  const auto along = (op->apply(x + h * d) - op->apply(x - h * d)) / (2 * h);
  const auto expected = inner_product(along, v);
  EXPECT_NEAR(inner_product(op->apply_vjp(x, v), d), expected,
              sda::tolerance::finite_difference * std::max(1.0, std::abs(expected)));
}

TEST_P(Operator, PullBackIsAutograds) {
  for (const auto dtype : {at::kFloat, at::kDouble}) {
    const auto all = trajectories(10, dtype);
    const auto states = op->reads_states_alone() ? all.select(1, 0) : all.narrow(1, 0, std::ssize(op->times(length)));
    const auto v = draw(op->read(states).sizes(), 101, dtype);
    const auto bound = dtype == at::kFloat ? sda::tolerance::exact_float32 : exact_float64;
    EXPECT_LT(difference(op->vjp(states, v), op->ObservationOperator::vjp(states, v)), bound);
  }
}

TEST_P(Operator, RefusesShapesInWords) {
  const auto x = trajectories(11), v = cotangent();
  try {
    op->apply_vjp(x, v.narrow(1, 0, v.size(1) - 1));
    ADD_FAILURE() << "took a cotangent of too few times";
  } catch (const sda::ShapeError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr(sda::to_string(v.sizes())));
  }
  EXPECT_THROW(op->apply(x.flatten(1)), sda::ShapeError);
}

TEST_P(Operator, ReadsItsTomlBack) {
  const auto text = sda::to_toml(GetParam().chain);
  EXPECT_EQ(sda::read_operator(text, "text"), GetParam().chain) << text;
}

TEST_P(Operator, SaysWhatItReads) {
  EXPECT_THAT(op->describe(), testing::HasSubstr("state"));
}

INSTANTIATE_TEST_SUITE_P(, Operator, testing::ValuesIn(all_cases()), [](const auto& c) { return c.param.name; });

TEST(OperatorKinds, EachIsTried) {
  const auto cases = all_cases();
  for (const auto& kind : sda::observation::link_kinds()) {
    const bool is_tried = std::any_of(cases.begin(), cases.end(), [&](const Case& c) {
      return std::any_of(c.chain.begin(), c.chain.end(), [&](const auto& link) { return link.kind == kind.name; });
    });
    EXPECT_TRUE(is_tried) << kind.name << " has no example in its row";
    EXPECT_FALSE(kind.help.empty()) << kind.name;
  }
}

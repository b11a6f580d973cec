/// Formulas of the variables of a state: values worked out by hand, derivatives, and where each mistake is shown.
#include "observation/operators/formula.hpp"

#include <gmock/gmock.h>

#include <cmath>

#include "sda/core/error.hpp"
#include "sda/core/random.hpp"
#include "sda/observation/operator_toml.hpp"
#include "tolerance.hpp"

namespace {

using sda::Tensor;
using testing::HasSubstr;

Tensor doubles(std::vector<double> values, at::IntArrayRef shape) {
  return at::tensor(values, at::kDouble).reshape(shape);
}

sda::OperatorLink formula(const std::string& text) {
  sda::OperatorLink link{"expression", {}};
  link.text = text;
  return link;
}

const sda::StateLayout lorenz{.event = {3}, .variables = {{"x", "x"}, {"y", "y"}, {"z", "z"}}, .space_names = {}};

/// u and v on y 4 × x 6, cells 0.5 × 0.25.
sda::StateLayout flow() {
  return {.event = {2, 4, 6}, .variables = {{"u", "u"}, {"v", "v"}}, .space_names = {"y", "x"}, .spacing = {0.5, 0.25}};
}

std::shared_ptr<const sda::ObservationOperator> make(const std::string& text, const sda::StateLayout& layout) {
  return sda::make_operator({formula(text)}, layout, sda::Normalisation::identity(layout.event));
}

/// Of the Lorenz state (x, y, z) = (2, 3, −4).
double value(const std::string& text) {
  return make(text, lorenz)->read(doubles({2, 3, -4}, {1, 3})).item<double>();
}

std::string refusal(const std::string& text, const sda::StateLayout& layout = lorenz) {
  try {
    make(text, layout);
  } catch (const sda::UsageError& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST(Expression, PrecedenceByHand) {
  EXPECT_EQ(value("x"), 2);
  EXPECT_EQ(value("x + y * z"), -10);
  EXPECT_EQ(value("(x + y) * z"), -20);
  EXPECT_EQ(value("x - y - z"), 3);
  EXPECT_EQ(value("24 / y / x"), 4);
  EXPECT_EQ(value("-x^2"), -4);
  EXPECT_EQ(value("(-x)^2"), 4);
  EXPECT_EQ(value("x^y^2"), 512);
  EXPECT_EQ(value("x^-1"), 0.5);
  EXPECT_EQ(value("2 * -z"), 8);
  EXPECT_EQ(value("--x + +y"), 5);
  EXPECT_EQ(value(" 1.5e1*x+.5 "), 30.5);
  EXPECT_EQ(value("'x' * 2"), 4);
}

TEST(Expression, FunctionsByHand) {
  EXPECT_DOUBLE_EQ(value("sqrt(x^2 + y^2)"), std::sqrt(13));
  EXPECT_DOUBLE_EQ(value("exp(x) + log(y)"), std::exp(2) + std::log(3));
  EXPECT_DOUBLE_EQ(value("atan(x) + tan(y) * log10(x)"), std::atan(2) + std::tan(3) * std::log10(2));
  EXPECT_DOUBLE_EQ(value("atan2(z, x)"), std::atan2(-4, 2));
  EXPECT_DOUBLE_EQ(value("tanh(x) - sin(y) / cos(z)"), std::tanh(2) - std::sin(3) / std::cos(-4));
  EXPECT_EQ(value("abs(z)"), 4);
  EXPECT_EQ(value("min(x, z) + max(y, 10)"), 6);
  EXPECT_EQ(value("x * max(2, min(3, 4))"), 6);
}

// u = 3 y + x², v = 2 x on rows y = 0 … 3 and columns x = 0 … 5; away from the edges ∂u/∂y = 3, ∂u/∂x = 2 x, ∂v/∂x = 2
// for a spacing of 1, divided by the spacings 0.5 and 0.25 here.
TEST(Expression, DerivativesAndMeansOfFields) {
  const Tensor x = at::arange(6, at::kDouble).expand({4, 6}),
               y = at::arange(4, at::kDouble).view({4, 1}).expand({4, 6});
  const Tensor state = at::stack({3 * y + x.square(), 2 * x}).unsqueeze(0);
  const auto inner = [&](const std::string& text) {
    const Tensor read = make(text, flow())->read(state);
    EXPECT_EQ(read.sizes(), (at::IntArrayRef{1, 1, 4, 6}));
    return read[0][0][1][2].item<double>();
  };
  EXPECT_DOUBLE_EQ(inner("grad_x(u)"), 4 / 0.25);
  EXPECT_DOUBLE_EQ(inner("grad_y(u)"), 3 / 0.5);
  EXPECT_DOUBLE_EQ(inner("curl(u, v)"), 2 / 0.25 - 3 / 0.5);
  EXPECT_DOUBLE_EQ(inner("div(u, v)"), 4 / 0.25 + 0);
  EXPECT_DOUBLE_EQ(inner("grad_x(v^2)"), (36 - 4) / (2 * 0.25));
  EXPECT_DOUBLE_EQ(inner("v - mean(v)"), 4 - 5);
  const Tensor mean = make("mean(v)^2 + 1", flow())->read(state);
  EXPECT_EQ(mean.sizes(), (at::IntArrayRef{1, 1, 1}));
  EXPECT_EQ(mean.item<double>(), 26);
  // The link vorticity has the same differences.
  const auto vorticity = sda::make_operator({{"vorticity", {}}}, flow(), sda::Normalisation::identity({2, 4, 6}));
  EXPECT_TRUE(make("curl(u, v)", flow())->read(state).allclose(vorticity->read(state), 1e-14));
}

TEST(Expression, OfAxesInAnotherOrderAndOfOneVariable) {
  auto turned = flow();
  turned.space_names = {"x", "y"};
  turned.event = {2, 6, 4};
  turned.spacing = {0.25, 0.5};
  const Tensor state = sda::normal({1, 2, 4, 6}, {.seed = 3}, at::kDouble);
  for (const std::string text : {"curl(u, v)", "div(u, v)", "grad_x(u) * v"}) {
    const Tensor read = make(text, turned)->read(state.transpose(2, 3)).transpose(2, 3);
    EXPECT_TRUE(read.allclose(make(text, flow())->read(state), 1e-13)) << text;
  }
  const sda::StateLayout ring{.event = {5}, .variables = {{"x", "x"}}, .space_names = {"site"}};
  const auto op = make("x * grad_site(x)", ring);
  EXPECT_TRUE(op->read(doubles({1, 2, 4, 8, 16}, {1, 5})).equal(doubles({-7, 3, 12, 48, -56}, {1, 5})));
  EXPECT_EQ(make("mean(x)", ring)->read(doubles({1, 2, 4, 8, 15}, {1, 5})).item<double>(), 6);
}

TEST(Expression, GradientIsThatOfFiniteDifferences) {
  const std::string text = "sqrt(u^2 + v^2) * exp(-u / 3) + max(u, v) * mean(u * v) + tanh(curl(u, v)) / (2 + cos(v))";
  const auto op = make(text, flow());
  const Tensor x = sda::normal({2, 2, 4, 6}, {.seed = 1}, at::kDouble),
               d = sda::normal(x.sizes(), {.seed = 2}, at::kDouble);
  const Tensor v = sda::normal({2, 1, 4, 6}, {.seed = 3}, at::kDouble);
  const double h = 1e-5;
  const double expected = ((op->read(x + h * d) - op->read(x - h * d)) / (2 * h) * v).sum().item<double>();
  const double found = (op->vjp(x, v) * d).sum().item<double>();
  EXPECT_NEAR(found, expected, sda::tolerance::finite_difference * std::max(1.0, std::abs(expected)));
  c10::InferenceMode inference;
  EXPECT_NEAR((op->vjp(x.clone(), v.clone()) * d).sum().item<double>(), found, 1e-12);
}

TEST(Expression, NoDerivativeIsTakenForNone) {
  const auto op = make("sqrt(x^2 + y^2)", lorenz);
  EXPECT_TRUE(
      op->vjp(at::zeros({1, 3}, at::kDouble), at::ones({1, 1}, at::kDouble)).equal(at::zeros({1, 3}, at::kDouble)));
}

TEST(Expression, KnowsWhetherItIsLinear) {
  const auto kind = [](const std::string& text) {
    const auto op = make(text, flow());
    return op->is_linear() ? "linear" : op->is_affine() ? "affine" : "curved";
  };
  EXPECT_STREQ(kind("2 * u - v / 4 + mean(u)"), "linear");
  EXPECT_STREQ(kind("grad_y(2 * u) - curl(u, -v) * exp(1)"), "linear");
  EXPECT_STREQ(kind("u + 1"), "affine");
  EXPECT_STREQ(kind("(u + 1) * 3 - v"), "affine");
  EXPECT_STREQ(kind("u * v"), "curved");
  EXPECT_STREQ(kind("1 / u"), "curved");
  EXPECT_STREQ(kind("abs(u)"), "curved");
  EXPECT_STREQ(kind("min(u, 3)"), "curved");
  EXPECT_STREQ(kind("u^2"), "curved");
}

TEST(Expression, WantsPhysicalValues) {
  const sda::Normalisation other{doubles({0, 0, 25}, {3}), doubles({8, 9, 8.6}, {3})};
  try {
    sda::make_operator({formula("x^2")}, lorenz, other);
    ADD_FAILURE() << "took normalised values";
  } catch (const sda::UsageError& error) {
    EXPECT_THAT(error.what(),
                HasSubstr("link 1 (expression): a formula is of physical values: found normalised ones, expected "
                          "{physical = true} before it"));
  }
  const auto op = sda::make_operator({{"physical", {}}, {"select", {2, 0}}, formula("z - x")}, lorenz, other);
  EXPECT_EQ(op->read(doubles({1, 1, 1}, {1, 3})).item<double>(), 33.6 - 8);
}

TEST(Expression, ShowsWhereItIsWrong) {
  EXPECT_THAT(refusal("x +"),
              HasSubstr("operator link expression, character 4: not a formula: found x +‸, expected a number, "
                        "a variable, a function or ("));
  EXPECT_THAT(refusal("x y"), HasSubstr("found x ‸y, expected an operator"));
  EXPECT_THAT(refusal("(x + y"), HasSubstr("found (x + y‸, expected a closing )"));
  EXPECT_THAT(refusal("x + w"), HasSubstr("character 5: no such variable: found x + ‸w, expected one of x, y, z"));
  EXPECT_THAT(refusal("x + yy"), HasSubstr("did you mean y?"));
  EXPECT_THAT(refusal("2 * sqr(x)"), HasSubstr("no such function: found 2 * ‸sqr(x)"));
  EXPECT_THAT(refusal("2 * sqr(x)"), HasSubstr("did you mean sqrt?"));
  EXPECT_THAT(refusal("min(x)"), HasSubstr("min of 1 arguments: found ‸min(x), expected 2"));
  EXPECT_THAT(refusal("sqrt(x, y)"), HasSubstr("sqrt of 2 arguments"));
  EXPECT_THAT(refusal("sqrt(x"), HasSubstr("a comma or a closing )"));
  EXPECT_THAT(refusal("1e999 * x"), HasSubstr("found ‸1e999 * x, expected a finite number"));
  EXPECT_THAT(refusal("3 + 4"), HasSubstr("a formula of no variable"));
  EXPECT_THAT(refusal("'x"), HasSubstr("a name in quotes has no end"));
  EXPECT_THAT(refusal("x % 2"), HasSubstr("found x ‸% 2"));
  EXPECT_THAT(refusal(""), HasSubstr("found nothing"));
  EXPECT_THAT(refusal("mean(x)"), HasSubstr("mean of what is no field"));
  EXPECT_THAT(refusal("curl(u, 2)", flow()), HasSubstr("curl of what is no field"));
  EXPECT_THAT(refusal("grad_z(u)", flow()),
              HasSubstr("no such axis of space: found ‸grad_z(u), expected one of grad_y, grad_x"));
  EXPECT_THAT(refusal(std::string(500, '(') + "x"), HasSubstr("nested too deeply"));
  EXPECT_THAT(refusal(std::string(500, '-') + "x"), HasSubstr("nested too deeply"));
  EXPECT_THAT(refusal("x" + std::string(3000, ' ')), HasSubstr("a formula is too long: found 3001 characters"));
  std::string sum = "x";
  while (sum.size() < 1990) sum += "+x";
  EXPECT_EQ(refusal(sum), "accepted");
}

TEST(Expression, RefusesDerivativesOfCutGrids) {
  const auto refused = [](const std::vector<sda::OperatorLink>& chain) {
    try {
      sda::make_operator(chain, flow(), sda::Normalisation::identity({2, 4, 6}));
    } catch (const sda::UsageError& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  const sda::OperatorLink box{"box", {0, 0.6}, {"x", "x"}};
  EXPECT_THAT(refused({box, formula("grad_x(u)")}), HasSubstr("on a grid that a link before has cut"));
  EXPECT_EQ(refused({box, formula("grad_y(u)")}), "accepted");
  EXPECT_THAT(refused({{"speed", {}}, formula("u")}), HasSubstr("links that leave no variables"));
}

TEST(Expression, ReadsItsTomlBack) {
  const std::vector<sda::OperatorLink> chain{{"physical", {}}, formula("sqrt('a \"b\"'^2 + v^2)")};
  const auto text = sda::to_toml(chain);
  EXPECT_EQ(sda::read_operator(text, "text"), chain) << text;
  EXPECT_EQ(sda::to_toml({formula("u + v")}), "[{expression = 'u + v'}]");
  try {
    sda::read_operator("[{expression = \"u +\"}]", "lo.toml");
    ADD_FAILURE() << "took half a formula";
  } catch (const sda::UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("u +‸"));
  }
  EXPECT_THROW(sda::read_operator("[{expression = 3}]", "lo.toml"), sda::UsageError);
  EXPECT_THROW(sda::read_operator("[{expression = \"\"}]", "lo.toml"), sda::UsageError);
}

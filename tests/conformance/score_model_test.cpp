/// What every score must do: as the sampler uses it (ScoreModel) and as guidance does (DifferentiableScore). A new one
/// is a line in `differentiable` or `score_models`.
#include "sda/prior/score_model.hpp"

#include <gmock/gmock.h>

#include <functional>

#include "draws.hpp"
#include "sda/core/error.hpp"
#include "sda/dynamics/linear_gaussian.hpp"
#include "sda/guidance/posterior_score.hpp"
#include "sda/prior/prior.hpp"
#include "sda/prior/scores.hpp"
#include "tolerance.hpp"

namespace {

using sda::DifferentiableScore;
using sda::ScoreModel;
using sda::Shape;
using sda::Tensor;
using sda::conformance::difference;
using sda::conformance::draw;

constexpr std::int64_t plenty = std::int64_t{1} << 30;

// What the scores below are made of --------------------------------------------------------------------------------

std::shared_ptr<const DifferentiableScore> gaussian(std::int64_t length) {
  const auto [mean, covariance] = sda::rotation_chain().joint(length);
  return sda::make_gaussian_score(sda::NoiseSchedule(), mean + 0.3, covariance);
}

std::shared_ptr<const DifferentiableScore> exact_windowed_score(std::int64_t stride) {
  return std::make_shared<sda::WindowedScore>(gaussian(5), 2, stride);
}

const sda::NetworkParameters local{
    .kind = sda::NetworkKind::residual_mlp, .order = 2, .embedding = 8, .width = 16, .depth = 2};
const sda::NetworkParameters global{
    .kind = sda::NetworkKind::unet, .global = true, .window = 8, .embedding = 8, .channels = {4, 6}, .blocks = {1, 1}};

/// In float64, so that finite differences can tell a wrong derivative from rounding; the kernels are of float32.
std::shared_ptr<sda::Network> network(const sda::NetworkParameters& parameters, at::ScalarType dtype = at::kDouble) {
  auto net = sda::make_network(parameters, {2}, 7);
  net->to(dtype);
  return net;
}

const sda::StateLayout layout{.event = {2}, .variables = {{"x", "x"}, {"y", "y"}}, .space_names = {}};

std::shared_ptr<const DifferentiableScore> prior(const sda::NetworkParameters& parameters, std::int64_t memory,
                                                 std::int64_t stride = 1, at::ScalarType dtype = at::kDouble) {
  sda::Prior p;
  p.network_parameters = parameters;
  p.layout = layout;
  p.network = network(parameters, dtype);
  return sda::make_prior_score(p, memory, stride, sda::Precision::float32);
}

std::shared_ptr<const DifferentiableScore> fused(const sda::NetworkParameters& parameters, std::int64_t memory,
                                                 std::int64_t stride = 1) {
  return network(parameters, at::kFloat)->fused_score(memory, stride, sda::Precision::float32);
}

/// Wider, for the norm over few channels curves too much for the large steps that float32 needs.
const sda::NetworkParameters wider_global{.kind = sda::NetworkKind::unet,
                                          .global = true,
                                          .window = 8,
                                          .embedding = 8,
                                          .channels = {16, 24},
                                          .blocks = {1, 1}};

const Shape space{1, 4, 6};

std::shared_ptr<const DifferentiableScore> fused_local_unet(std::int64_t memory, std::int64_t stride = 1) {
  const sda::NetworkParameters parameters{.kind = sda::NetworkKind::unet,
                                          .order = 1,
                                          .embedding = 8,
                                          .channels = {4, 6},
                                          .blocks = {1, 1},
                                          .padding = sda::Padding::circular};
  return sda::make_network(parameters, space, 7)->fused_score(memory, stride, sda::Precision::float32);
}

/// A nonlinear observation of every third state of 9.
std::shared_ptr<const ScoreModel> posterior(std::shared_ptr<const DifferentiableScore> of,
                                            const sda::GuidanceParameters& guidance) {
  sda::Observations y;
  y.layout = layout;
  y.normalisation = sda::Normalisation::identity(layout.event);
  y.length = 9;
  sda::ObservationPart part{.name = "", .chain = {{"every", {3}}, {"select", {0}}, {"saturate", {}}}};
  part.op = sda::make_operator(part.chain, y.layout, y.normalisation);
  part.noise = sda::GaussianNoise({0.1});
  part.values = draw({3, 1}, 50);
  y.parts = {part};
  return std::make_shared<sda::PosteriorScore>(std::move(of), sda::NoiseSchedule(), y, guidance);
}

// The scores there are ---------------------------------------------------------------------------------------------

template <class Score>
struct Case {
  std::string name;
  std::function<std::shared_ptr<const Score>()> make;
  std::int64_t length = 9;
  bool any_length = false;                ///< takes rows of other lengths too
  at::ScalarType computes = at::kDouble;  ///< what it computes in, whatever the rows are
  Shape event = {2};

  double precision() const {
    return computes == at::kDouble ? sda::tolerance::exact_float64 : sda::tolerance::exact_float32;
  }
};

template <class Score>
void PrintTo(const Case<Score>& c, std::ostream* out) {
  *out << c.name;
}

const std::vector<Case<DifferentiableScore>> differentiable{
    {"gaussian", [] { return gaussian(9); }},
    {"bounded", [] { return sda::make_bounded_score(gaussian(9), sda::NoiseSchedule(), 0.5); }},
    {"blanket_stride_1", [] { return exact_windowed_score(1); }, 9, true},
    {"blanket_stride_2", [] { return exact_windowed_score(2); }, 9, true},
    {"blanket_stride_5", [] { return exact_windowed_score(5); }, 9, true},
    {"blanket_of_one_window", [] { return exact_windowed_score(1); }, 5, true},
    {"residual_mlp", [] { return sda::make_network_score(network(local), plenty); }, 5},
    {"residual_mlp_in_little_memory", [] { return sda::make_network_score(network(local), 1); }, 5},
    {"fused_mlp", [] { return fused(local, plenty); }, 5, true, at::kFloat},
    {"fused_mlp_in_little_memory", [] { return fused(local, 1); }, 5, true, at::kFloat},
    {"fused_trajectory", [] { return fused(local, plenty); }, 9, true, at::kFloat},
    {"fused_trajectory_stride_4", [] { return fused(local, plenty, 4); }, 9, true, at::kFloat},
    {"fused_local_prior", [] { return prior(local, plenty, 1, at::kFloat); }, 9, true, at::kFloat},
    {"unet", [] { return sda::make_network_score(network(global), plenty); }, 8, true},
    {"fused_unet", [] { return fused(wider_global, plenty); }, 8, true, at::kFloat},
    {"fused_unet_in_little_memory", [] { return fused(wider_global, 1); }, 8, true, at::kFloat},
    {"fused_local_unet", [] { return fused_local_unet(plenty); }, 9, true, at::kFloat, space},
    {"fused_local_unet_in_little_memory", [] { return fused_local_unet(1, 2); }, 9, true, at::kFloat, space},
    {"local_prior", [] { return prior(local, plenty); }, 9, true},
    {"local_prior_in_little_memory", [] { return prior(local, 20000); }, 9, true},
    {"local_prior_stride_3", [] { return prior(local, plenty, 3); }, 9, true},
    {"global_prior", [] { return prior(global, plenty); }, 8, true},
};

const std::vector<Case<ScoreModel>> score_models = [] {
  std::vector<Case<ScoreModel>> all{
      {"sda_of_gaussian", [] { return posterior(gaussian(9), {}); }},
      {"sda_of_network", [] { return posterior(prior(local, plenty), {}); }},
      {"sda_of_fused_network", [] { return posterior(prior(local, plenty, 1, at::kFloat), {}); }, 9, false, at::kFloat},
      {"sda_detached", [] { return posterior(prior(local, plenty), {.detach = true}); }},
      {"mmps_of_gaussian", [] { return posterior(gaussian(9), {.rule = "mmps", .iterations = 3}); }},
      {"mmps_of_network", [] { return posterior(prior(local, plenty), {.rule = "mmps", .iterations = 2}); }},
      {"mmps_of_fused_network", [] { return posterior(prior(local, plenty, 1, at::kFloat), {.rule = "mmps"}); }, 9,
       false, at::kFloat},
      {"pigdm", [] { return posterior(prior(local, plenty), {.rule = "pigdm"}); }},
      {"dps", [] { return posterior(prior(local, plenty), {.rule = "dps"}); }},
      {"unguided", [] { return posterior(prior(local, plenty), {.rule = "none"}); }, 9, true},
  };
  for (const auto& c : differentiable) all.push_back({c.name, c.make, c.length, c.any_length, c.computes, c.event});
  return all;
}();

template <class Score>
class Suite : public testing::TestWithParam<Case<Score>> {
 protected:
  const std::shared_ptr<const Score> score = this->GetParam().make();

  Tensor rows(std::int64_t n, std::uint64_t which, at::ScalarType dtype = at::kDouble) const {
    return draw(sda::prepend({n, this->GetParam().length}, this->GetParam().event), which, dtype);
  }
};
class Model : public Suite<ScoreModel> {};
class Differentiable : public Suite<DifferentiableScore> {};

const auto name_of = [](const auto& c) { return c.param.name; };
const double times[] = {0.0, 0.3, 1.0};

}  // namespace

TEST_P(Model, KeepsShapeDtypeAndInput) {
  for (const auto dtype : {at::kFloat, at::kDouble}) {
    for (const std::int64_t n : {1, 2, 7}) {
      for (const double t : times) {
        const auto x = rows(n, 1, dtype), before = x.clone();
        const auto epsilon = score->epsilon(x, t);
        EXPECT_EQ(epsilon.sizes(), x.sizes());
        EXPECT_EQ(epsilon.scalar_type(), dtype);
        EXPECT_TRUE(epsilon.isfinite().all().item<bool>());
        EXPECT_FALSE(epsilon.requires_grad());
        EXPECT_TRUE(x.equal(before));
      }
    }
  }
}

TEST_P(Model, RowsAreIndependent) {
  const auto x = rows(7, 2);
  for (const double t : times) {
    const auto all = score->epsilon(x, t);
    for (std::int64_t i = 0; i < 7; ++i) {
      EXPECT_LT(difference(score->epsilon(x.narrow(0, i, 1), t), all.narrow(0, i, 1)), GetParam().precision()) << i;
    }
    EXPECT_LT(difference(score->epsilon(x.flip({0}), t), all.flip({0})), GetParam().precision());
  }
}

TEST_P(Model, TakesRowsThatAreNotContiguous) {
  const auto x = rows(7, 3);
  const auto strided = x.transpose(0, 1).contiguous().transpose(0, 1);
  ASSERT_FALSE(strided.is_contiguous());
  EXPECT_LT(difference(score->epsilon(strided, 0.3), score->epsilon(x, 0.3)), GetParam().precision());
}

TEST_P(Model, RepeatsItselfBitForBit) {
  const auto x = rows(7, 4);
  EXPECT_TRUE(score->epsilon(x, 0.3).equal(score->epsilon(x, 0.3)));
}

TEST_P(Model, Float32IsNearFloat64) {
  const auto x = rows(7, 5, at::kFloat);
  const auto single = score->epsilon(x, 0.3).to(at::kDouble);
  EXPECT_LT(difference(single, score->epsilon(x.to(at::kDouble), 0.3)), sda::tolerance::exact_float32);
}

TEST_P(Model, RefusesRowsItCannotTakeInWords) {
  const auto length = GetParam().length;
  Shape other = GetParam().event;
  ++other.back();
  EXPECT_THROW(score->epsilon(at::zeros(sda::prepend({2, length}, other), at::kDouble), 0.5), sda::ShapeError);
  if (!GetParam().any_length) {
    EXPECT_THROW(score->epsilon(at::zeros(sda::prepend({2, length + 1}, GetParam().event), at::kDouble), 0.5),
                 sda::Error);
  }
}

INSTANTIATE_TEST_SUITE_P(, Model, testing::ValuesIn(score_models), name_of);

TEST_P(Differentiable, LinearisationHasTheSameEpsilon) {
  for (const double t : times) {
    const auto x = rows(7, 6);
    EXPECT_LT(difference(score->linearise(x, t)->epsilon(), score->epsilon(x, t)), GetParam().precision());
  }
}

TEST_P(Differentiable, PullBackIsTheDerivative) {
  const bool exact = GetParam().computes == at::kDouble;
  const double h = exact ? 1e-5 : 1e-2;
  const double bound = exact ? sda::tolerance::finite_difference : sda::tolerance::finite_difference_float32;
  for (const double t : times) {
    const auto x = rows(3, 7), v = rows(3, 8), d = rows(3, 9);
    const auto along = (score->epsilon(x + h * d, t) - score->epsilon(x - h * d, t)) / (2 * h);
    const auto expected = (along * v).flatten(1).sum(1);
    const auto got = (score->linearise(x, t)->vjp(v) * d).flatten(1).sum(1);
    EXPECT_LT(difference(got, expected), bound) << "t = " << t;
  }
}

TEST_P(Differentiable, PullBackIsLinearAndRepeats) {
  const auto x = rows(3, 10), v = rows(3, 11), w = rows(3, 12);
  const auto linear = score->linearise(x, 0.3);
  const auto first = linear->vjp(v), other = linear->vjp(w);
  EXPECT_LT(difference(linear->vjp(2.0 * v - 3.0 * w), 2.0 * first - 3.0 * other), GetParam().precision());
  EXPECT_TRUE(linear->vjp(v).equal(first));
  EXPECT_TRUE(score->linearise(x, 0.3)->vjp(v).equal(first));
}

TEST_P(Differentiable, PullBackKeepsShapeDtypeAndNeedsNoGradMode) {
  for (const auto dtype : {at::kFloat, at::kDouble}) {
    const auto x = rows(1, 13, dtype), v = rows(1, 14, dtype);
    at::NoGradGuard no_grad;
    const auto g = score->linearise(x, 0.3)->vjp(v);
    EXPECT_EQ(g.sizes(), x.sizes());
    EXPECT_EQ(g.scalar_type(), dtype);
    EXPECT_FALSE(g.requires_grad());
    EXPECT_GT(g.abs().max().item<double>(), 0);
  }
}

TEST_P(Differentiable, LinearisationOutlivesScoreAndInput) {
  auto x = rows(3, 15);
  const auto v = rows(3, 16);
  const auto expected = score->linearise(x, 0.3)->vjp(v);
  const auto linear = GetParam().make()->linearise(x, 0.3);
  x = Tensor();
  EXPECT_TRUE(linear->vjp(v).equal(expected));
}

INSTANTIATE_TEST_SUITE_P(, Differentiable, testing::ValuesIn(differentiable), name_of);

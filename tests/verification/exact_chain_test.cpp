/// An exactly solvable chain. On a linear-Gaussian chain every score is affine, so the sampler maps Gaussians to
/// Gaussians: covariance V and mean m = F y are propagated exactly through its steps and compared with the smoother's
/// posterior, with no sampling noise. The chain is x_1 ~ N(0, I) in R², x_{i+1} = A x_i + N(0, (1 − r²) I), A = r ×
/// rotation by 0.3 rad, r = 0.97, L = 33; the first coordinate of states 1, 5, …, 33 is observed with noise 0.1.
#include <gtest/gtest.h>

#include <cmath>

#include "core/torch.hpp"
#include "sampling/integration.hpp"
#include "sda/baselines/kalman.hpp"
#include "sda/dynamics/linear_gaussian.hpp"
#include "sda/guidance/posterior_score.hpp"
#include "sda/sampling/sampler.hpp"
#include "sda/study/exact_chain.hpp"
#include "sda/study/moments.hpp"
#include "tolerance.hpp"

namespace {

using sda::Corrector;
using sda::full_score;
using sda::Predictor;
using sda::Tensor;
using sda::TimeGrid;

constexpr std::int64_t length = 33, dimension = 2, size = length * dimension;
constexpr std::int64_t values = 9;
constexpr double noise = 0.1, tau = 0.25;
constexpr std::int64_t steps = 256;
const sda::GuidanceParameters sda_rule{.rule = "sda", .gamma = {1e-2}};
/// Its linear system solved exactly.
const sda::GuidanceParameters mmps_rule{.rule = "mmps", .gamma = {0}, .iterations = values};

const sda::NoiseSchedule schedule;  // cos VP, η = 1e-3

Tensor identity(std::int64_t n) {
  return at::eye(n, at::kDouble);
}
double trace_of(const Tensor& matrix) {
  return matrix.trace().item<double>();
}

/// The chain with y observed of it.
sda::Observations observations(const Tensor& y) {
  sda::Observations o;
  o.layout = sda::rotation_chain(0.97, 0.3).layout();
  o.normalisation = sda::Normalisation::identity(o.layout.event);
  o.length = length;
  sda::ObservationPart first{.name = "", .chain = {{"every", {4}}, {"select", {0}}}};
  first.op = sda::make_operator(first.chain, o.layout, o.normalisation);
  first.noise = sda::GaussianNoise({noise});
  first.values = y.reshape({values, 1});
  o.parts = {first};
  o.name = "exact chain";
  return o;
}

const sda::StationaryProcess& process() {
  static const sda::StationaryProcess value = sda::stationary_process(sda::rotation_chain(0.97, 0.3));
  return value;
}

/// What the smoother says.
const sda::LinearPosterior& truth() {
  static const sda::LinearPosterior value = sda::linear_posterior(
      process().covariance(length), sda::linear_observations(observations(at::zeros({values}, at::kDouble))));
  return value;
}

/// y ~ N(0, Σ_yy).
Tensor draw_observations(std::uint64_t seed) {
  const auto z = sda::normal({values, 1}, {.seed = seed, .purpose = sda::Purpose::test}, at::kDouble);
  return sda::symmetric_root(truth().of_observations).matmul(z.flatten());
}

std::shared_ptr<const sda::DifferentiableScore> prior(std::int64_t k) {
  return sda::exact_score(process(), schedule, length, k);
}

sda::AffinePosterior affine(std::int64_t k, const sda::GuidanceParameters& guidance) {
  return {prior(k), schedule, observations(at::zeros({values}, at::kDouble)), guidance};
}

/// Of a Gaussian that no rule but DPS looks at.
sda::AffineScore at_time(const sda::AffinePosterior& score, double t) {
  return score.at_time(t, {at::zeros({size, values}, at::kDouble), identity(size)}, truth().of_observations);
}

double error(const sda::Moments& moments) {
  return sda::posterior_error(moments, truth()).total;
}

const std::vector<std::int64_t> corrections{0, 1, 2, 4, 8, 16};

struct Row {
  sda::GuidanceParameters guidance;
  std::int64_t k;
  std::vector<double> errors;
};

/// The published rows: error for each number of corrections, by rule and k. MMPS's matrix turns indefinite for k = 8
/// and C = 0, where 2.198 was published; by the library's bounds on it (positive, and no less than J Jᵀ asks) it is
/// 0.495. For k = 2 and C = 0, where 1.432 was published, it is made symmetric within its Krylov space, which is not
/// all of observations.
const std::vector<Row> published{
    {sda_rule, 1, {2.172, 1.023, 0.691, 0.401, 0.200, 0.088}},
    {sda_rule, 2, {1.230, 0.262, 0.143, 0.073, 0.040, 0.030}},
    {sda_rule, 4, {0.651, 0.131, 0.082, 0.051, 0.035, 0.030}},
    {sda_rule, 8, {0.530, 0.123, 0.080, 0.051, 0.035, 0.030}},
    {sda_rule, full_score, {0.458, 0.120, 0.080, 0.051, 0.035, 0.030}},
    {mmps_rule, 2, {1.436, 0.277, 0.149, 0.074, 0.039, 0.030}},
    {mmps_rule, 4, {0.558, 0.048, 0.033, 0.029, 0.028, 0.028}},
    {mmps_rule, 8, {0.495, 0.029, 0.028, 0.028, 0.028, 0.028}},
    {mmps_rule, full_score, {0.011, 0.029, 0.028, 0.028, 0.028, 0.028}},
};

class ExactChain : public testing::TestWithParam<Row> {};

const auto name_of_k = [](std::int64_t k) {
  return k == full_score ? std::string("full_score") : "k" + std::to_string(k);
};

}  // namespace

TEST(ExactChainTruth, SmootherAgreesWithConditioningTheJoint) {
  const auto y = draw_observations(1);
  const auto smoothed = sda::kalman_smoother(sda::rotation_chain(0.97, 0.3), observations(y)).smoothed;
  const auto mean = truth().gain.matmul(y).view({length, dimension});
  EXPECT_LT((smoothed.mean - mean).abs().max().item<double>(), sda::tolerance::exact_float64);
  EXPECT_LT((smoothed.joint_covariance - truth().covariance).abs().max().item<double>(), sda::tolerance::exact_float64);
}

TEST(ExactChainTruth, ProbeIsThePosteriorsScore) {
  const auto y = draw_observations(8);
  const auto x = sda::normal({1, length, dimension}, {.seed = 8, .purpose = sda::Purpose::test}, at::kDouble);
  for (const auto& guidance : {sda_rule, mmps_rule}) {
    const sda::PosteriorScore posterior(prior(4), schedule, observations(y), guidance);
    for (const double t : {0.0, 0.4, 1.0}) {
      const auto [g, b] = at_time(affine(4, guidance), t);
      const auto expected = posterior.epsilon(x, t).flatten();
      EXPECT_LT((g.matmul(x.flatten()) + b.matmul(y) - expected).abs().max().item<double>(), 1e-8)
          << guidance.rule << ", t = " << t;
    }
  }
}

TEST_P(ExactChain, SamplersErrorIsThePublishedOne) {
  const auto& [guidance, k, errors] = GetParam();
  const auto score = affine(k, guidance);
  for (std::size_t c = 0; c < corrections.size(); ++c) {
    const sda::SamplerParameters sampler{
        .steps = steps, .grid = TimeGrid::uniform, .churn = 0, .corrections = corrections[c], .tau = tau};
    EXPECT_NEAR(error(sda::propagate_moments(score, sampler, truth().of_observations)), errors[c],
                sda::tolerance::exact_chain)
        << "k = " << k << ", C = " << corrections[c];
  }
}

INSTANTIATE_TEST_SUITE_P(, ExactChain, testing::ValuesIn(published),
                         [](const auto& row) { return row.param.guidance.rule + "_" + name_of_k(row.param.k); });

/// What docs/results/guidance.md recommends, with MMPS.
struct Recommended {
  std::int64_t k;
  sda::SamplerParameters sampler;
  double error;
};

class ExactChainRecommended : public testing::TestWithParam<Recommended> {};

TEST_P(ExactChainRecommended, ErrorIsTheRecordedOne) {
  const auto& [k, sampler, expected] = GetParam();
  EXPECT_NEAR(error(sda::propagate_moments(affine(k, mmps_rule), sampler, truth().of_observations)), expected,
              sda::tolerance::exact_chain_recommended);
}

const std::vector<Recommended> recommended{
    {4,
     {.steps = 256,
      .grid = TimeGrid::power,
      .exponent = 3,
      .churn = 0,
      .corrections = 1,
      .corrector = Corrector::leimkuhler_matthews,
      .tau = 1},
     0.0089},
    {4, {.steps = 256, .grid = TimeGrid::power, .exponent = 3, .churn = 1, .corrections = 0}, 0.0092},
    {4, {.steps = 200, .grid = TimeGrid::power, .exponent = 3, .churn = 1, .corrections = 0}, 0.0125},
    {8, {.steps = 200, .grid = TimeGrid::power, .exponent = 3, .churn = 1, .corrections = 0}, 0.0054},
};

INSTANTIATE_TEST_SUITE_P(, ExactChainRecommended, testing::ValuesIn(recommended), [](const auto& row) {
  const auto& s = row.param.sampler;
  return name_of_k(row.param.k) + "_" + std::to_string(s.steps) + "_steps_" + std::to_string(s.corrections) +
         "_corrections";
});

/// 200 steps of one evaluation with two VJPs are 600 passes. The real sampler with two iterations and with as
/// many as there are observations, every draw the same: the distance between the ensembles is at most that between
/// their members.
TEST(ExactChainSampler, TwoIterationsAreNearlyAll) {
  constexpr std::int64_t members = 64;
  const auto y = draw_observations(4);
  const auto draw = [&](std::int64_t iterations) {
    auto guidance = mmps_rule;
    guidance.iterations = iterations;
    const sda::PosteriorScore posterior(prior(4), schedule, observations(y), guidance);
    return sda::Sampler(schedule, recommended[2].sampler)
        .sample(posterior, {members, length, dimension}, 5, 0, {}, at::kDouble);
  };
  const auto square = (draw(2) - draw(values)).square().sum().item<double>() / members;
  EXPECT_LT(std::sqrt(square / trace_of(truth().covariance)), sda::tolerance::exact_chain_recommended);
}

/// As sda::propagate_moments, for one y, where each member's δ is τ / mean ε² of its own ε, as the sampler's is: the
/// step then depends on the member, so the map is no longer affine. With s = mean ε² and δ = τ/s to second order about
/// E[s], all moments needed are Gaussian ones (Isserlis): Cov(s, ε) = 2 C q / N and so on, ε ~ N(q, C), D = Cov(ε, x).
struct MomentsByMembers {
  Tensor m = at::zeros({size}, at::kDouble);
  Tensor v = identity(size);

  void predict(const sda::AffineScore& score, const Tensor& y, const sda::ExponentialStep& step) {
    const auto map = step.r * identity(size) + step.c * score.of_x;
    m = map.matmul(m) + step.c * score.of_y.matmul(y);
    v = map.matmul(v).matmul(map.mT());
  }

  void correct(const sda::AffineScore& score, const Tensor& y, double sigma) {
    const auto q = score.of_x.matmul(m) + score.of_y.matmul(y), d = score.of_x.matmul(v), c = d.matmul(score.of_x.mT());
    const auto cq = c.matmul(q);
    const double s = (trace_of(c) + q.dot(q).item<double>()) / size;
    const double spread = (2 * trace_of(c.matmul(c)) + 4 * q.dot(cq).item<double>()) / (size * size * s * s);  // Var/E²
    const double delta = tau / s, w = 2 / (size * s);
    const auto step = delta * ((1 + spread) * q - w * cq);                                          // E[δ ε]
    const auto cross = delta * ((1 + spread) * d - w * (at::outer(q, q.matmul(d)) + c.matmul(d)));  // E[δ ε x̃ᵀ]
    const auto second = delta * delta *
                        ((1 + 3 * spread) * (c + at::outer(q, q)) -
                         2 * w * (c.matmul(c) + at::outer(q, cq) + at::outer(cq, q)));  // E[δ² ε εᵀ]
    m = m - sigma * step;
    v = v - sigma * (cross + cross.mT()) + sigma * sigma * (second - at::outer(step, step)) +
        2 * sigma * sigma * delta * (1 + spread) * identity(size);
  }
};

/// An ensemble x (member, size) has mean m and covariance V, but for sampling. With M members in N dimensions, whitened
/// by V, the mean's squared norm times M is χ²(N), and the mean eigenvalue of the covariance is 1 ± √(2/(N M)): five
/// standard deviations are allowed.
void expect_moments(const Tensor& x, const Tensor& m, const Tensor& v) {
  const double n = size, members = static_cast<double>(x.size(0));
  const auto whiten = at::linalg_inv(sda::symmetric_root(v));
  const auto centred = (x - x.mean(0)).matmul(whiten);
  const auto mean = whiten.matmul(x.mean(0) - m);
  const auto covariance = centred.mT().matmul(centred) / (members - 1);

  EXPECT_LT(members * mean.square().sum().item<double>(), n + 5 * std::sqrt(2 * n));
  EXPECT_NEAR(trace_of(covariance) / n, 1, 5 * std::sqrt(2 / (n * members)));
  // The largest and least eigenvalues of a sampled covariance lie at (1 ± √(N/M))²; a tenth beside is allowed.
  const auto eigenvalues = at::linalg_eigvalsh(covariance);
  const double edge = std::sqrt(n / members);
  EXPECT_LT(eigenvalues.max().item<double>(), (1 + edge) * (1 + edge) * 1.1);
  EXPECT_GT(eigenvalues.min().item<double>(), (1 - edge) * (1 - edge) / 1.1);
}

/// The real sampler, k = 4 and C = 1 in float32, against the moments propagated for one y. A member's own δ makes the
/// ensemble about 3 % wider than one δ for all would (mean eigenvalue; propagated above); what is left is sampling.
/// float32 and the third order are far below. δ of the batch's mean ε² fails here.
TEST(ExactChainSampler, EnsembleHasTheCarriedMoments) {
  constexpr std::int64_t members = 2048;
  const auto y = draw_observations(2);
  const auto score = affine(4, sda_rule);
  const sda::SamplerParameters parameters{
      .steps = steps, .grid = TimeGrid::uniform, .churn = 0, .corrections = 1, .tau = tau};
  const auto moments = sda::propagate_moments(score, parameters, at::outer(y, y));
  MomentsByMembers by_members;
  const auto t = sda::time_grid(schedule, parameters);
  for (std::int64_t step = 0; step < steps; ++step) {
    by_members.predict(at_time(score, t[step]), y, sda::ExponentialStep::between(schedule, t[step], t[step + 1]));
    by_members.correct(at_time(score, t[step + 1]), y, schedule.sigma(t[step + 1]));
  }
  // The two Gaussians are near each other: a few per cent of width, a small part of the spread in the mean.
  EXPECT_NEAR(trace_of(by_members.v) / trace_of(moments.covariance), 1, 0.05);
  EXPECT_LT((by_members.m - moments.mean_map.matmul(y)).norm().item<double>(),
            0.05 * std::sqrt(trace_of(moments.covariance)));

  const sda::PosteriorScore posterior(prior(4), schedule, observations(y), sda_rule);
  const auto x =
      sda::Sampler(schedule, parameters).sample(posterior, {members, length, dimension}, 3).to(at::kDouble).flatten(1);
  expect_moments(x, by_members.m, by_members.v);
}

/// The same by MMPS with churn, for one y: δ of a Leimkuhler-Matthews correction is one for all members.
void expect_carried_moments_by_mmps(const sda::SamplerParameters& parameters, std::uint64_t seed) {
  const auto y = draw_observations(seed);
  const auto moments = sda::propagate_moments(affine(4, mmps_rule), parameters, truth().of_observations);
  auto guidance = mmps_rule;
  guidance.iterations = 3;
  const sda::PosteriorScore posterior(prior(4), schedule, observations(y), guidance);
  const auto x = sda::Sampler(schedule, parameters).sample(posterior, {1024, length, dimension}, seed + 1);
  expect_moments(x.to(at::kDouble).flatten(1), moments.mean_map.matmul(y), moments.covariance);
}

/// In the step and in a Leimkuhler-Matthews correction.
TEST(ExactChainSampler, ChurnHasTheCarriedMoments) {
  const sda::SamplerParameters parameters{.steps = 32,
                                          .grid = TimeGrid::power,
                                          .exponent = 2.5,
                                          .churn = 0.5,
                                          .corrections = 1,
                                          .corrector = Corrector::leimkuhler_matthews,
                                          .tau = 1};
  expect_carried_moments_by_mmps(parameters, 6);
}

/// With noise between its steps and evaluations remembered across them. By MMPS: under SDA these settings diverge, and
/// a variance of 1e18 tells nothing.
TEST(ExactChainSampler, MultistepWithNoiseHasTheCarriedMoments) {
  const sda::SamplerParameters parameters{.steps = 48,
                                          .grid = TimeGrid::power,
                                          .exponent = 2,
                                          .order = 3,
                                          .churn = 0.3,
                                          .corrections = 1,
                                          .corrector = Corrector::leimkuhler_matthews,
                                          .tau = 0.5,
                                          .noise_until = 0.1};
  expect_carried_moments_by_mmps(parameters, 9);
}

/// Without noise the sampler is one affine map of x(1): propagated moments must be that map to the last digits.
TEST(ExactChainSampler, WithoutNoiseItIsTheCarriedMap) {
  const auto y = draw_observations(11);
  const auto start = at::cat({identity(size), at::zeros({1, size}, at::kDouble)}).view({size + 1, length, dimension});
  const sda::PosteriorScore posterior(prior(4), schedule, observations(y), sda_rule);
  const auto score = affine(4, sda_rule);
  const std::vector<sda::SamplerParameters> samplers{
      {.steps = 24, .grid = TimeGrid::uniform, .churn = 0, .corrections = 0},
      {.steps = 24, .grid = TimeGrid::power, .exponent = 3, .order = 2, .churn = 0, .corrections = 0},
      {.steps = 24, .grid = TimeGrid::log_snr, .order = 3, .churn = 0, .corrections = 0},
      {.steps = 24,
       .grid = TimeGrid::karras,
       .exponent = 7,
       .predictor = Predictor::heun,
       .churn = 0,
       .corrections = 0}};
  for (const auto& parameters : samplers) {
    const auto end = sda::Sampler(schedule, parameters).sample_from(start, posterior, 1).flatten(1);
    const auto map = (end.narrow(0, 0, size) - end[size]).mT();
    const auto moments = sda::propagate_moments(score, parameters, truth().of_observations);
    const auto differs = [](const Tensor& a, const Tensor& b) {
      return (a - b).abs().max().item<double>() / b.abs().max().item<double>();
    };
    EXPECT_LT(differs(moments.covariance, map.matmul(map.mT())), 1e-8) << name_of(parameters.grid) << parameters.order;
    EXPECT_LT(differs(moments.mean_map.matmul(y), end[size]), 1e-8) << name_of(parameters.grid) << parameters.order;
  }
}

/// What a Gaussian's intervals should hold, by counting: x | y from the smoother, y from the chain.
TEST(ExactChainTruth, CoverageIsWhatCountingFinds) {
  const sda::Moments moments{0.8 * truth().gain, 1.5 * truth().covariance};
  constexpr std::int64_t n = 20000;
  const auto normals = [](std::int64_t columns, std::uint64_t step) {
    return sda::normal({n, columns}, {.seed = 3, .purpose = sda::Purpose::test, .step = step}, at::kDouble);
  };
  const auto y = normals(values, 0).matmul(sda::symmetric_root(truth().of_observations));
  const auto x = y.matmul(truth().gain.mT()) + normals(size, 1).matmul(sda::symmetric_root(truth().covariance));
  const auto z = (x - y.matmul(moments.mean_map.mT())) / moments.covariance.diagonal().sqrt();
  for (const auto& [level, bound] : {std::pair{0.5, 0.6744898}, std::pair{0.9, 1.6448536}}) {
    const double counted = z.abs().lt(bound).to(at::kDouble).mean().item<double>();
    // A trajectory's coordinates are nearly one draw: at worst the standard error is that of n values.
    EXPECT_NEAR(sda::expected_coverage(moments, truth(), level), counted, 4 * std::sqrt(0.25 / n)) << level;
  }
  EXPECT_NEAR(sda::expected_coverage({truth().gain, truth().covariance}, truth(), 0.9), 0.9, 1e-12);
}

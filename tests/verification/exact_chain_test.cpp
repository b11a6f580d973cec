/// An exactly solvable chain. On a linear-Gaussian chain every score is affine, so the sampler maps Gaussians to
/// Gaussians: covariance V and mean m = F y are carried exactly through its steps and compared with the smoother's
/// posterior, with no sampling noise. The chain is x_1 ~ N(0, I) in R², x_{i+1} = A x_i + N(0, (1 − r²) I), A = r ×
/// rotation by 0.3 rad, r = 0.97, L = 33; the first coordinate of states 1, 5, …, 33 is observed with noise 0.1.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "core/torch.hpp"
#include "sda/baselines/kalman.hpp"
#include "sda/diffusion/denoising.hpp"
#include "sda/dynamics/linear_gaussian.hpp"
#include "sda/guidance/posterior_score.hpp"
#include "sda/sampling/sampler.hpp"
#include "sda/score/scores.hpp"
#include "tolerance.hpp"

namespace {

using sda::Tensor;

constexpr std::int64_t length = 33, dimension = 2, size = length * dimension, full_score = 0;
constexpr std::int64_t readings = 9;
constexpr double noise = 0.1, tau = 0.25;
constexpr std::int64_t steps = 256;
const sda::GuidanceParameters sda_rule{.rule = "sda", .gamma = {1e-2}};
/// Its linear system solved exactly.
const sda::GuidanceParameters mmps_rule{.rule = "mmps", .gamma = {0}, .iterations = readings};

const sda::NoiseSchedule schedule;  // cos VP, η = 1e-3

Tensor identity(std::int64_t n) {
  return at::eye(n, at::kDouble);
}
double trace_of(const Tensor& matrix) {
  return matrix.trace().item<double>();
}

/// Symmetric square root of a positive semi-definite matrix.
Tensor square_root(const Tensor& matrix) {
  const auto [values, vectors] = at::linalg_eigh((matrix + matrix.mT()) / 2);
  return at::matmul(vectors * values.clamp_min(0).sqrt(), vectors.mT());
}

/// Bures² between covariances: tr(V + P − 2 (√P V √P)^½).
double bures_squared(const Tensor& v, const Tensor& p) {
  const auto root = square_root(p);
  return trace_of(v) + trace_of(p) - 2 * trace_of(square_root(root.matmul(v).matmul(root)));
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
  first.values = y.reshape({readings, 1});
  o.parts = {first};
  o.name = "exact chain";
  return o;
}

/// What the smoother says: the posterior is N(K y, P) with y ~ N(0, Σ_yy), by conditioning the joint Gaussian.
struct Truth {
  Tensor gain, covariance, of_readings;
};

const Truth& truth() {
  static const Truth value = [] {
    const auto joint = sda::rotation_chain(0.97, 0.3).joint(length).second;
    const auto op = observations(at::zeros({readings}, at::kDouble)).parts[0].op;
    // A is linear: its matrix is its reading of unit trajectories.
    const auto h = op->apply(identity(size).view({size, length, dimension})).reshape({size, readings}).mT();
    const auto cross = joint.matmul(h.mT());
    const auto of_readings = h.matmul(cross) + noise * noise * identity(readings);
    const auto gain = cross.matmul(at::linalg_inv(of_readings));
    return Truth{gain, joint - gain.matmul(cross.mT()), of_readings};
  }();
  return value;
}

/// y ~ N(0, Σ_yy).
Tensor draw_readings(std::uint64_t seed) {
  const auto z = sda::normal({readings, 1}, {.seed = seed, .purpose = sda::Purpose::test}, at::kDouble);
  return square_root(truth().of_readings).matmul(z.flatten());
}

/// The prior's score: of the whole trajectory (k = 0), or composed from windows of 2k+1 states, each with the exact
/// score of its own marginal; the chain is stationary, so one window's marginal is every window's.
std::shared_ptr<const sda::DifferentiableScore> prior(std::int64_t k) {
  const auto states = k == full_score ? length : 2 * k + 1;
  const auto [mean, covariance] = sda::rotation_chain(0.97, 0.3).joint(states);
  auto score = sda::make_gaussian_score(schedule, mean, covariance);
  if (k == full_score) return score;
  return std::make_shared<sda::MarkovBlanket>(score, k);
}

/// ε(x, t | y) = G x + b y, with the matrices read off the library's own posterior score.
struct AffineScore {
  Tensor g, b;
};

class Probe {
 public:
  Probe(std::int64_t k, const sda::GuidanceParameters& guidance)
      : prior_(prior(k)),
        observed_(observations(at::zeros({readings}, at::kDouble))),
        posterior_(prior_, schedule, observed_, guidance) {}

  /// A likelihood knows y by y − H x̂ alone: G x = ε_prior(x) − b H x̂(x), from which b follows.
  AffineScore at_time(double t) const {
    const auto x = basis_.view({size, length, dimension});
    const auto of_prior = prior_->epsilon(x, t), guided = posterior_.epsilon(x, t);
    const auto read = observed_.apply(sda::tweedie_mean(schedule, x, t, of_prior));
    const auto b = at::matmul(at::linalg_pinv(read), (of_prior - guided).flatten(1));
    return {guided.flatten(1).mT().matmul(basis_), b.mT().contiguous()};
  }

 private:
  std::shared_ptr<const sda::DifferentiableScore> prior_;
  sda::Observations observed_;
  sda::PosteriorScore posterior_;
  /// Orthonormal rows in general position: of a unit trajectory's few readings the Krylov space of MMPS may hold too
  /// little.
  Tensor basis_ =
      std::get<0>(at::linalg_qr(sda::normal({size, size}, {.seed = 1, .purpose = sda::Purpose::test}, at::kDouble)));
};

/// The sampler's Gaussian at one time: mean F y, covariance V, with y ~ N(0, S). S = y yᵀ is one fixed y.
struct Carried {
  Tensor f = at::zeros({size, readings}, at::kDouble);
  Tensor v = identity(size);

  /// x ← r x + c ε.
  void predict(const AffineScore& score, const sda::Predictor& step) {
    const auto m = step.r * identity(size) + step.c * score.g;
    f = m.matmul(f) + step.c * score.b;
    v = m.matmul(v).matmul(m.mT());
  }

  /// x ← x − (δ ε + √(2δ) z) σ with δ = τ / E[mean ε²].
  void correct(const AffineScore& score, const Tensor& s, double sigma) {
    const auto delta = tau / mean_square(score, s);
    const auto m = identity(size) - delta * sigma * score.g;
    f = m.matmul(f) - delta * sigma * score.b;
    v = m.matmul(v).matmul(m.mT()) + 2 * delta * sigma * sigma * identity(size);
  }

  /// x ← r x + μ' (2 a z − (δ s_e + s − s') ε(μ_e (x/μ + a z))), a = ½ √(2δ) s_e, with the score at t_e: noise renewed
  /// in a step, or in a correction if s' = s.
  void renew(const AffineScore& score, const sda::Renewal& renewal, double from, double to) {
    const double mu = schedule.mu(from), mu_to = schedule.mu(to), mu_e = schedule.mu(renewal.time);
    const double a = std::sqrt(renewal.delta / 2) * renewal.ratio;
    const double c = renewal.delta * renewal.ratio + schedule.ratio(from) - schedule.ratio(to);
    const auto m = mu_to / mu * (identity(size) - c * mu_e * score.g);
    const auto of_z = mu_to * a * (2 * identity(size) - c * mu_e * score.g);
    f = m.matmul(f) - mu_to * c * score.b;
    v = m.matmul(v).matmul(m.mT()) + of_z.matmul(of_z.mT());
  }

  /// E[mean ε²] over x ~ N(F y, V) and y ~ N(0, S).
  double mean_square(const AffineScore& score, const Tensor& s) const {
    const auto q = score.g.matmul(f) + score.b;  // E[ε | y] = q y
    return (trace_of(score.g.matmul(v).matmul(score.g.mT())) + trace_of(q.matmul(s).matmul(q.mT()))) / size;
  }
};

double time_of(std::int64_t step) {
  return static_cast<double>(steps - step) / static_cast<double>(steps);
}

/// √((E‖F y − K y‖² + Bures²(V, P)) / tr P) over y ~ N(0, Σ_yy).
double error(const Carried& carried) {
  const auto& [gain, covariance, of_readings] = truth();
  const auto d = carried.f - gain;
  const auto of_mean = trace_of(d.matmul(of_readings).matmul(d.mT()));
  return std::sqrt((of_mean + bures_squared(carried.v, covariance)) / trace_of(covariance));
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
/// all of readings.
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
  const auto y = draw_readings(1);
  const auto smoothed = sda::kalman_smoother(sda::rotation_chain(0.97, 0.3), observations(y)).smoothed;
  const auto mean = truth().gain.matmul(y).view({length, dimension});
  EXPECT_LT((smoothed.mean - mean).abs().max().item<double>(), sda::tolerance::exact_float64);
  EXPECT_LT((smoothed.joint_covariance - truth().covariance).abs().max().item<double>(), sda::tolerance::exact_float64);
}

TEST(ExactChainTruth, ProbeIsThePosteriorsScore) {
  const auto y = draw_readings(8);
  const auto x = sda::normal({1, length, dimension}, {.seed = 8, .purpose = sda::Purpose::test}, at::kDouble);
  for (const auto& guidance : {sda_rule, mmps_rule}) {
    const sda::PosteriorScore posterior(prior(4), schedule, observations(y), guidance);
    for (const double t : {0.0, 0.4, 1.0}) {
      const auto [g, b] = Probe(4, guidance).at_time(t);
      const auto wanted = posterior.epsilon(x, t).flatten();
      EXPECT_LT((g.matmul(x.flatten()) + b.matmul(y) - wanted).abs().max().item<double>(), 1e-8)
          << guidance.rule << ", t = " << t;
    }
  }
}

TEST_P(ExactChain, SamplersErrorIsThePublishedOne) {
  const auto& [guidance, k, errors] = GetParam();
  const Probe probe(k, guidance);
  std::vector<Carried> carried(corrections.size());
  auto score = probe.at_time(1);
  for (std::int64_t step = 0; step < steps; ++step) {
    const double to = time_of(step + 1);
    const auto predictor = sda::Predictor::between(schedule, time_of(step), to);
    const auto next = probe.at_time(to);
    for (std::size_t c = 0; c < corrections.size(); ++c) {
      carried[c].predict(score, predictor);
      for (std::int64_t i = 0; i < corrections[c]; ++i) {
        carried[c].correct(next, truth().of_readings, schedule.sigma(to));
      }
    }
    score = next;
  }
  for (std::size_t c = 0; c < corrections.size(); ++c) {
    EXPECT_NEAR(error(carried[c]), errors[c], sda::tolerance::exact_chain) << "k = " << k << ", C = " << corrections[c];
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

Carried carried_through(const Probe& probe, const sda::SamplerParameters& sampler) {
  Carried carried;
  const auto t = sda::Sampler(schedule, sampler).times();
  for (std::int64_t step = 0; step < sampler.steps; ++step) {
    const double from = t[step], to = t[step + 1];
    const auto within = sda::Renewal::within(schedule, from, to, sampler.renewal);
    carried.renew(probe.at_time(within.time), within, from, to);
    const auto correction = sda::Renewal::at(schedule, to, sampler.tau);
    for (std::int64_t i = 0; i < sampler.corrections; ++i)
      carried.renew(probe.at_time(correction.time), correction, to, to);
  }
  return carried;
}

TEST_P(ExactChainRecommended, ErrorIsTheRecordedOne) {
  const auto& [k, sampler, wanted] = GetParam();
  EXPECT_NEAR(error(carried_through(Probe(k, mmps_rule), sampler)), wanted, sda::tolerance::exact_chain_recommended);
}

const std::vector<Recommended> recommended{
    {4, {.steps = 256, .grid = "power", .exponent = 3, .corrections = 1, .corrector = "balanced", .tau = 1}, 0.0089},
    {4, {.steps = 256, .grid = "power", .exponent = 3, .renewal = 1, .corrections = 0}, 0.0092},
    {4, {.steps = 200, .grid = "power", .exponent = 3, .renewal = 1, .corrections = 0}, 0.0125},
    {8, {.steps = 200, .grid = "power", .exponent = 3, .renewal = 1, .corrections = 0}, 0.0054},
};

INSTANTIATE_TEST_SUITE_P(, ExactChainRecommended, testing::ValuesIn(recommended), [](const auto& row) {
  const auto& s = row.param.sampler;
  return name_of_k(row.param.k) + "_" + std::to_string(s.steps) + "_steps_" + std::to_string(s.corrections) +
         "_corrections";
});

/// 200 steps of one evaluation with two pull-backs are 600 passes. The real sampler with two iterations and with as
/// many as there are readings, every draw the same: the distance between the ensembles is at most that between their
/// members.
TEST(ExactChainSampler, TwoIterationsAreNearlyAll) {
  constexpr std::int64_t members = 64;
  const auto y = draw_readings(4);
  const auto draw = [&](std::int64_t iterations) {
    auto guidance = mmps_rule;
    guidance.iterations = iterations;
    const sda::PosteriorScore posterior(prior(4), schedule, observations(y), guidance);
    return sda::Sampler(schedule, recommended[2].sampler)
        .sample(posterior, {members, length, dimension}, 5, 0, {}, at::kDouble);
  };
  const auto square = (draw(2) - draw(readings)).square().sum().item<double>() / members;
  EXPECT_LT(std::sqrt(square / trace_of(truth().covariance)), sda::tolerance::exact_chain_recommended);
}

/// As Carried, for one y, where each member's δ is τ / mean ε² of its own ε, as the sampler's is: the step then depends
/// on the member, so the map is no longer affine. With s = mean ε² and δ = τ/s to second order about E[s], all moments
/// needed are Gaussian ones (Isserlis): Cov(s, ε) = 2 C q / N and so on, ε ~ N(q, C), D = Cov(ε, x).
struct CarriedByMembers {
  Tensor m = at::zeros({size}, at::kDouble);
  Tensor v = identity(size);

  void predict(const AffineScore& score, const Tensor& y, const sda::Predictor& step) {
    const auto map = step.r * identity(size) + step.c * score.g;
    m = map.matmul(m) + step.c * score.b.matmul(y);
    v = map.matmul(v).matmul(map.mT());
  }

  void correct(const AffineScore& score, const Tensor& y, double sigma) {
    const auto q = score.g.matmul(m) + score.b.matmul(y), d = score.g.matmul(v), c = d.matmul(score.g.mT());
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
  const auto whiten = at::linalg_inv(square_root(v));
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

/// The real sampler, k = 4 and C = 1 in float32, against the moments carried for one y. A member's own δ makes the
/// ensemble about 3 % wider than one δ for all would (mean eigenvalue; carried above); what is left is sampling.
/// float32 and the third order are far below. δ of the batch's mean ε² fails here.
TEST(ExactChainSampler, EnsembleHasTheCarriedMoments) {
  constexpr std::int64_t members = 2048;
  const auto y = draw_readings(2);
  const Probe probe(4, sda_rule);
  Carried carried;
  CarriedByMembers by_members;
  auto score = probe.at_time(1);
  for (std::int64_t step = 0; step < steps; ++step) {
    const double to = time_of(step + 1), sigma = schedule.sigma(to);
    const auto predictor = sda::Predictor::between(schedule, time_of(step), to);
    const auto next = probe.at_time(to);
    carried.predict(score, predictor);
    carried.correct(next, at::outer(y, y), sigma);
    by_members.predict(score, y, predictor);
    by_members.correct(next, y, sigma);
    score = next;
  }
  // The two carried Gaussians are near each other: a few per cent of width, a small part of the spread in the mean.
  EXPECT_NEAR(trace_of(by_members.v) / trace_of(carried.v), 1, 0.05);
  EXPECT_LT((by_members.m - carried.f.matmul(y)).norm().item<double>(), 0.05 * std::sqrt(trace_of(carried.v)));

  const sda::PosteriorScore posterior(prior(4), schedule, observations(y), sda_rule);
  const sda::Sampler sampler(schedule, {.steps = steps, .corrections = 1, .tau = tau});
  const auto x = sampler.sample(posterior, {members, length, dimension}, 3).to(at::kDouble).flatten(1);
  expect_moments(x, by_members.m, by_members.v);
}

/// The same for renewed noise, in the step and in a balanced correction, by MMPS: its δ is one for all.
TEST(ExactChainSampler, RenewedNoiseHasTheCarriedMoments) {
  const auto y = draw_readings(6);
  const sda::SamplerParameters parameters{.steps = 32,
                                          .grid = "power",
                                          .exponent = 2.5,
                                          .renewal = 0.5,
                                          .corrections = 1,
                                          .corrector = "balanced",
                                          .tau = 1};
  const auto carried = carried_through(Probe(4, mmps_rule), parameters);
  auto guidance = mmps_rule;
  guidance.iterations = 3;
  const sda::PosteriorScore posterior(prior(4), schedule, observations(y), guidance);
  const auto x = sda::Sampler(schedule, parameters).sample(posterior, {1024, length, dimension}, 7);
  expect_moments(x.to(at::kDouble).flatten(1), carried.f.matmul(y), carried.v);
}

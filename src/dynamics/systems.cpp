// The ordinary differential equations that ship, as Markov chains: x_{i+1} = (RK4 steps of x_i through dt) + N(0, s²
// I).
#include "sda/dynamics/systems.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "core/torch.hpp"
#include "dynamics/ode.hpp"
#include "dynamics/states.hpp"
#include "sda/core/error.hpp"
#include "sda/dynamics/linear_gaussian.hpp"

namespace sda {
namespace {

using ode::Lorenz63;
using ode::Lorenz63Unknown;
using ode::Lorenz96;
using ode::LotkaVolterra;
using ode::Scratch;

// Each system's Runge-Kutta step, compiled for each instruction set.
SDA_SIMD_CLONES void step(const Lorenz63<float>& f, float* x, std::int64_t n, float h, Scratch<float>& s) {
  ode::runge_kutta(f, x, n, h, s);
}
SDA_SIMD_CLONES void step(const Lorenz63<double>& f, double* x, std::int64_t n, double h, Scratch<double>& s) {
  ode::runge_kutta(f, x, n, h, s);
}
SDA_SIMD_CLONES void step(const Lorenz63Unknown<float>& f, float* x, std::int64_t n, float h, Scratch<float>& s) {
  ode::runge_kutta(f, x, n, h, s);
}
SDA_SIMD_CLONES void step(const Lorenz63Unknown<double>& f, double* x, std::int64_t n, double h, Scratch<double>& s) {
  ode::runge_kutta(f, x, n, h, s);
}
SDA_SIMD_CLONES void step(const Lorenz96<float>& f, float* x, std::int64_t n, float h, Scratch<float>& s) {
  ode::runge_kutta(f, x, n, h, s);
}
SDA_SIMD_CLONES void step(const Lorenz96<double>& f, double* x, std::int64_t n, double h, Scratch<double>& s) {
  ode::runge_kutta(f, x, n, h, s);
}
SDA_SIMD_CLONES void step(const LotkaVolterra<float>& f, float* x, std::int64_t n, float h, Scratch<float>& s) {
  ode::runge_kutta(f, x, n, h, s);
}
SDA_SIMD_CLONES void step(const LotkaVolterra<double>& f, double* x, std::int64_t n, double h, Scratch<double>& s) {
  ode::runge_kutta(f, x, n, h, s);
}

Lorenz63<float> narrow(const Lorenz63<double>& f) {
  return {static_cast<float>(f.sigma), static_cast<float>(f.rho), static_cast<float>(f.beta)};
}
Lorenz63Unknown<float> narrow(const Lorenz63Unknown<double>& f) {
  return {narrow(f.known), f.sigma_row, f.rho_row, f.beta_row};
}
Lorenz96<float> narrow(const Lorenz96<double>& f) {
  return {static_cast<float>(f.forcing)};
}
LotkaVolterra<float> narrow(const LotkaVolterra<double>& f) {
  return {static_cast<float>(f.growth), static_cast<float>(f.predation), static_cast<float>(f.reproduction),
          static_cast<float>(f.death)};
}

/// What distinguishes one system from another, besides its equation.
struct Description {
  std::string name;
  StateLayout layout;
  Normalisation normalisation;
  std::int64_t substeps = 1;
  double noise = 0.0;       ///< s
  std::int64_t noisy = -1;  ///< components that have noise, the first ones; −1: all
  std::function<Tensor(std::int64_t members, const StreamKey&, at::ScalarType)> start;
};

template <template <class> class System>
class Simulated final : public Dynamics {
 public:
  Simulated(System<double> equation, Description description)
      : equation_(equation),
        about_(std::move(description)),
        size_(count(about_.layout.event)),
        noisy_(about_.noisy < 0 ? size_ : about_.noisy) {}

  std::string name() const override { return about_.name; }
  StateLayout layout() const override { return about_.layout; }
  Normalisation normalisation() const override { return about_.normalisation; }
  bool is_stochastic() const override { return about_.noise > 0; }
  std::int64_t solver_steps() const override { return about_.substeps; }

  Tensor start(std::int64_t members, const StreamKey& key, at::ScalarType dtype) const override {
    return about_.start(members, key, dtype);
  }

  void advance(Tensor& x, std::int64_t steps, const StreamKey& key) const override {
    check_states(x, about_.layout.event, about_.name);
    march(x, steps, key, about_.noise, nullptr, 0);
  }

  Tensor trajectories(const Tensor& start, std::int64_t length, const StreamKey& key,
                      const ProgressCallback& progress) const override {
    check_states(start, about_.layout.event, about_.name);
    return record_trajectories(start, start, length, transitions_at_once(start), progress,
                               [&](Tensor& x, std::int64_t first, std::int64_t steps, Tensor& all) {
                                 StreamKey here = key;
                                 here.step += static_cast<std::uint64_t>(first);
                                 march(x, steps, here, about_.noise, &all, first + 1);
                               });
  }

  /// log N(to | RK4(from), s² I) of the components that have noise, computed in float64; constants are those of `from`.
  Tensor log_transition(const Tensor& from, const Tensor& to) const override {
    if (!is_stochastic()) {
      throw UnsupportedError({.what = "a deterministic transition has no density",
                              .where = about_.name,
                              .hint = "give the dynamics noise: dynamics.noise > 0"});
    }
    const auto axes = static_cast<std::int64_t>(about_.layout.event.size());
    if (from.sizes() != to.sizes() || from.dim() < axes ||
        from.sizes().slice(static_cast<std::size_t>(from.dim() - axes)) != at::IntArrayRef(about_.layout.event)) {
      throw ShapeError({.what = "states of a transition do not fit",
                        .where = about_.name,
                        .found = to_string(from.sizes()) + " to " + to_string(to.sizes()),
                        .expected = "the same shape twice, … × " + to_string(about_.layout.event)});
    }
    Tensor mean = from.to(at::kDouble).reshape(prepend({-1}, about_.layout.event)).clone();
    march(mean, 1, {}, 0.0, nullptr, 0);
    const Tensor residual = ((to.to(at::kDouble).reshape(mean.sizes()) - mean) / about_.noise).flatten(1);
    const double log_volume =
        static_cast<double>(noisy_) * (0.5 * std::log(2 * std::numbers::pi) + std::log(about_.noise));
    const Tensor log_p = residual.narrow(1, 0, noisy_).square().sum(1).mul(-0.5) - log_volume;
    return log_p.reshape(from.sizes().slice(0, static_cast<std::size_t>(from.dim() - axes))).to(from.scalar_type());
  }

 private:
  /// `steps` transitions of x in place; the states passed go to all[:, first …] if given.
  void march(Tensor& x, std::int64_t steps, const StreamKey& key, double noise, Tensor* all, std::int64_t first) const {
    if (x.scalar_type() == at::kFloat) {
      march_as(narrow(equation_), x.data_ptr<float>(), x.size(0), steps, key, static_cast<float>(noise), all, first);
    } else {
      march_as(equation_, x.data_ptr<double>(), x.size(0), steps, key, noise, all, first);
    }
  }

  template <class Real>
  void march_as(const System<Real>& equation, Real* x, std::int64_t members, std::int64_t steps, const StreamKey& key,
                Real noise, Tensor* all, std::int64_t first) const {
    const auto h = static_cast<Real>(about_.layout.dt / static_cast<double>(about_.substeps));
    // Draws come in blocks of components, which may reach into those without noise.
    const std::int64_t reached = std::min(lanes::padded_rows<Real>(noisy_), size_) - noisy_;
    const auto make_transition = [&] {
      return [&, scratch = Scratch<Real>(size_),
              kept = std::vector<Real>(static_cast<std::size_t>(reached * lanes::width))](
                 Real* lanes, const lanes::Draws& draws) mutable {
        for (std::int64_t i = 0; i < about_.substeps; ++i) step(equation, lanes, size_, h, scratch);
        if (!(noise > 0)) return;
        Real* constants = lanes + noisy_ * lanes::width;
        std::copy_n(constants, kept.size(), kept.begin());
        lanes::add_noise(lanes, noisy_, noise, draws);
        std::copy(kept.begin(), kept.end(), constants);
      };
    };
    lanes::march(x, members, size_, steps, key, all ? all->data_ptr<Real>() + first * size_ : nullptr,
                 all ? all->size(1) * size_ : 0, make_transition);
  }

  System<double> equation_;
  Description about_;
  std::int64_t size_, noisy_;
};

Tensor vector(std::initializer_list<double> values) {
  return at::tensor(at::ArrayRef<double>(values.begin(), values.size()), at::kDouble);
}

void refuse(const std::string& key, const std::string& found, const std::string& expected,
            const std::string& hint = "") {
  throw UsageError({.what = "a dynamics cannot be made",
                    .where = "dynamics." + key,
                    .found = found,
                    .expected = expected,
                    .hint = hint});
}

/// A parameter that is not known: its name in TOML, what it is, and its range.
struct Unknown {
  std::string name, meaning;
  double min, max;
};

std::vector<Unknown> unknowns_of(const DynamicsParameters& p, Lorenz63Unknown<double>& equation) {
  std::vector<Unknown> unknowns;
  int row = 3;
  const auto add = [&](const std::string& name, const std::string& meaning, const std::vector<double>& range, int& at) {
    if (range.empty()) return;
    if (range.size() != 2 || !(range[0] < range[1])) {
      refuse(name + "_range", fmt::format("[{}]", fmt::join(range, ", ")), "[least, most], the least below the most");
    }
    unknowns.push_back({name, meaning, range[0], range[1]});
    at = row++;
  };
  add("sigma", "Lorenz 1963 Prandtl number", p.sigma_range, equation.sigma_row);
  add("rho", "Lorenz 1963 Rayleigh number", p.rho_range, equation.rho_row);
  add("beta", "Lorenz 1963 geometric factor", p.beta_range, equation.beta_row);
  return unknowns;
}

/// The paper's system (Rozet & Louppe 2023, section 4.1) with its start and normalisation. Parameters that are not
/// known come behind x, y, z: uniform at the start, constant ever after.
std::unique_ptr<Dynamics> lorenz63(const DynamicsParameters& p) {
  const double dt = p.dt > 0 ? p.dt : 0.025;
  const Tensor mean = vector({0, 0, 25}), deviation = vector({8, 9, 8.6});
  const Tensor factor =
      covariance_factor(vector({64, 50, 0, 50, 81, 0, 0, 0, 75}).reshape({3, 3}), "covariance of the first state");
  Description about{.name = "lorenz63",
                    .layout = {.event = {3},
                               .variables = {{"x", "Lorenz 1963 convection intensity"},
                                             {"y", "Lorenz 1963 horizontal temperature variation"},
                                             {"z", "Lorenz 1963 vertical temperature variation"}},
                               .space_names = {},
                               .dt = dt},
                    .normalisation = {.mean = mean, .std = deviation},
                    .substeps = p.substeps,
                    .noise = p.noise < 0 ? std::sqrt(dt) : p.noise,
                    .noisy = 3,
                    .start = [=](std::int64_t members, const StreamKey& key, at::ScalarType dtype) {
                      return correlate(normal({members, 3}, key, dtype), factor, mean);
                    }};
  Lorenz63Unknown<double> equation{.known = {p.sigma, p.rho, p.beta}};
  const auto unknowns = unknowns_of(p, equation);
  if (unknowns.empty()) return std::make_unique<Simulated<Lorenz63>>(equation.known, std::move(about));

  std::vector<double> min, width;
  for (const auto& unknown : unknowns) {
    about.layout.variables.push_back({unknown.name, unknown.meaning});
    min.push_back(unknown.min), width.push_back(unknown.max - unknown.min);
  }
  const Tensor from = at::tensor(min, at::kDouble), over = at::tensor(width, at::kDouble);
  about.layout.event = {3 + std::ssize(unknowns)};
  about.normalisation = {.mean = at::cat({mean, from + over / 2}), .std = at::cat({deviation, over / std::sqrt(12)})};
  // Φ of further draws of the member's stream.
  about.start = [=, n = from.size(0)](std::int64_t members, const StreamKey& key, at::ScalarType dtype) {
    const Tensor z = normal({members, 3 + n}, key, dtype);
    const Tensor constants = at::special_ndtr(z.narrow(1, 3, n)) * over.to(dtype) + from.to(dtype);
    return at::cat({correlate(z.narrow(1, 0, 3), factor, mean), constants}, 1);
  };
  return std::make_unique<Simulated<Lorenz63Unknown>>(equation, std::move(about));
}

/// Starts from N(0, I). The normalisation is one mean and one standard deviation for all sites. Energy balance,
/// d/dt Σ x²/2 = F Σ x − Σ x², makes the long-run variance F m − m² of the mean m, and m ≈ LORENZ96_MEAN fits long
/// runs.
std::unique_ptr<Dynamics> lorenz96(const DynamicsParameters& p) {
  const double mean = 1.1 * std::pow(std::abs(p.forcing), 0.37);
  const double variance = std::abs(p.forcing) * mean - mean * mean;
  Description about{.name = "lorenz96",
                    .layout = {.event = {p.sites},
                               .variables = {{"x", "Lorenz 1996 state on a ring"}},
                               .space_names = {"site"},
                               .dt = p.dt > 0 ? p.dt : 0.01},
                    .normalisation = {.mean = at::full({p.sites}, std::copysign(mean, p.forcing), at::kDouble),
                                      .std = at::full({p.sites}, std::sqrt(std::max(variance, 1.0)), at::kDouble)},
                    .substeps = p.substeps,
                    .noise = std::max(p.noise, 0.0),
                    .start = [sites = p.sites](std::int64_t members, const StreamKey& key, at::ScalarType dtype) {
                      return normal({members, sites}, key, dtype);
                    }};
  return std::make_unique<Simulated<Lorenz96>>(Lorenz96<double>{p.forcing}, std::move(about));
}

/// States are logarithms; starts are uniform in (0, 1). The normalisation holds the moments of long runs with all rates
/// 1, mean −0.2 and std 0.68, with the mean moved to the fixed point (log γ/δ, log α/β) of these
/// rates.
std::unique_ptr<Dynamics> lotka_volterra(const DynamicsParameters& p) {
  Description about{
      .name = "lotka_volterra",
      .layout = {.event = {2},
                 .variables = {{"u", "logarithm of prey density"}, {"v", "logarithm of predator density"}},
                 .space_names = {},
                 .dt = p.dt > 0 ? p.dt : 0.01},
      .normalisation = {.mean = vector(
                            {std::log(p.death / p.reproduction) - 0.2, std::log(p.prey_growth / p.predation) - 0.2}),
                        .std = vector({0.68, 0.68})},
      .substeps = p.substeps,
      .noise = std::max(p.noise, 0.0),
      .start = [](std::int64_t members, const StreamKey& key, at::ScalarType dtype) {
        return uniform({members, 2}, key, dtype);
      }};
  return std::make_unique<Simulated<LotkaVolterra>>(
      LotkaVolterra<double>{p.prey_growth, p.predation, p.reproduction, p.death}, std::move(about));
}

/// x_{i+1} = A x_i + N(0, Q) from N(0, I).
std::unique_ptr<Dynamics> linear(const DynamicsParameters& p) {
  const auto numbers = std::ssize(p.transition), noises = std::ssize(p.innovation);
  const std::int64_t d = std::lround(std::sqrt(static_cast<double>(numbers)));
  if (d < 1 || d * d != numbers) refuse("transition", std::to_string(numbers) + " numbers", "d × d, row by row");
  if (noises != d && noises != numbers) {
    refuse("innovation", std::to_string(noises) + " numbers",
           std::to_string(d) + " variances or a covariance of " + std::to_string(numbers));
  }
  const Tensor innovation = at::tensor(p.innovation, at::kDouble);
  return std::make_unique<LinearGaussianChain>(
      LinearGaussianParameters{.start_mean = at::zeros(d, at::kDouble),
                               .start_covariance = at::eye(d, at::kDouble),
                               .transition = at::tensor(p.transition, at::kDouble).view({d, d}),
                               .offset = at::zeros(d, at::kDouble),
                               .noise_covariance = noises == numbers ? innovation.view({d, d}) : innovation.diag(),
                               .dt = p.dt > 0 ? p.dt : 1,
                               .name = "linear"});
}

/// Range checks of fields(), for parameters that did not come through a file.
struct CheckRanges {
  void operator()(const char* key, const std::string& value, const char*, const Range& range) const {
    if (std::find(range.choices.begin(), range.choices.end(), value) != range.choices.end()) return;
    const std::string near = nearest_name(value, range.choices);
    std::string all;
    for (const std::string& name : range.choices) all += (all.empty() ? "" : ", ") + name;
    refuse(key, value, "one of " + all, near.empty() ? "" : "did you mean " + near + "?");
  }
  void operator()(const char* key, const std::vector<double>& values, const char*, const Range&) const {
    for (const double value : values) {
      if (!std::isfinite(value)) refuse(key, std::to_string(value), "finite numbers");
    }
  }
  template <class Number>
  void operator()(const char* key, Number value, const char*, const Range& range) const {
    const auto v = static_cast<double>(value);
    const bool low = range.open_min ? v > range.min : v >= range.min;
    const bool high = range.open_max ? v < range.max : v <= range.max;
    if (low && high && std::isfinite(v)) return;
    refuse(key, std::to_string(value),
           "a finite number " + std::string(range.open_min ? "> " : "≥ ") + std::to_string(range.min) +
               (std::isfinite(range.max) ? (range.open_max ? ", < " : ", ≤ ") + std::to_string(range.max) : ""));
  }
};

}  // namespace

std::unique_ptr<Dynamics> make_dynamics(const DynamicsParameters& parameters) {
  DynamicsParameters p = parameters;
  CheckRanges check;
  fields(check, p);
  if (p.noise < 0 && p.noise != -1) {
    refuse("noise", std::to_string(p.noise), "a standard deviation ≥ 0, or -1 for the system's own");
  }
  if (p.system == "lorenz63") return lorenz63(p);
  if (p.system == "lorenz96") return lorenz96(p);
  if (p.system == "lotka_volterra") return lotka_volterra(p);
  if (p.system == "kolmogorov") {
    if (p.noise > 0) refuse("noise", std::to_string(p.noise), "0", "kolmogorov is deterministic");
    if (p.substeps != 1) refuse("substeps", std::to_string(p.substeps), "1", "set dynamics.cfl for shorter steps");
    return std::make_unique<KolmogorovFlow>(p.kolmogorov, p.dt > 0 ? p.dt : 0.2);
  }
  // The linear chains carry their own noise.
  if (p.noise != -1) refuse("noise", std::to_string(p.noise), "-1", "the noise of " + p.system + " is fixed");
  if (p.system == "damped_spring") return std::make_unique<LinearGaussianChain>(damped_spring(p.dt > 0 ? p.dt : 0.01));
  if (p.system == "linear") return linear(p);
  LinearGaussianParameters rotation = rotation_chain(p.r, p.angle).parameters();
  if (p.dt > 0) rotation.dt = p.dt;
  return std::make_unique<LinearGaussianChain>(std::move(rotation));
}

}  // namespace sda

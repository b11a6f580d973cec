/// A likelihood rule: an approximation of p(y | x(t)), whose gradient guides the prior (Rozet & Louppe 2023, section
/// 3.2). Each is a file of its own in src/guidance/rules, or in a plugin.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sda/core/tensor.hpp"
#include "sda/guidance/departures.hpp"
#include "sda/guidance/parameters.hpp"

namespace sda {

/// v ↦ μ (∂x̂/∂x(t))ᵀ v = (I − σ ∂ε/∂x)ᵀ v: the denoiser's adjoint (VJP). Each call is a pass through the prior.
using DenoiserVjp = std::function<Tensor(const Tensor&)>;

class LikelihoodRule {
 public:
  virtual ~LikelihoodRule() = default;
  /// As results name it: "MMPS", "SDA, detached".
  virtual std::string method() const = 0;
  /// μ ∇ log p(y | x(t)), (member, length, …event), at s = σ/μ. `y` is seen from x̂, each member alone.
  virtual Tensor gradient(const Departures& y, const DenoiserVjp& vjp, double s) const = 0;
  /// How often `gradient` calls `vjp` for this number of observations. 0: ε is held fixed in x̂, no VJP is prepared, and
  /// `vjp` is the identity.
  virtual std::int64_t vjps(std::int64_t /*observations*/) const { return 1; }
  /// k with gradient(c d) = cᵏ gradient(d) for departures d and c > 0, where noise is Gaussian and operator and prior
  /// are linear: 1, or 0 where their direction alone counts.
  virtual int degree() const { return 1; }
};

/// A row of the registry: all that configuration, help, tests and studies know of a rule.
struct LikelihoodRuleKind {
  std::string name;  ///< by which configurations know it: "mmps"
  std::string help;  ///< its p(y | x(t))
  std::function<std::unique_ptr<LikelihoodRule>(const GuidanceParameters&)> make;
  bool any_noise = true;  ///< false: Gaussian noise alone
  /// It has a variance of x given x(t) of its own, so that γ is of the network's error alone: 0 for exact scores.
  bool own_variance = false;
  /// The parameters with which it is exact at s = σ/μ for x ~ N(0, I), linear operators and Gaussian noise; none where
  /// there are no such parameters. For the conformance suite.
  std::function<GuidanceParameters(double s, std::int64_t observations)> exact{};
};

/// All, ours first.
const std::vector<LikelihoodRuleKind>& likelihood_rules();
/// Adds a rule: by one line at namespace scope, in a program of your own or in a plugin (`sda --plugin FILE`),
///     const bool known = sda::register_likelihood_rule({.name = "mine", .help = "…", .make = [](auto& p) { … }});
/// True. To be called before other threads make rules. Throws UsageError if the name is taken.
bool register_likelihood_rule(LikelihoodRuleKind kind);

/// Nothing for "none". Throws UsageError for a rule that there is not.
const LikelihoodRuleKind* likelihood_rule_kind(const std::string& name);
/// The rule of these parameters; null for "none". Throws UsageError for a rule that there is not.
std::unique_ptr<LikelihoodRule> make_likelihood_rule(const GuidanceParameters& parameters);
/// As results name it: "MMPS", "SDA, detached"; "prior" for "none".
std::string method_name(const GuidanceParameters& parameters);
/// Passes through the prior of one evaluation of the posterior's score: forward, and a VJP each.
std::int64_t passes(const GuidanceParameters& parameters, std::int64_t observations);

}  // namespace sda

/// SDA (Rozet & Louppe 2023, Algorithm 3): p(y | x(t)) = N(y | A(x̂), Σ_y + s² Γ), Γ = γ I.
#include "core/torch.hpp"
#include "sda/guidance/likelihood_rule.hpp"

namespace sda {
namespace {

class Sda final : public LikelihoodRule {
 public:
  explicit Sda(const GuidanceParameters& p) : gamma_(p.gamma), detach_(p.detach) {}

  std::string method() const override { return detach_ ? "SDA, detached" : "SDA"; }
  std::int64_t vjps(std::int64_t /*observations*/) const override { return detach_ ? 0 : 1; }

  /// (μ ∂x̂/∂x)ᵀ Hᵀ (y − A(x̂)) / (Σ_y + s² Γ)
  Tensor gradient(const Departures& y, const DenoiserVjp& vjp, double s) const override {
    return vjp(y.vjp(y.likelihood_score(y.per_element(gamma_) * (s * s))));
  }

 private:
  std::vector<double> gamma_;
  bool detach_;
};

}  // namespace

LikelihoodRuleKind sda_rule() {
  return {
      .name = "sda",
      .help = "N(y | A(x̂), Σ_y + s² Γ), s = σ/μ: Γ stands for all that x(t) leaves open (Rozet & Louppe 2023)",
      .make = [](const GuidanceParameters& p) { return std::make_unique<Sda>(p); },
      // Var(x | x(t)) = s² / (1 + s²)
      .exact = [](double s, std::int64_t) { return GuidanceParameters{.rule = "sda", .gamma = {1 / (1 + s * s)}}; }};
}

}  // namespace sda

/// ΠGDM (Song et al. 2023): p(y | x(t)) = N(y | A(x̂), Σ_y + s²/(1 + s²) + s² Γ), for x ~ N(0, I) has the variance
/// s²/(1 + s²) given x(t).
#include "core/torch.hpp"
#include "sda/guidance/likelihood_rule.hpp"

namespace sda {
namespace {

class Pigdm final : public LikelihoodRule {
 public:
  explicit Pigdm(const GuidanceParameters& p) : gamma_(p.gamma) {}

  std::string method() const override { return "PiGDM"; }

  /// (μ ∂x̂/∂x)ᵀ Hᵀ (y − A(x̂)) / (Σ_y + s² Γ + s²/(1 + s²))
  Tensor gradient(const Departures& y, const DenoiserVjp& vjp, double s) const override {
    return vjp(y.vjp(y.likelihood_score(y.per_element(gamma_) * (s * s), s * s / (1 + s * s))));
  }

 private:
  std::vector<double> gamma_;
};

}  // namespace

LikelihoodRuleKind pigdm_rule() {
  return {.name = "pigdm",
          .help = "N(y | A(x̂), Σ_y + s²/(1 + s²) + s² Γ): the variance of x ~ N(0, I) given x(t) (Song et al. 2023)",
          .make = [](const GuidanceParameters& p) { return std::make_unique<Pigdm>(p); },
          .own_variance = true,
          .exact = [](double, std::int64_t) { return GuidanceParameters{.rule = "pigdm", .gamma = {0}}; }};
}

}  // namespace sda

/// DPS (Chung et al. 2022): −ζ ∇‖y − A(x̂)‖² / ‖y − A(x̂)‖, each member with the norm of its own departure (the
/// reference takes one norm over the whole batch), over the observations of all parts, whatever their σ.
#include "core/torch.hpp"
#include "sda/guidance/likelihood_rule.hpp"

namespace sda {
namespace {

class Dps final : public LikelihoodRule {
 public:
  explicit Dps(const GuidanceParameters& p) : zeta_(p.zeta) {}

  std::string method() const override { return "DPS"; }
  int degree() const override { return 0; }

  /// (μ ∂x̂/∂x)ᵀ Hᵀ 2ζ (y − A(x̂)) / ‖y − A(x̂)‖
  Tensor gradient(const Departures& y, const DenoiserVjp& vjp, double /*s*/) const override {
    const Tensor& departure = y.departure();
    const Tensor norm = y.total(departure.square().sum(1, /*keepdim=*/true)).sqrt().clamp_min(1e-30);
    return vjp(y.vjp(2 * zeta_ * departure / norm));
  }

 private:
  double zeta_;
};

}  // namespace

LikelihoodRuleKind dps_rule() {
  return {.name = "dps",
          .help = "−ζ ∇‖y − A(x̂)‖² / ‖y − A(x̂)‖; Gaussian noise alone (Chung et al. 2022)",
          .make = [](const GuidanceParameters& p) { return std::make_unique<Dps>(p); },
          .any_noise = false};
}

}  // namespace sda

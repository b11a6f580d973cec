/// ε where Tweedie's mean x̂ = (x − σ ε)/μ is no state: what lies far from all data says only that the network does not
/// know, and leads on outwards. There the data's mean is taken for x̂, which leads back.
#include <utility>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/diffusion/denoising.hpp"
#include "sda/prior/scores.hpp"

namespace sda {

namespace {

class BoundedLinearisation final : public Linearisation {
 public:
  /// `lost` (as x) says where x̂ is 0 whatever x is.
  BoundedLinearisation(std::unique_ptr<Linearisation> inner, Tensor epsilon, Tensor lost, double sigma)
      : inner_(std::move(inner)), epsilon_(std::move(epsilon)), lost_(std::move(lost)), sigma_(sigma) {}

  const Tensor& epsilon() const override { return epsilon_; }
  /// Where x̂ is 0, ε = x/σ.
  Tensor vjp(const Tensor& v) const override {
    return inner_->vjp(v.masked_fill(lost_, 0)).add_(v * lost_, 1 / sigma_);
  }

 private:
  std::unique_ptr<Linearisation> inner_;
  Tensor epsilon_, lost_;
  double sigma_;
};

class BoundedScore final : public DifferentiableScore {
 public:
  BoundedScore(std::shared_ptr<const DifferentiableScore> inner, NoiseSchedule schedule, double bound)
      : inner_(std::move(inner)), schedule_(std::move(schedule)), bound_(bound) {
    if (!(bound > 0))
      throw ValueError(
          {.what = "out of range", .where = "bound of x̂", .found = std::to_string(bound), .expected = "a number > 0"});
  }

  Tensor epsilon(const Tensor& x, double t) const override { return bounded(x, t, inner_->epsilon(x, t)).first; }

  std::unique_ptr<Linearisation> linearise(const Tensor& x, double t) const override {
    auto inner = inner_->linearise(x, t);
    auto [epsilon, lost] = bounded(x, t, inner->epsilon());
    return std::make_unique<BoundedLinearisation>(std::move(inner), std::move(epsilon), std::move(lost),
                                                  schedule_.sigma(t));
  }

 private:
  /// ε, and where x̂ is beyond the bound; elsewhere ε is the inner one to the last bit.
  std::pair<Tensor, Tensor> bounded(const Tensor& x, double t, const Tensor& epsilon) const {
    at::NoGradGuard no_grad;
    const Tensor lost = tweedie_mean(schedule_, x, t, epsilon).abs().gt(bound_);
    return {at::where(lost, at::div(x, schedule_.sigma(t)).to(epsilon.scalar_type()), epsilon), lost};
  }

  std::shared_ptr<const DifferentiableScore> inner_;
  NoiseSchedule schedule_;
  double bound_;
};

}  // namespace

std::shared_ptr<const DifferentiableScore> make_bounded_score(std::shared_ptr<const DifferentiableScore> score,
                                                              NoiseSchedule schedule, double bound) {
  return std::make_shared<BoundedScore>(std::move(score), std::move(schedule), bound);
}

}  // namespace sda

/// A score that counts the passes through the network behind it: forward and VJP one each.
#pragma once

#include <cstdint>
#include <memory>

#include "sda/prior/score_model.hpp"

namespace sda::assimilation {

class CountingScore final : public DifferentiableScore {
 public:
  explicit CountingScore(std::shared_ptr<const DifferentiableScore> score) : score_(std::move(score)) {}
  Tensor epsilon(const Tensor& x, double t) const override {
    ++passes_;
    return score_->epsilon(x, t);
  }
  std::unique_ptr<Linearisation> linearise(const Tensor& x, double t) const override {
    ++passes_;
    return std::make_unique<Counted>(score_->linearise(x, t), passes_);
  }
  std::int64_t passes() const { return passes_; }

 private:
  class Counted final : public Linearisation {
   public:
    Counted(std::unique_ptr<Linearisation> linearisation, std::int64_t& passes)
        : linearisation_(std::move(linearisation)), passes_(passes) {}
    const Tensor& epsilon() const override { return linearisation_->epsilon(); }
    Tensor vjp(const Tensor& v) const override {
      ++passes_;
      return linearisation_->vjp(v);
    }

   private:
    std::unique_ptr<Linearisation> linearisation_;
    std::int64_t& passes_;
  };

  std::shared_ptr<const DifferentiableScore> score_;
  mutable std::int64_t passes_ = 0;
};

}  // namespace sda::assimilation

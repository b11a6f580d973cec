/// The trajectory's score from the scores of its windows (Rozet & Louppe 2023, Algorithm 2).
#include <fmt/format.h>

#include <algorithm>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/prior/scores.hpp"

namespace sda {

WindowPlan plan_windows(std::int64_t order, std::int64_t stride, std::int64_t length) {
  const std::int64_t window = 2 * order + 1;
  if (order < 1)
    throw UsageError(
        {.what = "order k of the windows", .where = "", .found = fmt::format("{}", order), .expected = "at least 1"});
  if (stride < 1 || stride > window)
    throw UsageError({.what = "stride of the windows",
                      .where = "assimilation.stride",
                      .found = fmt::format("{}", stride),
                      .expected = fmt::format("1 to {} (2k+1)", window)});
  if (length < window)
    throw UsageError({.what = fmt::format("order k = {} needs windows of {} states", order, window),
                      .where = "",
                      .found = fmt::format("a trajectory of {} states", length),
                      .expected = fmt::format("at least {}", window),
                      .hint = "observe a longer trajectory, or use a prior with a smaller k"});
  WindowPlan plan{.window = window, .starts = {}, .owner = {}};
  for (std::int64_t start = 0; start < length - window; start += stride) plan.starts.push_back(start);
  plan.starts.push_back(length - window);
  // A window's central block ends `stride / 2` states after its centre; what follows belongs to the next window.
  std::size_t w = 0;
  for (std::int64_t i = 0; i < length; ++i) {
    while (w + 1 < plan.starts.size() && i > plan.starts[w] + order + stride / 2) ++w;
    plan.owner.push_back(static_cast<std::int64_t>(w));
  }
  return plan;
}

namespace {

/// Windows of trajectories and back. All starts but the last are equally spaced, so that every move is a slice.
class WindowMap {
 public:
  WindowMap(std::int64_t order, std::int64_t stride, const Tensor& x)
      : plan_(plan_windows(order, stride, x.size(1))),
        stride_(stride),
        shape_(x.sizes().vec()),
        regular_(static_cast<std::int64_t>(plan_.starts.size()) - 1) {
    std::vector<std::int64_t> places;
    for (std::int64_t i = 0; i < x.size(1); ++i)
      places.push_back(plan_.owner[i] * plan_.window + i - plan_.starts[plan_.owner[i]]);
    places_ = at::tensor(places, at::kLong);
  }

  /// (member, length, …) → (member × windows, 2k+1, …)
  Tensor unfold(const Tensor& x) const {
    Tensor windows = empty_windows(x);
    for (std::int64_t offset = 0; offset < plan_.window; ++offset) {
      if (regular_ > 0) windows.narrow(1, 0, regular_).select(2, offset).copy_(regular_states(x, offset));
      windows.select(1, regular_).select(1, offset).copy_(x.select(1, plan_.starts.back() + offset));
    }
    return windows.flatten(0, 1);
  }

  /// The adjoint of `unfold`.
  Tensor unfold_adjoint(const Tensor& v) const {
    const Tensor windows = separate(v);
    Tensor x = at::zeros(shape_, v.options());
    for (std::int64_t offset = 0; offset < plan_.window; ++offset) {
      if (regular_ > 0) regular_states(x, offset).add_(windows.narrow(1, 0, regular_).select(2, offset));
      x.select(1, plan_.starts.back() + offset).add_(windows.select(1, regular_).select(1, offset));
    }
    return x;
  }

  /// (member × windows, 2k+1, …) → (member, length, …): each state from the window that owns it.
  Tensor fold(const Tensor& v) const { return separate(v).flatten(1, 2).index_select(1, places_); }

  /// The adjoint of `fold`: zero where a window's state is not used.
  Tensor fold_adjoint(const Tensor& x) const {
    Tensor windows = at::zeros(window_shape(), x.options());
    windows.flatten(1, 2).index_copy_(1, places_, x);
    return windows.flatten(0, 1);
  }

 private:
  Shape window_shape() const {
    Shape shape{shape_[0], regular_ + 1, plan_.window};
    shape.insert(shape.end(), shape_.begin() + 2, shape_.end());
    return shape;
  }
  Tensor empty_windows(const Tensor& x) const { return at::empty(window_shape(), x.options()); }
  Tensor separate(const Tensor& v) const { return v.view(window_shape()); }
  Tensor regular_states(const Tensor& x, std::int64_t offset) const {
    return x.slice(1, offset, offset + (regular_ - 1) * stride_ + 1, stride_);
  }

  WindowPlan plan_;
  std::int64_t stride_;
  Shape shape_;
  std::int64_t regular_;  ///< windows before the last
  Tensor places_;         ///< of each state among all windows' states
};

class WindowedLinearisation final : public Linearisation {
 public:
  WindowedLinearisation(WindowMap map, std::unique_ptr<Linearisation> windows)
      : map_(std::move(map)), windows_(std::move(windows)), epsilon_(map_.fold(windows_->epsilon())) {}
  const Tensor& epsilon() const override { return epsilon_; }
  Tensor vjp(const Tensor& v) const override { return map_.unfold_adjoint(windows_->vjp(map_.fold_adjoint(v))); }

 private:
  WindowMap map_;
  std::unique_ptr<Linearisation> windows_;
  Tensor epsilon_;
};

}  // namespace

WindowedScore::WindowedScore(std::shared_ptr<const DifferentiableScore> window_score, std::int64_t order,
                             std::int64_t stride)
    : window_score_(std::move(window_score)), order_(order), stride_(stride) {}

Tensor WindowedScore::epsilon(const Tensor& x, double t) const {
  const WindowMap map(order_, stride_, x);
  return map.fold(window_score_->epsilon(map.unfold(x), t));
}

std::unique_ptr<Linearisation> WindowedScore::linearise(const Tensor& x, double t) const {
  WindowMap map(order_, stride_, x);
  auto windows = window_score_->linearise(map.unfold(x), t);
  return std::make_unique<WindowedLinearisation>(std::move(map), std::move(windows));
}

}  // namespace sda

/// Mean and standard deviation of each channel in one pass (Chan, Golub & LeVeque 1979).
#include <fmt/format.h>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/data/import.hpp"

namespace sda {

void ChannelStatistics::add(const Tensor& states) {
  const Tensor values = states.transpose(0, 2).flatten(1).to(at::kDouble, /*non_blocking=*/false, /*copy=*/true);
  const Tensor there = values.isnan().logical_not(), added = there.sum(1).to(at::kDouble);
  const Tensor mean = values.nansum(1) / added.clamp_min(1);
  const Tensor squares = values.sub_(mean.unsqueeze(1)).square_().nansum(1);
  if (!count_.defined()) {
    count_ = added, mean_ = mean, squares_ = squares;
    return;
  }
  // Chan, Golub & LeVeque (1979): two sets become one.
  const Tensor all = count_ + added, share = added / all.clamp_min(1), apart = mean - mean_;
  mean_ = mean_ + apart * share;
  squares_ = squares_ + squares + apart.square() * count_ * share;
  count_ = all;
}

Normalisation ChannelStatistics::result(const StateLayout& layout) const {
  Shape shape(layout.event.size(), 1);
  shape.front() = layout.event.front();
  const Tensor deviation = (squares_ / count_.clamp_min(1)).sqrt();
  for (std::int64_t i = 0; i < shape.front(); ++i) {
    const std::string& name = layout.variables[static_cast<std::size_t>(i)].name;
    if (count_[i].item<double>() == 0) throw ValueError({.what = "a variable has no values anywhere", .where = name});
    const double mean = mean_[i].item<double>(), std = deviation[i].item<double>();
    if (!(std > 1e-6 * std::abs(mean)) || !(std > 0)) {
      throw ValueError({.what = "a variable has the same value everywhere, so there is nothing to learn of it",
                        .where = name,
                        .found = fmt::format("{:.6g}", mean),
                        .hint = "leave it out of data.variables"});
    }
  }
  return {mean_.reshape(shape), deviation.reshape(shape)};
}

}  // namespace sda

/// What readers of all formats share.
#include "data/formats/reading.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace sda::io {

void require_finite(const Tensor& values, const std::vector<std::string>& axes, const std::string& where) {
  const Tensor good = values.abs() < largest_meant;
  if (good.all().item<bool>()) return;
  const Tensor bad = at::logical_not(good).nonzero();
  std::vector<std::string> place;
  for (std::int64_t axis = 0; axis < bad.size(1); ++axis) {
    place.push_back(fmt::format("{} {}", axes[static_cast<std::size_t>(axis)], bad[0][axis].item<std::int64_t>()));
  }
  throw FileError({.what = "values are NaN, infinite or missing",
                   .where = where,
                   .found = fmt::format("{} of {}, the first at {} (counted from 0)", bad.size(0), values.numel(),
                                        fmt::join(place, ", ")),
                   .expected = "finite numbers"});
}

}  // namespace sda::io

/// What readers of all formats share.
#include "data/formats/reading.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace sda::io {

std::int64_t indices_at_once(const Tensor& values) {
  constexpr std::int64_t bytes_at_once = std::int64_t{1} << 24;
  if (values.dim() == 0 || values.numel() == 0) return 1;
  const auto bytes = static_cast<std::int64_t>(values.nbytes()) / values.size(0);
  return std::max<std::int64_t>(1, bytes_at_once / bytes);
}

void require_finite(const Tensor& values, const std::vector<std::string>& axes, const std::string& where) {
  const auto is_good = [](const Tensor& some) { return some.abs() < largest_meant; };
  bool all_good = values.dim() > 0 || is_good(values).item<bool>();
  const std::int64_t at_once = indices_at_once(values), n = values.dim() > 0 ? values.size(0) : 0;
  for (std::int64_t begin = 0; all_good && begin < n; begin += at_once) {
    all_good = is_good(values.narrow(0, begin, std::min(at_once, n - begin))).all().item<bool>();
  }
  if (all_good) return;
  const Tensor bad = at::logical_not(is_good(values)).nonzero();
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

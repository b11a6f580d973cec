/// Ranges of what a panel shows.
#include "report/statistics/series.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace sda::report {

std::string to_string(Role role) {
  switch (role) {
    case Role::members:
      return "members";
    case Role::posterior_band:
      return "posterior-band";
    case Role::posterior_mean:
      return "posterior-mean";
    case Role::reference_band:
      return "reference-band";
    case Role::reference_mean:
      return "reference-mean";
    case Role::truth:
      break;
  }
  return "truth";
}

std::string Panel::axis() const {
  return fmt::format("{} ({})", name, unit);
}

std::pair<double, double> Panel::range() const {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  const auto cover = [&](double value) { low = std::min(low, value), high = std::max(high, value); };
  const auto cover_all = [&](const std::vector<double>& values) { std::for_each(values.begin(), values.end(), cover); };
  for (const auto& line : members) cover_all(line);
  for (const auto& b : bands) cover_all(b.low), cover_all(b.high);
  for (const auto& c : curves) cover_all(c.values);
  for (std::size_t i = 0; i < observations.values.size(); ++i) {
    cover(observations.values[i] - observations.errors[i]), cover(observations.values[i] + observations.errors[i]);
  }
  if (!(low <= high)) return {0, 1};
  if (from_zero) low = 0;
  const double margin = high > low ? 0.05 * (high - low) : std::max(1e-6, 0.05 * std::abs(high));
  return {from_zero ? 0 : low - margin, high + margin};
}

std::vector<double> doublings(double first, double last) {
  std::vector<double> marks{first};
  while (2 * marks.back() <= 1.0001 * last) marks.push_back(2 * marks.back());
  return marks;
}

std::pair<double, double> decades(const Panel& panel) {
  double low = std::numeric_limits<double>::infinity(), high = 0;
  for (const auto& curve : panel.curves) {
    for (const double value : curve.values) {
      if (value > 0) low = std::min(low, value), high = std::max(high, value);
    }
  }
  if (!(low <= high)) return {0, 1};
  constexpr double max = 12;  // beyond lies rounding
  const double last = std::ceil(std::log10(high) + 0.1);
  return {std::max(std::floor(std::log10(low) - 0.1), last - max), last};
}

}  // namespace sda::report

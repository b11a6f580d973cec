/// Coverage and width of the 5 to 95 % bands.
#include "report/statistics/captions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace sda::report {
namespace {

/// Share of times and panels at which the truth lies within the band of that role.
std::optional<double> coverage(const std::vector<Panel>& panels, Role role) {
  double inside = 0, all = 0;
  for (const auto& panel : panels) {
    const auto b = std::find_if(panel.bands.begin(), panel.bands.end(), [&](const Band& x) { return x.role == role; });
    const auto t =
        std::find_if(panel.curves.begin(), panel.curves.end(), [](const Curve& x) { return x.role == Role::truth; });
    if (b == panel.bands.end() || t == panel.curves.end()) return std::nullopt;
    for (std::size_t i = 0; i < t->values.size(); ++i) {
      inside += t->values[i] >= b->low[i] && t->values[i] <= b->high[i] ? 1 : 0;
      all += 1;
    }
  }
  return all > 0 ? std::optional(inside / all) : std::nullopt;
}

double mean_width(const Band& b) {
  double sum = 0;
  for (std::size_t i = 0; i < b.low.size(); ++i) sum += b.high[i] - b.low[i];
  return sum / static_cast<double>(b.low.size());
}

/// Mean over panels of the posterior band's mean width over the reference band's.
std::optional<double> relative_width(const std::vector<Panel>& panels) {
  double sum = 0, all = 0;
  for (const auto& panel : panels) {
    if (panel.bands.size() != 2) return std::nullopt;
    const double reference = mean_width(panel.bands.front());
    if (reference > 0) sum += mean_width(panel.bands.back()) / reference, all += 1;
  }
  return all > 0 ? std::optional(sum / all) : std::nullopt;
}

}  // namespace

std::string band_sentence(const CaseData& data, const std::vector<Panel>& panels) {
  std::string sentence;
  if (const auto inside = coverage(panels, Role::posterior_band)) {
    sentence =
        fmt::format("The {} band (5–95 %) holds the truth at {:.0f} % of the values shown", data.method, 100 * *inside);
    if (const auto other = coverage(panels, Role::reference_band)) {
      sentence += fmt::format(", the {} band at {:.0f} %", data.reference_method, 100 * *other);
    }
    sentence += "; 90 % is calibrated";
  }
  if (const auto width = relative_width(panels)) {
    sentence += fmt::format("{} {} band{} is {:.2f} times as wide as the {} band on average",
                            sentence.empty() ? "The" : "; the", data.method, sentence.empty() ? " (5–95 %)" : "",
                            *width, data.reference_method);
  }
  if (sentence.empty()) sentence = fmt::format("Lines are {} members, the band holds 5–95 % of all", data.lines);
  return sentence + ".";
}

}  // namespace sda::report

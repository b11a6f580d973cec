/// Decimals by the size of the standard error.
#include "report/statistics/score_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

namespace sda::report {

std::string to_string(const Estimate& estimate) {
  const double size = estimate.standard_error > 0 ? estimate.standard_error : std::abs(estimate.value) / 30;
  const int decimals = size > 0 ? std::clamp(1 - static_cast<int>(std::floor(std::log10(size))), 0, 6) : 2;
  auto text = fmt::format("{}{:.{}f}", estimate.value < 0 ? "−" : "", std::abs(estimate.value), decimals);
  if (estimate.standard_error > 0) text += fmt::format(" ± {:.{}f}", estimate.standard_error, decimals);
  return text;
}

std::vector<std::string> score_columns() {
  return {"method", "members", "W₁", "W₁ floor", "log p(x)", "log p(y | x)", "CRPS", "RMSE", "spread"};
}

std::vector<std::string> score_row(const EnsembleScores& s) {
  const auto number = [](const std::optional<double>& x) { return x ? to_string(Estimate{*x, 0}) : std::string("–"); };
  const auto estimate = [](const std::optional<Estimate>& x) { return x ? to_string(*x) : std::string("–"); };
  return {s.method,
          std::to_string(s.members),
          number(s.wasserstein),
          number(s.wasserstein_floor),
          estimate(s.log_prior),
          estimate(s.log_likelihood),
          estimate(s.crps),
          number(s.rmse),
          number(s.spread)};
}

}  // namespace sda::report

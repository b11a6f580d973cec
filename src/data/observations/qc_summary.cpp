/// What was used of a file of observations, what was rejected and why, for people.
#include "data/observations/qc_summary.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

#include "core/torch.hpp"
#include "data/observations/times.hpp"

namespace sda::io {
namespace {

/// Mean of a variable's means or deviations.
double of_variable(const Tensor& all, const StateLayout& layout, std::size_t variable) {
  return (layout.channels_are_variables() ? all.select(0, static_cast<std::int64_t>(variable)) : all)
      .mean()
      .item<double>();
}

/// Variables whose observations lie so far from the data that they may be in another unit.
std::vector<std::string> far_from_data(const ScreenedObservations& used, const ObservationTable& table,
                                       const ExpectedObservations& expected, const Normalisation& normalisation) {
  constexpr double far = 10;
  const StateLayout& layout = expected.layout;
  std::vector<double> sum(expected.observables.size(), 0), number(expected.observables.size(), 0);
  const Tensor mean = normalisation.mean.to(at::kDouble), std = normalisation.std.to(at::kDouble);
  std::vector<std::string> sentences;
  for (const auto row : used.rows) {
    sum[table.variable[row]] += table.value[row];
    number[table.variable[row]] += 1;
  }
  for (std::size_t v = 0; v < layout.variables.size(); ++v) {
    const double distance = std::abs(sum[v] / number[v] - of_variable(mean, layout, v)) / of_variable(std, layout, v);
    if (!(distance > far)) continue;
    const auto& variable = layout.variables[v];
    sentences.push_back(
        fmt::format("observations of {} have a mean of {:.6g}, {:.0f} standard deviations from the "
                    "data's {:.6g} {}; are they in another unit?",
                    variable.name, sum[v] / number[v], distance, of_variable(mean, layout, v),
                    variable.units == "1" ? "" : variable.units));
  }
  return sentences;
}

}  // namespace

std::vector<std::string> rejections_in_words(const ScreenedObservations& used, const ObservationTable& table,
                                             const ExpectedObservations& expected) {
  const std::array<std::string, rejections> why{
      fmt::format("with a quality flag above {}", expected.parameters.max_flag), "without a value",
      "outside the domain", fmt::format("outside the window, {}", in_words(used.window, expected.layout.dt)),
      "under the mask or beside it"};
  std::vector<std::string> sentences;
  for (std::size_t i = 0; i < rejections; ++i) {
    const auto& [count, first] = used.rejected[i];
    if (count == 0) continue;
    const bool all = count == std::ssize(first);
    sentences.push_back(fmt::format("{} {} ({}{} {}{})", count, why[i], table.counted, count == 1 ? "" : "s",
                                    fmt::join(first, ", "), all ? "" : ", …"));
  }
  return sentences;
}

std::string qc_summary(const ScreenedObservations& used, const ObservationTable& table,
                       const ExpectedObservations& expected, const Normalisation& normalisation) {
  std::vector<std::int64_t> of_observable(expected.observables.size(), 0);
  Extent times;
  for (const auto row : used.rows) {
    ++of_observable[table.variable[row]];
    times.take(table.time[row]);
  }
  std::vector<std::string> each;
  for (std::size_t o = 0; o < of_observable.size(); ++o) {
    if (of_observable[o] > 0) each.push_back(fmt::format("{} of {}", of_observable[o], expected.observables[o].name));
  }
  std::string text =
      fmt::format("{}: {} of {} observations used: {}, at times from {:.9g} to {:.9g} in {}; {} states from {:.9g} on",
                  table.path, used.rows.size(), table.rows(), fmt::join(each, ", "), times.min, times.max,
                  time_units_of(expected.layout), used.window.length, used.window.start);
  for (const auto& sentence : rejections_in_words(used, table, expected)) text += "\n  rejected: " + sentence;
  for (const auto& sentence : far_from_data(used, table, expected, normalisation)) text += "\n  note: " + sentence;
  for (const auto& remark : table.remarks) text += "\n  note: " + remark;
  return text;
}

}  // namespace sda::io

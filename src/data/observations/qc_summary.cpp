/// What was used of a file of observations, what was rejected and why, for people.
#include "data/observations/qc_summary.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "data/observations/times.hpp"

namespace sda::io {
namespace {

std::string criterion_of_flags(const ObservationFileParameters& parameters) {
  return parameters.good_flags.empty()
             ? fmt::format("with a quality flag above {}", parameters.max_flag)
             : fmt::format("with a quality flag other than {}", fmt::join(parameters.good_flags, ", "));
}

/// "; flag 2 (probably_good): 120, flag 4: 3; --max-flag or --good-flags say which are good".
std::string flags_in_words(const ObservationTable& table) {
  constexpr std::size_t max_named = 8;
  std::vector<std::string> each;
  for (const auto& [flag, count] : table.flags) {
    const auto meaning = table.flag_meanings.find(flag);
    if (each.size() < max_named) {
      each.push_back(fmt::format("flag {:g}{}: {}", flag,
                                 meaning == table.flag_meanings.end() ? "" : " (" + meaning->second + ")", count));
    }
  }
  if (table.flags.size() > max_named) each.emplace_back("…");
  if (table.without_flag > 0) each.push_back(fmt::format("no flag: {}", table.without_flag));
  std::string words = fmt::format("; {}; --max-flag or --good-flags say which are good", fmt::join(each, ", "));
  if (table.without_flag > 0) words += ", and one that equals its variable's _FillValue never is";
  return words;
}

}  // namespace

std::vector<std::string> rejections_in_words(const ScreenedObservations& used, const ObservationTable& table,
                                             const ExpectedObservations& expected) {
  const std::array<std::string, rejections> why{
      criterion_of_flags(expected.parameters),
      "without a value",
      "without a time or a place",
      "outside the domain",
      fmt::format("outside the window, {}", in_words(used.window, expected.layout.dt)),
      "under the mask or beside it",
      "that stand for none in many tables, far from the data's mean",
      fmt::format("beyond {} standard deviations from the data's mean", expected.parameters.background_check)};
  std::vector<std::string> sentences;
  for (std::size_t i = 0; i < rejections; ++i) {
    const auto& [count, first] = used.rejected[i];
    if (count == 0) continue;
    const bool all = count == std::ssize(first);
    sentences.push_back(fmt::format("{} {} ({}{} {}{})", count, why[i], table.counted, count == 1 ? "" : "s",
                                    fmt::join(first, ", "), all ? "" : ", …"));
    if (static_cast<Rejection>(i) == Rejection::flagged) sentences.back() += flags_in_words(table);
  }
  return sentences;
}

std::string qc_summary(const ScreenedObservations& used, const ObservationTable& table,
                       const ExpectedObservations& expected) {
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
  for (const auto* remarks : {&table.remarks, &used.remarks}) {
    for (const auto& remark : *remarks) text += "\n  note: " + remark;
  }
  return text;
}

}  // namespace sda::io

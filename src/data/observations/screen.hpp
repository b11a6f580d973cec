/// Quality control: which rows of a table can be used, where they lie among the states, and why the others cannot.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "data/observations/table.hpp"

namespace sda::io {

enum class Rejection { flagged, missing, nowhere, outside_domain, outside_window, masked, sentinel, background };
constexpr std::size_t rejections = 8;
/// A word for each.
extern const std::array<const char*, rejections> rejection_names;

/// Rows rejected for one reason; of the first few is said which they are.
struct RejectedRows {
  std::int64_t count = 0;
  std::vector<std::int64_t> first{};  ///< their origin
};

/// The trajectory that is to be found: its first state and its states.
struct Window {
  double start = 0;
  std::int64_t length = 1;
};
/// "times from 0 to 12".
std::string in_words(const Window& window, double dt);

/// The rows that are used, and where each lies.
struct ScreenedObservations {
  std::vector<std::size_t> rows{};  ///< of the table
  std::vector<double> places{};     ///< of each row its place along each axis, in points
  std::vector<double> states{};     ///< of each row its time, in states
  Window window{};
  std::array<RejectedRows, rejections> rejected{};
  std::vector<std::pair<std::size_t, Rejection>> each{};  ///< rejected rows of the table, and why
  std::vector<std::string> remarks{};

  void reject(const ObservationTable& table, std::size_t row, Rejection why);
  /// Of the rows, which have places and states, those with these indices, ascending.
  void keep(const std::vector<std::size_t>& kept);
  std::int64_t count(Rejection why) const { return rejected[static_cast<std::size_t>(why)].count; }
};

/// The smallest and the largest of the numbers it has seen.
struct Extent {
  double min = std::numeric_limits<double>::infinity(), max = -min;
  void take(double value);
};

/// Screens step by step: flags and missing values, domain and mask, window of time, background check. Throws FileError
/// where no row is left, an error is no standard deviation, or two rows are of one variable, place and time; UsageError
/// for a window that is none.
ScreenedObservations screen(const ObservationTable& table, const ExpectedObservations& expected,
                            const Normalisation& normalisation, const AssimilationWindow& window);

/// The steps.
void reject_flagged_and_missing(ScreenedObservations& some, const ObservationTable& table);
void reject_outside_domain(ScreenedObservations& some, const ObservationTable& table,
                           const ExpectedObservations& expected);
void reject_outside_window(ScreenedObservations& some, const ObservationTable& table,
                           const ExpectedObservations& expected);
/// Values that the data hold impossible (a sentinel, another unit): |y − mean| > background_check · deviation of the
/// variable over time and space; of a formula, what it is of no state within so many deviations. Of rows that have a
/// place and a time. A number that tables put for none (`is_sentinel`) is rejected beyond three deviations already.
void reject_far_from_background(ScreenedObservations& some, const ObservationTable& table,
                                const ExpectedObservations& expected, const Normalisation& normalisation);
/// The first state at or before the first observation, the last at or after the last, unless others are given. Throws
/// FileError where a time lies so far from all others that it can only be a mistake.
Window choose_window(const ScreenedObservations& some, const ObservationTable& table, const StateLayout& layout,
                     const AssimilationWindow& given);
void require_errors(const ScreenedObservations& some, const ObservationTable& table,
                    const ExpectedObservations& expected);
/// One observation of a variable at one place and time: two would ask which of them to believe. Longitudes 345 and -15
/// are one place; where two observations say the same of it they are used, and a remark tells.
void require_distinct(ScreenedObservations& some, const ObservationTable& table, const StateLayout& layout);

/// An observation's standard deviation: its own, or that of [observation_file].
double error_of(const ObservationTable& table, std::size_t row, const ObservationFileParameters& parameters);

}  // namespace sda::io

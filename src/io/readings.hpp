/// Readings of one file before they are looked at, whatever its format.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "sda/core/layout.hpp"

namespace sda::io {

/// Columns of equal length. Rows that are flagged or have no value may have NaN in all others.
struct ReadingTable {
  std::string path;
  std::vector<double> time, value, error;  ///< in the data's units; value NaN: missing
  std::vector<std::vector<double>> place;  ///< for each axis of space
  std::vector<std::size_t> variable;       ///< of the layout
  std::vector<bool> flagged;
  std::vector<std::int64_t> origin;    ///< line, or number in the file
  std::string counted = "line";        ///< what origin counts
  std::vector<std::string> remarks{};  ///< what was mended or not used

  std::size_t rows() const { return value.size(); }
  /// "buoys.csv:12: column error", for messages.
  std::function<std::string(std::size_t row, const std::string& column)> where{};
};

ReadingTable read_csv_readings(const std::string& path, const StateLayout& layout, double max_flag);

/// Throws ValueError for what is no number, nor a date where the data have a calendar.
double parse_time(std::string_view text, const StateLayout& layout);
/// "s", "hours since 2004-02-28".
std::string time_units_of(const StateLayout& layout);

}  // namespace sda::io

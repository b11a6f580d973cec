/// Readings of one file before they are looked at, whatever its format.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sda/core/layout.hpp"
#include "sda/io/readings.hpp"

namespace sda::io {

/// What a reading can be of: a variable of the state, or a formula of them.
struct Observable {
  std::string name;
  std::string formula{};  ///< empty for a variable
};

/// The variables of a state, in their order, then those that [readings] defines. Throws UsageError for what is no
/// definition.
std::vector<Observable> observables_of(const StateLayout& layout, const ReadingsParameters& parameters);

/// Columns of equal length. Rows that are flagged or have no value may have NaN in all others.
struct ReadingTable {
  std::string path;
  std::vector<double> time, value, error;  ///< in the data's units; value NaN: missing; error NaN: the same for all
  std::vector<std::vector<double>> place;  ///< for each axis of space
  std::vector<std::size_t> variable;       ///< of the observables
  std::vector<bool> flagged;
  std::vector<std::int64_t> origin;    ///< line, or number in the file
  std::string counted = "line";        ///< what origin counts
  std::vector<std::string> remarks{};  ///< what was mended or not used

  std::size_t rows() const { return value.size(); }
  /// "buoys.csv:12: column error", for messages.
  std::function<std::string(std::size_t row, const std::string& column)> where{};

  /// Appends a row without a value, to be filled in; `flagged` says why.
  void append_empty(std::int64_t from, bool is_flagged);
};

/// What readers of all formats must know.
struct ReadingsWanted {
  const StateLayout& layout;
  const ReadingsParameters& parameters;
  const std::vector<Observable>& observables;

  std::vector<std::string> names() const;
  /// The observable of this name; nothing where there is none.
  std::optional<std::size_t> find(std::string_view name) const;
  bool gives_errors() const { return !parameters.error.empty(); }
};

ReadingTable read_csv_readings(const std::string& path, const ReadingsWanted& wanted);
/// Whether a file is NetCDF, by its first bytes.
bool is_netcdf(const std::string& path);
/// Groups as IODA has them where there is one ObsValue, else variables on a grid.
ReadingTable read_netcdf_readings(const std::string& path, const ReadingsWanted& wanted);

/// Throws ValueError for what is no number, nor a date where the data have a calendar.
double parse_time(std::string_view text, const StateLayout& layout);
/// "s", "hours since 2004-02-28".
std::string time_units_of(const StateLayout& layout);

}  // namespace sda::io

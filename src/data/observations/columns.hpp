/// Which column of a table of text is what: one row for each observation, with its variable's name and its value (a
/// long table), or a column for each variable (a wide one, as ERDDAP and NDBC have them).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "data/formats/csv.hpp"
#include "data/observations/places.hpp"
#include "data/observations/table.hpp"

namespace sda::io {

/// Values, and what stands beside them.
struct ValueColumn {
  std::size_t value = 0;
  std::optional<std::size_t> error{}, flag{};
  std::optional<std::size_t> observable{};  ///< none: another column says which
  std::string name{};                       ///< of the variable, in a wide table
};

/// Times: one column, a date and a clock, or year, month, day, hour, minute and second.
struct TimeColumns {
  std::vector<std::size_t> columns;
  bool are_parts = false;  ///< year, month, …
};

struct ObservationColumns {
  TimeColumns time;
  std::vector<std::size_t> place;  ///< of each axis
  std::vector<PlaceCoordinate> coordinates;
  bool on_globe = false;  ///< places are latitudes and longitudes of a curvilinear grid
  std::vector<ValueColumn> values;
  std::optional<std::size_t> variable{}, units{};        ///< of a long table
  std::vector<std::optional<std::string>> stated_units;  ///< of each column, in its name or in a line of units
  bool is_wide = false;
  bool is_ndbc = false;                ///< its sentinels are missing values
  std::vector<std::string> remarks{};  ///< columns that are not used, names in another case
};

/// Throws FileError where a column is missing that must be there.
ObservationColumns find_columns(const CsvReader& reader, const ExpectedObservations& expected);

/// Whether a number is what NDBC writes in the column of this name where there is no value: 99.00 of WVHT, say.
bool is_sentinel_of_ndbc(const std::string& column, std::string_view text);

}  // namespace sda::io

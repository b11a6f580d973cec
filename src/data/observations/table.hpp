/// Observations of one file before they are looked at, whatever its format.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sda/core/layout.hpp"
#include "sda/data/observations.hpp"

namespace sda::io {

/// What an observation can be of: a variable of the state, or a formula of them.
struct Observable {
  std::string name;
  std::string formula{};  ///< empty for a variable
};

/// The variables of a state, in their order, then those that [observation_file] defines. Throws UsageError for what is
/// no definition.
std::vector<Observable> observables_of(const StateLayout& layout, const ObservationFileParameters& parameters);

/// Columns of equal length. Rows that are flagged or have no value may have NaN in all others.
struct ObservationTable {
  std::string path;
  std::vector<double> time, value, error;  ///< in the data's units; value NaN: missing; error NaN: the same for all
  std::vector<std::vector<double>> place;  ///< for each axis of space, as place_coordinates has them
  bool on_globe = false;                   ///< places are latitudes and longitudes of a curvilinear grid
  std::vector<std::size_t> variable;       ///< of the observables
  std::vector<bool> flagged;
  std::map<double, std::int64_t> flags{};         ///< that were found not good, and how often; NaN is counted apart
  std::int64_t without_flag = 0;                  ///< flags that are missing
  std::map<double, std::string> flag_meanings{};  ///< where the file says them
  std::vector<std::int64_t> origin;               ///< line, or number in the file
  std::string counted = "line";                   ///< what origin counts
  std::vector<std::string> remarks{};             ///< what was converted, assumed or not used

  std::size_t rows() const { return value.size(); }
  /// "buoys.csv:12: column error", of a row's origin and variable.
  std::function<std::string(std::int64_t origin, std::size_t variable, const std::string& column)> place_in_file{};
  /// The same of a row, for messages.
  std::string where(std::size_t row, const std::string& column) const {
    return place_in_file(origin[row], variable[row], column);
  }

  /// Appends a row without a value, to be filled in; `flagged` says why.
  void append_empty(std::int64_t from, bool is_flagged);
  /// Counts a flag that is not good.
  void count_flag(double flag);
};

/// What readers of all formats must know.
struct ExpectedObservations {
  const StateLayout& layout;
  const ObservationFileParameters& parameters;
  const std::vector<Observable>& observables;

  std::vector<std::string> names() const;
  /// The observable of this name; nothing where there is none.
  std::optional<std::size_t> find(std::string_view name) const;
  bool gives_errors() const { return !parameters.error.empty(); }
  /// Whether observations with this quality flag are used; a flag that is missing (NaN) says nothing good.
  bool is_good(double flag) const;
};

}  // namespace sda::io

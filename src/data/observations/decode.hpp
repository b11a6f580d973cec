/// Files of observations → a table: one reader for each format.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/units.hpp"
#include "data/formats/netcdf_file.hpp"
#include "data/observations/table.hpp"

namespace sda::io {

/// The table of a file of any of these formats.
ObservationTable decode_observations(const std::string& path, const ExpectedObservations& expected);

/// Text in columns.
ObservationTable decode_csv(const std::string& path, const ExpectedObservations& expected);
/// NetCDF with groups of variables over locations, as IODA has them.
ObservationTable decode_ioda(const ReadableGroup& file, const ExpectedObservations& expected);
/// NetCDF with variables on a grid, of a swath, of stations or of profiles.
ObservationTable decode_grids(const ReadableGroup& file, const ExpectedObservations& expected);

/// Times of a variable, texts or numbers of its units, in those of the layout; NaN where they are missing. Numbers
/// without units may be digits of dates, which is then a remark. Throws FileError.
std::vector<double> read_observation_times(const ReadableGroup& group, const std::string& name,
                                           const StateLayout& layout, ObservationTable& table);

struct NameOfVariable {
  std::string name, standard_name{};
};
/// Which variables of a file are observables: those of their names, else of their standard names.
struct ObservedVariables {
  std::vector<std::pair<std::size_t, std::size_t>> found;  ///< the variable, and the observable
  std::vector<std::string> others;
};
/// Throws FileError where none is an observable, or two are the same one by standard name.
ObservedVariables observed_variables(const std::vector<NameOfVariable>& variables, const ExpectedObservations& expected,
                                     const std::string& where, ObservationTable& table);
/// Names those of `others` that are not `used`.
void remark_on_others(const std::vector<std::string>& others, const std::set<std::string>& used,
                      ObservationTable& table);

std::vector<double> column_from(const Tensor& values);
/// Each number in other units.
std::vector<double> converted(std::vector<double> numbers, const UnitConversion& convert);

}  // namespace sda::io

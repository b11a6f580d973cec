/// Files of observations → a table: one reader for each format.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/units.hpp"
#include "data/formats/netcdf_file.hpp"
#include "data/observations/table.hpp"

namespace sda::io {

/// Whether a file is NetCDF, by its first bytes.
bool is_netcdf(const std::string& path);

/// The table of a file of any of these formats.
ObservationTable decode_observations(const std::string& path, const ExpectedObservations& expected);

/// Text in columns.
ObservationTable decode_csv(const std::string& path, const ExpectedObservations& expected);
/// NetCDF with groups of variables over locations, as IODA has them.
ObservationTable decode_ioda(const ReadableGroup& file, const ExpectedObservations& expected);
/// NetCDF with variables on a grid.
ObservationTable decode_grids(const ReadableGroup& file, const ExpectedObservations& expected);

/// Times of a variable, texts or numbers of its units, in those of the layout. Throws FileError.
std::vector<double> read_observation_times(const ReadableGroup& group, const std::string& name,
                                           const StateLayout& layout);
/// The variables among `names` that can be read as observables, each with which; the others become a remark. Throws
/// FileError where there is none.
std::vector<std::pair<std::string, std::size_t>> observed_variables(const std::vector<std::string>& names,
                                                                    const ExpectedObservations& expected,
                                                                    const std::string& where, ObservationTable& table);
std::vector<double> column_from(const Tensor& values);
/// Each number in other units.
std::vector<double> converted(std::vector<double> numbers, const UnitConversion& convert);

}  // namespace sda::io

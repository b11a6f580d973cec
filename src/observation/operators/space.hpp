/// What links of space share: numbers for each axis of a grid, its coordinates, and refusals.
#pragma once

#include <string>
#include <vector>

#include "observation/operators/kinds.hpp"

namespace sda::observation {

/// "operator link [{coarsen = 3}]".
std::string place_of(const OperatorLink& link);
[[noreturn]] void refuse_numbers(const OperatorLink& link, const std::string& what, const std::string& found,
                                 const std::string& expected);
void require_grid(const OperatorLink& link, const Field& field);
/// Refuses names of numbers that are neither axes of the grid nor among the others.
void require_axes(const OperatorLink& link, const Field& field, const std::vector<std::string>& other_names);

/// A number for each axis of space, from one for all or one for each. Throws where there is no grid.
std::vector<std::int64_t> for_each_axis(const LinkSite& site);
/// Those of a table under this name.
std::vector<double> numbers_of(const OperatorLink& link, const std::string& name);

/// A number for each point of one axis, to be broadcast over space; float64.
Tensor along_axis(const Field& field, std::size_t axis, const std::vector<double>& numbers);
/// "y, x", and names of latitudes and longitudes of a curvilinear grid.
std::string names_of_axes(const Field& field);
/// "y from 0.25 to 1.75, x from 0.125 to 1.375".
std::string reach_of(const Field& field);

}  // namespace sda::observation

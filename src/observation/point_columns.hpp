/// The numbers of the link `points`: a column for each axis that points lie along, one value for each point.
#pragma once

#include <span>
#include <string>

#include "sda/observation/operator.hpp"

namespace sda::observation {

inline constexpr const char* points_kind = "points";
/// The axes that are not of space: when (states from 0) and which component.
inline constexpr const char* time_column = "time";
inline constexpr const char* component_column = "variable";

std::size_t rows_of(const OperatorLink& points);
/// One for each point; none where the link does not have the column.
std::span<const double> column_of(const OperatorLink& points, const std::string& name);

}  // namespace sda::observation

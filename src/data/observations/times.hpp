/// Times as users write them.
#pragma once

#include <string>
#include <string_view>

#include "sda/core/layout.hpp"

namespace sda::io {

/// Throws ValueError for what is no number, nor a date where the data have a calendar.
double parse_time(std::string_view text, const StateLayout& layout);
/// "s", "hours since 2004-02-28".
std::string time_units_of(const StateLayout& layout);

}  // namespace sda::io

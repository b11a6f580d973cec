/// What tables put where there is no value. Private to src/.
#pragma once

#include <string_view>

namespace sda::io {

/// Whether a field of a table says that there is no value: nothing, MM (NDBC), NA, N/A, NaN, null, - or --, in any case
/// of letters.
bool stands_for_none(std::string_view field);

/// Whether a number is one that tables put for none: 99, 999, … up to 99999999 and their negatives, with one of both
/// digits after the point (99.9, 99.99) too, and 1e15 or more as fill values are. Each may be a value as well.
bool is_sentinel(double value);

}  // namespace sda::io

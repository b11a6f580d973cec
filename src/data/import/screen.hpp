/// Values that are missing in states: in all of them (land), or an error.
#pragma once

#include <string>

#include "data/import/states.hpp"
#include "sda/core/layout.hpp"

namespace sda::io {

/// What is missing in the first state of a piece (time, channel, …space): (channel, …space) bool. Throws FileError
/// where something is missing in other states and not in that one, or the other way round.
Tensor missing_always(const Tensor& states, const StateSource& source, const Piece& piece, const StateLayout& layout);

/// Throws FileError naming the first of `bad`, (channel, …space).
[[noreturn]] void refuse_missing(const std::string& what, const Tensor& bad, const StateSource& source,
                                 const StateLayout& layout, const std::string& hint);

}  // namespace sda::io

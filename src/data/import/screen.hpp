/// Values that are missing in states: in all of them (land), or an error.
#pragma once

#include <string>

#include "data/import/states.hpp"
#include "sda/core/layout.hpp"

namespace sda::io {

/// Throws FileError where something is missing in states of a piece (time, channel, …space), from its `state`-th on,
/// and not in `always`, what is missing in its first one (channel, …space), or the other way round.
void require_missing_always(const Tensor& states, const Tensor& always, const StateSource& source, const Piece& piece,
                            std::int64_t state, const StateLayout& layout);

/// Throws FileError naming the first of `bad`, (channel, …space).
[[noreturn]] void refuse_missing(const std::string& what, const Tensor& bad, const StateSource& source,
                                 const StateLayout& layout, const std::string& hint);

}  // namespace sda::io

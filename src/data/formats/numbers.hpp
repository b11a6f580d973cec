/// Numbers in text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sda::io {

/// The whole text as a number, nothing for anything else.
std::optional<double> number_in(std::string_view text);

/// What to do about a text that is no number, where that can be seen; else empty.
std::string number_hint(std::string_view text);

}  // namespace sda::io

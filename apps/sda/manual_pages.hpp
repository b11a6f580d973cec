/// The manual of the program in the languages it is written in.
#pragma once

#include <string>

#include "reference.hpp"

namespace sda::app {

/// One man page; see man(7) for its language.
std::string page_in_roff(const CommandDescription& command, const CommandDescription& program);
/// One page of all commands.
std::string markdown_of_commands(const CommandDescription& program);

}  // namespace sda::app

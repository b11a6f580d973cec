/// What a wrong command line is told.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace sda::app {

/// The one line for a command line that cannot be parsed, with the nearest name that is known.
std::string usage_message(const CLI::App& program, const CLI::ParseError& error);

}  // namespace sda::app

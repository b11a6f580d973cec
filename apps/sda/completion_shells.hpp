/// What completions of all shells are made of, and the script of each.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "reference.hpp"

namespace sda::app {

/// Between single quotes, where bash and zsh take every character but the quote itself as it is.
std::string quoted(const std::string& text);
Words flags_of(const CommandDescription& command);
/// The last words of what stands below a command: "windows", "sampler".
Words names_below(const CommandDescription& command);
/// Calls `visit` with each key's full name and what it may be; names of the user's own have none here.
void for_each_key(const std::function<void(const std::string& name, const Words& choices)>& visit);
/// "sampler.grid=", ….
Words all_keys();
/// "    sampler.grid) LINE ;;" for each key with choices.
std::string cases_of_keys(const std::string& indent, const std::function<std::string(const Words&)>& line);
/// `text` with each @name@ replaced.
std::string filled(std::string text, const std::vector<std::pair<std::string, std::string>>& parts);

std::string complete_bash(const CommandDescription& program);
std::string complete_zsh(const CommandDescription& program);
std::string complete_fish(const CommandDescription& program);

}  // namespace sda::app

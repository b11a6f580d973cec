/// The completion of fish: lines of its `complete`.
#include <fmt/format.h>

#include "command.hpp"
#include "completion_scripts.hpp"
#include "completion_shells.hpp"

namespace sda::app {
namespace {

std::string fish_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

/// What follows, in flags of fish's `complete`.
std::string fish_value(const OptionDescription& option) {
  if (option.value.empty()) return "";
  const std::string follows = option.positional() ? "" : " -r";
  if (!option.choices.empty()) return follows + " -f -a " + fish_quoted(joined(option.choices));
  if (option.type == value::file) return follows + " -F";
  if (option.type == value::folder) return follows + " -f -a '(__fish_complete_directories)'";
  if (option.type == value::setting) return follows + " -f -a '(__sda_settings)'";
  return follows + " -f";
}

std::string fish_lines(const CommandDescription& command, const std::string& condition) {
  std::string lines;
  for (const auto& option : command.options) {
    std::string line = "complete -c sda" + condition;
    for (const auto& flag : option.flags) {
      line += flag.starts_with("--") ? " -l " + flag.substr(2) : " -s " + flag.substr(1);
    }
    lines += line + fish_value(option) + " -d " + fish_quoted(option.help) + "\n";
  }
  return lines;
}

/// The condition that all words of a path have been typed, for fish's `complete -n`.
std::string fish_seen(const Words& path) {
  if (path.empty()) return "__fish_use_subcommand";
  Words seen;
  for (const auto& word : path) seen.push_back("__fish_seen_subcommand_from " + word);
  return joined(seen, "; and ");
}

}  // namespace

std::string complete_fish(const CommandDescription& program) {
  Words settings;
  for_each_key([&](const std::string& name, const Words& choices) {
    if (choices.empty()) settings.push_back(name + "=");
    for (const auto& choice : choices) settings.push_back(name + "=" + choice);
  });
  std::string text = "# Completion of sda for fish, written by `sda completion fish`.\n\nfunction __sda_settings\n";
  text += "  string split ' ' " + fish_quoted(joined(settings)) + "\nend\n\ncomplete -c sda -f\n";
  text += fish_lines(program, "");
  for (const auto& command : subcommands_of(program)) {
    const Words above(command.path.begin(), command.path.end() - 1);
    text += fmt::format("\ncomplete -c sda -n '{}' -a {} -d {}\n", fish_seen(above), command.path.back(),
                        fish_quoted(command.description));
    text += fish_lines(command, " -n '" + fish_seen(command.path) + "'");
  }
  return text;
}

}  // namespace sda::app

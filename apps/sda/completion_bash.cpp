/// The completion of bash: completion/sda.bash, filled.
#include <fmt/format.h>

#include "command.hpp"
#include "completion_scripts.hpp"
#include "completion_shells.hpp"

namespace sda::app {
namespace {

/// What follows a flag, in the words of the script below.
std::string bash_kind(const OptionDescription& option) {
  if (!option.choices.empty()) return "kind=words words=" + quoted(joined(option.choices));
  if (option.type == value::file) return "kind=file";
  if (option.type == value::folder) return "kind=folder";
  if (option.type == value::setting) return "kind=setting";
  return "kind=other";
}

/// What follows each flag of a command; `pattern` matches the command.
std::string bash_values(const CommandDescription& command, const std::string& pattern) {
  std::string cases;
  for (const auto& option : command.options) {
    if (option.positional() || option.value.empty()) continue;
    Words patterns;
    for (const auto& flag : option.flags) patterns.push_back(pattern + "," + flag);
    cases += "    " + joined(patterns, " | ") + ") " + bash_kind(option) + " ;;\n";
  }
  return cases;
}

}  // namespace

std::string complete_bash(const CommandDescription& program) {
  std::string values, words, nested, following;
  for (const auto& command : subcommands_of(program)) {
    const std::string name = quoted(joined(command.path));
    values += bash_values(command, name);
    words += fmt::format("    {}) words=\"{} $flags\" ;;\n", name, joined(flags_of(command)));
    if (command.path.size() > 1) {
      const Words above(command.path.begin(), command.path.end() - 1);
      nested += fmt::format("          {},{}) command={} ;;\n", quoted(joined(above)), command.path.back(), name);
    }
    Words follow = names_below(command);
    for (const auto& option : command.options) {
      if (option.positional()) follow.insert(follow.end(), option.choices.begin(), option.choices.end());
    }
    if (!follow.empty()) following += fmt::format("          {}) words={} ;;\n", name, quoted(joined(follow)));
  }
  Words with_value;
  for (const auto& option : program.options) {
    if (!option.value.empty()) with_value.insert(with_value.end(), option.flags.begin(), option.flags.end());
  }
  return filled(
      std::string(scripts::sda_bash),
      {{"values", values + bash_values(program, "*")},
       {"words", words},
       {"nested", nested},
       {"following", following},
       {"global_flags", joined(flags_of(program))},
       {"global_value_flags", joined(with_value, " | ")},
       {"commands", joined(names_below(program))},
       {"all_keys", joined(all_keys())},
       {"keys", cases_of_keys("    ", [](const Words& choices) { return "words=" + quoted(joined(choices)); })}});
}

}  // namespace sda::app

/// sda completion: what a shell needs to complete commands, flags, keys and their values. The scripts are whole: they
/// never run the program. Those of bash and zsh are in completion/, with @places@ that are filled.
#include <fmt/format.h>

#include <array>

#include "command.hpp"
#include "completion_shells.hpp"
#include "sda/core/fields.hpp"
#include "sda/experiment/keys.hpp"

namespace sda::app {

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

Words flags_of(const CommandDescription& command) {
  Words flags;
  for (const auto& option : command.options) flags.insert(flags.end(), option.flags.begin(), option.flags.end());
  return flags;
}

Words names_below(const CommandDescription& command) {
  Words names;
  for (const auto& below : command.subcommands) names.push_back(below.path.back());
  return names;
}

void for_each_key(const std::function<void(const std::string& name, const Words& choices)>& visit) {
  for (const auto& section : describe_sections()) {
    if (section.name.find("NAME") != std::string::npos) continue;
    for (const auto& key : section.keys) {
      visit(section.name + "." + key.name, key.type == "true or false" ? Words{"true", "false"} : key.choices);
    }
  }
}

Words all_keys() {
  Words keys;
  for_each_key([&](const std::string& name, const Words&) { keys.push_back(name + "="); });
  return keys;
}

std::string cases_of_keys(const std::string& indent, const std::function<std::string(const Words&)>& line) {
  std::string cases;
  for_each_key([&](const std::string& name, const Words& choices) {
    if (!choices.empty()) cases += fmt::format("{}{}) {} ;;\n", indent, name, line(choices));
  });
  return cases;
}

std::string filled(std::string text, const std::vector<std::pair<std::string, std::string>>& parts) {
  for (const auto& [name, part] : parts) {
    const std::string place = "@" + name + "@";
    for (auto at = text.find(place); at != std::string::npos; at = text.find(place, at + part.size())) {
      text.replace(at, place.size(), part);
    }
  }
  return text;
}

namespace {

enum class Shell { bash, zsh, fish };
constexpr auto choice_names(Shell) {
  return std::array{"bash", "zsh", "fish"};
}

std::string completion_of(Shell shell, const CommandDescription& program) {
  switch (shell) {
    case Shell::bash:
      return complete_bash(program);
    case Shell::zsh:
      return complete_zsh(program);
    case Shell::fish:
      break;
  }
  return complete_fish(program);
}

}  // namespace

Subcommand completion_command(CLI::App& program, Globals&) {
  auto shell = std::make_shared<std::string>();
  CLI::App* flags = add_subcommand(program, "completion", "Print a script that completes commands in a shell",
                                   "sda completion zsh > ~/.zfunc/_sda\n"
                                   "  sda completion fish > ~/.config/fish/completions/sda.fish\n"
                                   "  eval \"$(sda completion bash)\"");
  flags->add_option("SHELL", *shell, "shell to complete in")->required()->check(CLI::IsMember(names_of<Shell>()));
  return {flags, [shell, &program] { print(completion_of(*choice_of<Shell>(*shell), describe(program))); }};
}

}  // namespace sda::app

/// The completion of zsh: completion/sda.zsh and a function a command, filled.
#include <fmt/format.h>

#include <sstream>

#include "command.hpp"
#include "completion_scripts.hpp"
#include "completion_shells.hpp"

namespace sda::app {
namespace {

std::string zsh_action(const OptionDescription& option) {
  if (!option.choices.empty()) return "(" + joined(option.choices) + ")";
  if (option.type == value::file) return "_files";
  if (option.type == value::folder) return "_files -/";
  if (option.type == value::setting) return "_sda_setting";
  return " ";
}

/// A description for _arguments, which reads brackets and colons.
std::string zsh_text(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("[]:\\").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string zsh_specs(const CommandDescription& command, const std::string& indent) {
  std::string specs;
  for (const auto& option : command.options) {
    const std::string value = option.value.empty() ? "" : ":" + zsh_text(option.value) + ":" + zsh_action(option);
    if (option.positional()) {
      specs += indent + quoted((option.repeated ? "*" : "") + value) + "\n";
      continue;
    }
    for (const auto& flag : option.flags) {
      const std::string others = option.repeated ? "*" : "(" + joined(option.flags) + ")";
      const std::string equals = flag.starts_with("--") && !value.empty() ? "=" : "";
      specs += indent + quoted(others + flag + equals + "[" + zsh_text(option.help) + "]" + value) + "\n";
    }
  }
  return specs;
}

std::string zsh_function_name(const CommandDescription& command) {
  return command.path.empty() ? "_sda_commands" : "_sda_" + joined(command.path, "_");
}

/// "_arguments …" with the flags of a command, each on a line.
std::string zsh_arguments(const CommandDescription& command) {
  CommandDescription own = command;
  std::erase_if(own.options,
                [](const auto& option) { return !option.positional() && option.flags.back() == "--help"; });
  std::string text = "_arguments $shared";
  std::istringstream specs(zsh_specs(own, "            "));
  for (std::string spec; std::getline(specs, spec);) text += " \\\n" + spec;
  return text;
}

std::string zsh_functions(const CommandDescription& command) {
  std::string commands, cases, below_it;
  for (const auto& below : command.subcommands) {
    const std::string& name = below.path.back();
    commands += "    " + quoted(name + ":" + zsh_text(below.description)) + "\n";
    const bool leaf = below.subcommands.empty();
    cases += "        " + name + ") " + (leaf ? zsh_arguments(below) : zsh_function_name(below)) + " ;;\n";
    if (!leaf) below_it += zsh_functions(below);
  }
  const std::string what = command.path.empty() ? "sda" : "sda " + joined(command.path);
  return filled(std::string(scripts::commands_zsh),
                {{"name", zsh_function_name(command)}, {"commands", commands}, {"what", what}, {"cases", cases}}) +
         below_it;
}

}  // namespace

std::string complete_zsh(const CommandDescription& program) {
  return filled(std::string(scripts::sda_zsh),
                {{"all_keys", joined(all_keys())},
                 {"keys", cases_of_keys("    ", [](const Words& choices) { return "compadd -- " + joined(choices); })},
                 {"functions", zsh_functions(program)},
                 {"shared", zsh_specs(program, "    ")}});
}

}  // namespace sda::app

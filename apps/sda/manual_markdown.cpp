/// The manual as one page of Markdown.
#include <fmt/format.h>

#include "command.hpp"
#include "manual_pages.hpp"

namespace sda::app {
namespace {

constexpr const char* commands_introduction = R"(# Commands

<!-- Written by `sda manual --markdown`; a change belongs in the subcommand's source in apps/sda. -->

Each command reads files and writes one, or a folder of them. Results go to standard output, the log and progress to standard error.
`sda COMMAND --help` says what stands here, `man sda-COMMAND` too where `sda` is installed, and
[completions](../howto.md#completion-of-commands-in-a-shell) for bash, zsh and fish know all flags, keys and choices.
)";

std::string option_in_markdown(const OptionDescription& option) {
  Words names;
  for (const auto& flag : option.flags) names.push_back("`" + flag + "`");
  if (option.positional()) names.push_back("`" + option.value + "`");
  std::string value = markdown_cell(option.choices.empty() ? option.type : joined(option.choices, ", "));
  if (!option.limits.empty()) value += ", " + markdown_cell(option.limits);
  const std::string preset = option.preset.empty() ? "" : "`" + option.preset + "`";
  return markdown_row({joined(names), value, option.required ? "required" : preset, markdown_cell(option.help)});
}

std::string command_in_markdown(const CommandDescription& command) {
  const std::string end = command.description.ends_with('.') ? "" : ".";
  std::string text = command.description + end + "\n\n```sh\n" + command.usage() + "\n```\n\n";
  text += markdown_row({"flag", "value", "default", "meaning"}) + "|---|---|---|---|\n";
  for (const auto& option : command.options) text += option_in_markdown(option);
  return text + "\nExample:\n\n```sh\n" + joined(command.examples, "\n") + "\n```\n";
}

}  // namespace

std::string markdown_of_commands(const CommandDescription& program) {
  std::string page = commands_introduction;
  page += "\n## Flags of every command\n\n" + command_in_markdown(program);
  page += "\n### Exit codes\n\n" + markdown_row({"code", "meaning"}) + "|---|---|\n";
  for (const auto& [code, meaning] : exit_codes()) page += markdown_row({code, markdown_cell(meaning)});
  for (const auto& command : subcommands_of(program)) {
    page += "\n## sda " + joined(command.path) + "\n\n" + command_in_markdown(command);
  }
  return page;
}

}  // namespace sda::app

#include "reference.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <sstream>

namespace sda::app {
namespace {

Words split_at(const std::string& text, char separator) {
  Words parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

/// CLI11 names a type and what checks it in one text: "TEXT:{quick,good,best}", "INT:1 to 4096".
void describe_type(const std::string& text, OptionDescription& description) {
  for (const auto& part : split_at(text, ':')) {
    if (part.starts_with("{")) {
      description.choices = split_at(part.substr(1, part.size() - 2), ',');
    } else if (description.type.empty()) {
      description.type = part;
    } else {
      description.limits = part;
    }
  }
  if (description.type.empty()) description.type = "TEXT";
}

OptionDescription describe_option(const CLI::Option& option) {
  OptionDescription description{.value = "", .type = "", .help = option.get_description()};
  for (const auto& name : option.get_snames()) description.flags.push_back("-" + name);
  for (const auto& name : option.get_lnames()) description.flags.push_back("--" + name);
  if (option.get_items_expected_max() > 0) {
    describe_type(option.get_type_name(), description);
    description.value = description.positional()      ? option.get_name(/*positional=*/true)
                             : description.choices.empty() ? description.type
                                                      : "{" + joined(description.choices, ",") + "}";
    description.preset = option.get_default_str();
  }
  description.required = option.get_required();
  description.repeated = option.get_expected_max() > 1;
  return description;
}

/// What stands below "Example:" in a subcommand's help.
Words examples_in(const std::string& footer) {
  const std::string heading = "Example:\n";
  const auto found = footer.find(heading);
  if (found == std::string::npos) return {};
  Words examples = split_at(footer.substr(found + heading.size()), '\n');
  for (auto& example : examples) example.erase(0, example.find_first_not_of(' '));
  return examples;
}

CommandDescription describe_command(const CLI::App& app, const Words& path) {
  CommandDescription description{.path = path,
                                 .description = app.get_description(),
                                 .options = {},
                                 .examples = examples_in(app.get_footer()),
                                 .subcommands = {}};
  for (const CLI::Option* option : app.get_options()) description.options.push_back(describe_option(*option));
  // Former names have no group: they are understood and not told.
  for (const CLI::App* below : app.get_subcommands([](const CLI::App* all) { return !all->get_group().empty(); })) {
    Words path_below = path;
    path_below.push_back(below->get_name());
    description.subcommands.push_back(describe_command(*below, path_below));
  }
  return description;
}

}  // namespace

std::string CommandDescription::page() const {
  return path.empty() ? "sda" : "sda-" + joined(path, "-");
}

std::string CommandDescription::usage() const {
  Words words{"sda"};
  words.insert(words.end(), path.begin(), path.end());
  for (const auto& option : options) {
    if (option.positional() && !option.required) words.push_back("[" + option.value + "]");
  }
  for (const auto& option : options) {
    if (!option.positional() && option.required) words.push_back(option.flags.front() + " " + option.value);
  }
  words.emplace_back("[flags]");
  for (const auto& option : options) {
    if (option.positional() && option.required) words.push_back(option.value + (option.repeated ? "…" : ""));
  }
  if (!subcommands.empty()) words.emplace_back("COMMAND …");
  return joined(words);
}

CommandDescription describe(const CLI::App& program) {
  return describe_command(program, {});
}

std::vector<CommandDescription> subcommands_of(const CommandDescription& command) {
  std::vector<CommandDescription> all;
  for (const auto& below : command.subcommands) {
    all.push_back(below);
    for (auto& deeper : subcommands_of(below)) all.push_back(std::move(deeper));
  }
  return all;
}

const std::vector<std::pair<std::string, std::string>>& exit_codes() {
  static const std::vector<std::pair<std::string, std::string>> codes{
      {"0", "done"},
      {"1", "failed: a file is missing or damaged, or the work cannot be done; one line on standard error says what"},
      {"2", "the command line or the configuration is wrong; one line says what, and what was meant"},
      {"75", "stopped by --time-limit with more to do; simulate, train and assimilate go on with --resume"},
      {"128 + N", "stopped by signal N (130: Ctrl-C); simulate, train and assimilate go on with --resume"}};
  return codes;
}

std::string joined(const Words& words, const std::string& separator) {
  return fmt::format("{}", fmt::join(words, separator));
}

std::string markdown_cell(const std::string& text) {
  std::string cell;
  for (const char c : text) {
    if (std::string_view("|*_[]\\").find(c) != std::string_view::npos) cell += '\\';
    cell += c == '<' ? std::string("&lt;") : std::string(1, c);
  }
  return cell;
}

std::string markdown_row(const Words& cells) {
  return "| " + joined(cells, " | ") + " |\n";
}

}  // namespace sda::app

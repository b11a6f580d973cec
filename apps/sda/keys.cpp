/// sda keys: every key of a configuration, as TOML to start from or as a page to read.
#include <fmt/format.h>

#include "command.hpp"
#include "reference.hpp"
#include "sda/experiment/keys.hpp"

namespace sda::app {
namespace {

constexpr const char* keys_introduction = R"(# Keys

<!-- Written by `sda keys --markdown`; a change belongs in the `fields` of a parameter struct. -->

An experiment is a TOML file of these sections and keys; what it leaves out has its default. `sda keys > experiment.toml`
writes all of them as a file to start from. Each key can also be set for one run, over any file: `--set sampler.steps=64`.
A list of one number or text can be written without brackets. Unknown keys and values out of range are refused, with the
nearest name that is known and the range.

Files that `sda` writes carry the whole configuration that made them, and later steps take it from there: `sda train` needs no
file if its data know theirs.
)";

constexpr const char* links_introduction = R"(
## Links of an operator

`operator` is a list of links, applied one after the other: `[{every = 8}, {select = [0]}, {abs = true}]` is the absolute value of
the first component of every 8th state. Values are normalised, unless a link `physical` stands before. Links of time and of
state may stand in any order between each other. Axes of space have the names that `sda inspect` shows.

)";

std::string code(const std::string& text) {
  return text.empty() ? "" : "`" + text + "`";
}

/// A section's help, which begins with the command that reads it: "sda import: trajectories".
std::string section_help(const std::string& help) {
  if (!help.starts_with("sda ")) return help;
  const std::size_t end = std::min(help.find(':'), help.size());
  return code(help.substr(0, end)) + help.substr(end);
}

std::string markdown_of_keys() {
  std::string page = keys_introduction;
  for (const auto& section : describe_sections()) {
    page += fmt::format("\n## `[{}]`\n\n{}\n\n", section.name, section_help(section.help));
    page += markdown_row({"key", "type", "default", "range", "meaning"}) + "|---|---|---|---|---|\n";
    for (const auto& key : section.keys) {
      page +=
          markdown_row({code(key.name), key.type, code(key.value), markdown_cell(key.limits), markdown_cell(key.help)});
    }
  }
  page += links_introduction;
  page += markdown_row({"link", "value and meaning"}) + "|---|---|\n";
  for (const auto& [kind, help] : operator_kinds()) page += markdown_row({code(kind), markdown_cell(help)});
  return page;
}

}  // namespace

Subcommand keys_command(CLI::App& program, Globals&) {
  struct KeysOptions {
    bool markdown = false;
    std::optional<Quality> quality;
  };
  auto options = std::make_shared<KeysOptions>();
  CLI::App* flags = add_subcommand(program, "keys", "Print every key of a configuration with its default and meaning",
                                   "sda keys > experiment.toml");
  flags->add_flag("--markdown", options->markdown, "as a page of tables in place of TOML");
  add_quality_flag(*flags, options->quality, "guidance and sampler of the TOML: quick, good, best or paper");
  return {flags, [options] {
            print(options->markdown ? markdown_of_keys() : describe_keys(options->quality.value_or(Quality::good)));
          }};
}

}  // namespace sda::app

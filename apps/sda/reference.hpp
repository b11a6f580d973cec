/// The command line as data, from what CLI11 knows of it: the manual and the completions are made of this alone.
#pragma once

#include <string>
#include <vector>

#include "command.hpp"

namespace sda::app {

using Words = std::vector<std::string>;

struct OptionDescription {
  Words flags{};         ///< "-o", "--output"; none for a positional
  std::string value;     ///< as shown: "FILE", "{quick,good}", of a positional "CONFIG"; empty for none
  std::string type;      ///< what it is: "FILE", "FOLDER", "KEY=VALUE", "INT", …
  Words choices{};       ///< all that the value may be; empty: any of its type
  std::string limits{};  ///< of the value: "1 to 4096"
  std::string preset{};  ///< the value if none is given; empty: it says so in help
  bool required = false, repeated = false;
  std::string help;

  bool positional() const { return flags.empty(); }
};

struct CommandDescription {
  Words path;  ///< of subcommands: {} of the program itself, {"train"}, {"study", "windows"}
  std::string description;
  std::vector<OptionDescription> options;  ///< the program's are taken by every subcommand too
  Words examples;
  std::vector<CommandDescription> subcommands;

  /// "sda", "sda-train", "sda-study-windows"
  std::string page() const;
  /// "sda train [CONFIG] --data FOLDER -o FILE [flags]"
  std::string usage() const;
};

CommandDescription describe(const CLI::App& program);

/// All subcommands, each before its own.
std::vector<CommandDescription> subcommands_of(const CommandDescription& command);

/// How the program can end, and with which exit code: {code, meaning}.
const std::vector<std::pair<std::string, std::string>>& exit_codes();

/// "a, b": words with something between them.
std::string joined(const Words& words, const std::string& separator = " ");

/// Text as one cell of a Markdown table.
std::string markdown_cell(const std::string& text);
/// "| a | b |\n"
std::string markdown_row(const Words& cells);

}  // namespace sda::app

/// The command line as data, from what CLI11 knows of it: the manual and the completions are made of this alone.
#pragma once

#include <string>
#include <vector>

#include "command.hpp"

namespace sda::app {

struct OptionDescription {
  std::vector<std::string> flags{};    ///< "-o", "--output"; none for a positional
  std::string value;                   ///< as shown: "FILE", "{quick,good}", of a positional "CONFIG"; empty for none
  std::string type;                    ///< what it is: "FILE", "FOLDER", "KEY=VALUE", "INT", …
  std::vector<std::string> choices{};  ///< all that the value may be; empty: any of its type
  std::string limits{};                ///< of the value: "1 to 4096"
  std::string preset{};                ///< the value if none is given; empty: it says so in help
  bool required = false, repeated = false;
  std::string help;

  bool positional() const { return flags.empty(); }
};

struct CommandDescription {
  std::string name;  ///< "sda", "train"
  std::string description;
  std::vector<OptionDescription> options;
  std::vector<std::string> examples;

  /// "sda train [CONFIG] --data FOLDER -o FILE [flags]"
  std::string usage() const;
};

struct ProgramDescription {
  CommandDescription program;  ///< its flags are taken by every subcommand too
  std::vector<CommandDescription> subcommands;
};

ProgramDescription describe(const CLI::App& program);

/// How the program can end, and with which exit code: {code, meaning}.
const std::vector<std::pair<std::string, std::string>>& exit_codes();

/// Text as one cell of a Markdown table.
std::string markdown_cell(const std::string& text);
/// "| a | b |\n"
std::string markdown_row(const std::vector<std::string>& cells);

}  // namespace sda::app

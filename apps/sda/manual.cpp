/// sda manual: man pages, or one page of Markdown, of every subcommand; see man(7) for the language of the former.
#include <fmt/format.h>

#include "command.hpp"
#include "reference.hpp"
#include "sda/core/error.hpp"

namespace sda::app {
namespace {

struct Options {
  std::string output;
  bool markdown = false;
};

// Man pages.

/// Text as roff prints it: no character is taken for a command, and only ASCII stands in the page.
std::string roff(const std::string& text) {
  std::string out = text.starts_with('.') || text.starts_with('\'') ? "\\&" : "";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte == '\\') {
      out += "\\e";
    } else if (byte == '-') {
      out += "\\-";
    } else if (byte == '`') {
      out += "\\(ga";
    } else if (byte == '^') {
      out += "\\(ha";
    } else if (byte == '~') {
      out += "\\(ti";
    } else if (byte < 0x80) {
      out += text[i];
    } else {  // UTF-8: as many bytes follow as the first has leading ones
      const int more = byte >= 0xF0 ? 3 : byte >= 0xE0 ? 2 : 1;
      std::uint32_t code = byte & (0x3FU >> more);
      for (int k = 0; k < more; ++k) code = code << 6 | (static_cast<unsigned char>(text[++i]) & 0x3FU);
      out += fmt::format("\\[u{:04X}]", code);
    }
  }
  return out;
}

/// Text as roff fills it, on lines that are short.
std::string roff_filled(const std::string& text) {
  std::string out;
  for (std::size_t width = 0, begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    const std::string word = text.substr(begin, end - begin);
    const bool breaks = width > 0 && width + word.size() > 70;
    if (width > 0) out += breaks ? '\n' : ' ';
    width = (breaks ? 0 : width) + word.size() + 1;
    out += roff(word);
    begin = end + 1;
  }
  return out + "\n";
}

/// The same, ended as sentences are.
std::string roff_sentences(const std::string& text) {
  return roff_filled(text.ends_with('.') ? text : text + '.');
}

std::string bold(const std::string& text) {
  return "\\fB" + roff(text) + "\\fR";
}
std::string italic(const std::string& text) {
  return "\\fI" + roff(text) + "\\fR";
}

std::string option_in_roff(const OptionDescription& option) {
  Words names;
  for (const auto& flag : option.flags) names.push_back(bold(flag));
  std::string text = ".TP\n" + joined(names, ", ");
  if (!option.value.empty()) text += (names.empty() ? "" : " ") + italic(option.value);
  std::string help = option.help + (option.help.ends_with('.') ? "" : ".");
  if (option.positional() && !option.choices.empty()) help += " One of " + joined(option.choices, ", ") + ".";
  if (!option.limits.empty()) help += " Range: " + option.limits + ".";
  if (!option.preset.empty()) help += " Default: " + option.preset + ".";
  if (option.required) help += " Required.";
  if (option.repeated) help += " May be given more than once.";
  return text + "\n" + roff_sentences(help);
}

std::string options_in_roff(const std::string& heading, const std::vector<OptionDescription>& options) {
  std::string text = ".SH " + heading + "\n";
  for (const auto& option : options) text += option_in_roff(option);
  return text;
}

std::string subcommands_in_roff(const CommandDescription& command) {
  if (command.subcommands.empty()) return "";
  std::string text = ".SH COMMANDS\n";
  for (const auto& below : command.subcommands) {
    text += ".TP\n" + bold(below.path.back()) + "\n" + roff_sentences(below.description);
  }
  return text;
}

std::string references_in_roff(const Words& pages) {
  Words lines;
  for (const auto& page : pages) lines.push_back(".BR " + roff(page) + " (1)");
  return ".SH SEE ALSO\n" + joined(lines, ",\n") + "\n";
}

/// What the program's flags are for each subcommand: without those that end it at once.
std::vector<OptionDescription> shared_options(const CommandDescription& program) {
  std::vector<OptionDescription> shared;
  for (const auto& option : program.options) {
    if (option.flags.back() != "--help" && option.flags.back() != "--version") shared.push_back(option);
  }
  return shared;
}

std::string page_in_roff(const CommandDescription& command, const CommandDescription& program) {
  const bool whole = command.path.empty();
  std::string title = command.page();
  for (char& c : title) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  std::string text = fmt::format(".TH {} 1 \"\" \"sda {}\" \"User Commands\"\n", roff(title), version());
  text += ".SH NAME\n";
  text += roff_filled(command.page() + " - " + (whole ? "score-based data assimilation" : command.description));
  text += ".SH SYNOPSIS\n" + roff(command.usage()) + "\n.SH DESCRIPTION\n" + roff_sentences(command.description);
  text += subcommands_in_roff(command) + options_in_roff("OPTIONS", command.options);
  if (!whole) text += options_in_roff("OPTIONS OF EVERY COMMAND", shared_options(program));
  text += ".SH EXAMPLES\n.nf\n";
  for (const auto& example : command.examples) text += roff(example) + "\n";
  text += ".fi\n.SH EXIT STATUS\n";
  for (const auto& [code, meaning] : exit_codes()) text += ".TP\n" + bold(code) + "\n" + roff_sentences(meaning);
  Words others;
  if (!whole) others.emplace_back("sda");
  for (const auto& below : command.subcommands) others.push_back(below.page());
  return text + references_in_roff(others);
}

void write_pages(const CommandDescription& program, const std::string& output) {
  OutputFolder folder(output);
  std::vector<CommandDescription> commands = subcommands_of(program);
  commands.push_back(program);
  for (const auto& command : commands) {
    write_file(folder.file(command.page() + ".1"), page_in_roff(command, program));
  }
  folder.keep();
  say(fmt::format("wrote {} man pages in {}", commands.size(), output));
}

// Markdown.

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

void write_manual(const Options& options, const CLI::App& program) {
  if (options.markdown == !options.output.empty()) {
    throw UsageError({.what = "what shall be written?",
                      .where = "manual",
                      .expected = "either -o FOLDER, for man pages, or --markdown"});
  }
  if (options.markdown) {
    print(markdown_of_commands(describe(program)));
  } else {
    write_pages(describe(program), options.output);
  }
}

}  // namespace

Subcommand manual_command(CLI::App& program, Globals&) {
  auto options = std::make_shared<Options>();
  CLI::App* flags = add_subcommand(program, "manual", "Write the manual of every command, as man pages or Markdown",
                                   "sda manual -o man && man man/sda-train.1");
  flags->add_option("-o,--output", options->output, "folder for sda.1, sda-train.1, …; made if missing")
      ->type_name(value::folder);
  flags->add_flag("--markdown", options->markdown, "one page of all, on standard output");
  return {flags, [options, &program] { write_manual(*options, program); }};
}

}  // namespace sda::app

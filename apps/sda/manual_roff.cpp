/// Man pages in roff: what man(7) describes.
#include <fmt/format.h>

#include "command.hpp"
#include "manual_pages.hpp"

namespace sda::app {
namespace {

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

}  // namespace

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

}  // namespace sda::app

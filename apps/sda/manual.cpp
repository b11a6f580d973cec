/// sda manual: man pages, or one page of Markdown, of every subcommand.
#include <fmt/format.h>

#include "command.hpp"
#include "manual_pages.hpp"
#include "sda/core/error.hpp"

namespace sda::app {
namespace {

struct ManualOptions {
  std::string output;
  bool markdown = false;
};

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

void write_manual(const ManualOptions& options, const CLI::App& program) {
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
  auto options = std::make_shared<ManualOptions>();
  CLI::App* flags = add_subcommand(program, "manual", "Write the manual of every command, as man pages or Markdown",
                                   "sda manual -o man && man man/sda-train.1");
  flags->add_option("-o,--output", options->output, "folder for sda.1, sda-train.1, …; made if missing")
      ->type_name(value::folder);
  flags->add_flag("--markdown", options->markdown, "one page of all, on standard output");
  return {flags, [options, &program] { write_manual(*options, program); }};
}

}  // namespace sda::app

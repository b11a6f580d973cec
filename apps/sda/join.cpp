/// sda join: parts of an ensemble, drawn by several runs, into one file.
#include "sda/workflow/join.hpp"

#include <fmt/format.h>

#include "command.hpp"

namespace sda::app {
namespace {

struct JoinOptions {
  std::vector<std::string> parts;
  std::string output;
  std::int64_t compression = 0;
};

void join(const JoinOptions& options, const Globals& globals) {
  const JoinReport report = join_ensembles(options.parts, options.output, globals.command_line, options.compression);
  say(fmt::format("joined {} parts into {} members in {}", report.parts, report.members, options.output));
}

}  // namespace

Subcommand join_command(CLI::App& program, Globals& globals) {
  auto options = std::make_shared<JoinOptions>();
  CLI::App* flags = add_subcommand(
      program, "join", "Put parts of one ensemble together, drawn by several runs",
      "sda assimilate --model run/model.nc --obs run/lo.nc -o run/part_0.nc --members 32\n"
      "  sda assimilate --model run/model.nc --obs run/lo.nc -o run/part_1.nc --members 32 --members-from 32\n"
      "  sda join run/part_0.nc run/part_1.nc -o run/posterior.nc");
  flags->add_option("PART", options->parts, "ensemble files, of `sda assimilate --members-from`")
      ->required()
      ->type_name(value::file);
  flags->add_option("-o,--output", options->output, "ensemble file")->required()->type_name(value::file);
  flags->add_option("--compression", options->compression, "of the file by zlib: 1 (fast) to 9 (small); 0: none")
      ->check(CLI::Range(0, 9).description("0 to 9"))
      ->capture_default_str();
  return {flags, [options, &globals] { join(*options, globals); }};
}

}  // namespace sda::app

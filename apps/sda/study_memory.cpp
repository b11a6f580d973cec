/// sda study memory: states that are no Markov chain, because part of them is hidden or acts later. Where windows
/// break.
#include "sda/core/error.hpp"
#include "study.hpp"

namespace sda::app {
namespace {

struct StudyMemoryOptions {
  StudyFlags flags;
  MemoryStudy study;
};

}  // namespace

Subcommand memory_study(CLI::App& studies, Globals& globals) {
  auto options = std::make_shared<StudyMemoryOptions>();
  auto& study = options->study;
  CLI::App* flags = add_study(studies, "memory", "States that are no Markov chain: hidden parts, delays",
                              "-o run/memory --delays 0,2,4 --k 1,2,3,4,5,6\n"
                              "  sda study memory chain.toml --seen 0 -o run/hidden",
                              options->flags);
  add_list(*flags, "--delays", study.delays, "of chains x(i+1) = a x(i) + b x(i − delay) + noise")
      ->check(CLI::NonNegativeNumber);
  flags->add_option("--now", study.now, "a")->capture_default_str();
  flags->add_option("--later", study.later, "b")->capture_default_str();
  add_list(*flags, "--seen", study.seen, "components seen of the configuration's chain, in place of delays");
  add_list(*flags, "--k", study.orders, "orders of the windows, or full");
  return {flags, [options, &globals] {
            if (!options->flags.config.empty() && options->study.seen.empty()) {
              throw UsageError(
                  {.what = "which components of the chain are seen?", .where = "--seen", .expected = "0, say"});
            }
            run_study(globals, options->flags, "windows", [&](const StudyOutput& output) {
              return study_memory(subject_of(options->flags, globals, true), options->study, output);
            });
          }};
}

}  // namespace sda::app

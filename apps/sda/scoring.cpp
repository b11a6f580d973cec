#include "scoring.hpp"

namespace sda::app {

void add_scoring_flags(CLI::App& flags, ScoringInput& input) {
  auto* truth =
      flags
          .add_option("--truth", input.truth,
                      "trajectories, of which one is what was observed: for observations from files, which know of "
                      "no truth")
          ->type_name(value::file);
  flags.add_option("--truth-trajectory", input.trajectory, "which of them")
      ->check(CLI::NonNegativeNumber.description("at least 0"))
      ->capture_default_str()
      ->needs(truth);
  flags
      .add_option("--simulated", input.simulated,
                  "trajectories of the simulator, whose energy spectrum that of the members is compared with (of "
                  "velocity fields; without it the truth's)")
      ->type_name(value::file);
  flags
      .add_option("--one-step", input.transitions,
                  "transitions of each member that a deterministic simulator repeats (of fields); costly")
      ->check(CLI::NonNegativeNumber.description("at least 0"))
      ->capture_default_str();
}

}  // namespace sda::app

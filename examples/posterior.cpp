/// A posterior in a few lines: reads a trained prior and observations, draws trajectories from p(x | y), writes them.
///     posterior MODEL.nc OBSERVATIONS.nc ENSEMBLE.nc [MEMBERS [STEPS]]
#include <cstdio>
#include <cstdlib>

#include "sda/assimilation/assimilate.hpp"
#include "sda/core/error.hpp"
#include "sda/core/runtime.hpp"
#include "sda/data/files.hpp"
#include "sda/data/files/model.hpp"

int main(int argc, char** argv) try {
  if (argc < 4) {
    std::fprintf(stderr, "usage: posterior MODEL.nc OBSERVATIONS.nc ENSEMBLE.nc [MEMBERS [STEPS]]\n");
    return 2;
  }
  const std::int64_t members = argc > 4 ? std::atoll(argv[4]) : 64;
  const std::int64_t steps = argc > 5 ? std::atoll(argv[5]) : 256;
  const std::uint64_t seed = 1;
  sda::configure_runtime(sda::choose_threads());

  // p(x): what trajectories look like, learnt once from a simulator.
  const sda::Prior prior = sda::read_model(argv[1]).prior;

  // p(y | x): what was observed, and how. It can be anything; the prior is not trained again.
  const sda::Observations observations = sda::read_observations(argv[2]).observations;

  // p(x | y): the two together are again a score, and the sampler wants nothing more.
  const sda::Assimilation posterior =
      sda::assimilate(prior, observations, {.sampler = {.steps = steps}, .assimilation = {.members = members}}, seed);

  sda::write_ensemble(argv[3], posterior.ensemble, posterior.cost, sda::make_provenance("posterior", "", seed));
  std::printf("%s: %s states by %s in %.1f s\n", argv[3], sda::to_string(posterior.ensemble.members.sizes()).c_str(),
              posterior.ensemble.method.c_str(), posterior.cost.seconds);
} catch (const sda::Error& error) {
  std::fprintf(stderr, "posterior: %s\n", error.what());
  return error.exit_code();
}

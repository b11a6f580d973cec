/// A posterior in a few lines: reads a trained prior and observations, draws trajectories from p(x | y), writes them.
///     posterior MODEL.nc OBSERVATIONS.nc ENSEMBLE.nc [MEMBERS [STEPS]]
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "sda/core/error.hpp"
#include "sda/core/runtime.hpp"
#include "sda/data/files.hpp"
#include "sda/guidance/posterior_score.hpp"
#include "sda/sampling/sampler.hpp"

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
  const sda::NoiseSchedule schedule(prior.schedule);
  const auto prior_score = sda::make_prior_score(prior, sda::default_memory_budget());

  // p(y | x): what was observed, and how. It can be anything; the prior is not trained again.
  const sda::Observations observations = sda::read_observations(argv[2]).observations;

  // p(x | y): the two together are again a score, and the sampler wants nothing more.
  const sda::PosteriorScore posterior(prior_score, schedule, observations, {.rule = "sda", .gamma = {1e-2}});
  const sda::Sampler sampler(schedule, {.steps = steps, .corrections = 1, .tau = 0.25});
  const auto start = std::chrono::steady_clock::now();
  const sda::Tensor drawn =
      sampler.sample(posterior, sda::prepend({members, observations.length}, prior.layout.event), seed);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;

  const sda::Ensemble ensemble{.layout = prior.layout,
                               .members = prior.normalisation.denormalise(drawn),
                               .start_time = observations.start_time,
                               .method = "SDA"};
  sda::write_ensemble(argv[3], ensemble, {.seconds = elapsed.count(), .evaluations = 0},
                      sda::make_provenance("posterior", "", seed));
  std::printf("%s: %s states in %.1f s\n", argv[3], sda::to_string(ensemble.members.sizes()).c_str(), elapsed.count());
} catch (const sda::Error& error) {
  std::fprintf(stderr, "posterior: %s\n", error.what());
  return error.exit_code();
}

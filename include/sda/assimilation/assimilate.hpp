/// The main use case: posterior trajectories of observations by a trained prior (Rozet & Louppe 2023, Algorithms 2 to
/// 4). Values go in and a value comes out; nothing is printed, written or kept.
///
///     const Assimilation result = assimilate(prior, observations, {}, seed);
///     write_ensemble("posterior.nc", result.ensemble, result.cost, provenance);
#pragma once

#include <cstdint>
#include <string>

#include "sda/assimilation/saving.hpp"
#include "sda/core/fields.hpp"
#include "sda/core/progress.hpp"
#include "sda/core/rank_grid.hpp"
#include "sda/core/tensor.hpp"
#include "sda/core/trajectories.hpp"
#include "sda/guidance/posterior_score.hpp"
#include "sda/observation/observations.hpp"
#include "sda/prior/prior.hpp"
#include "sda/sampling/sampler.hpp"

namespace sda {

/// [assimilation]: the ensemble; and where it is computed, which is no key of an experiment.
struct AssimilationParameters {
  std::int64_t members = 256;
  std::int64_t stride = 1;                     ///< states each window gives
  Precision precision = Precision::automatic;  ///< of the network's products
  double bound = 5;                            ///< beyond so many standard deviations x̂ is no state; 0: never

  double save_minutes = 10;      ///< between savings of what is done; see AssimilationSaving
  std::int64_t compression = 0;  ///< of the ensemble's file

  std::int64_t first_member = 0;  ///< an ensemble drawn in parts is the ensemble drawn whole
  std::int64_t memory = 0;        ///< bytes for the work; 0: half of what is free, and of a GPU 4 GiB
  at::Device device = at::kCPU;   ///< of the network; all else is done on the CPU
};
template <class Visitor>
void fields(Visitor& v, AssimilationParameters& p) {
  v("members", p.members, "posterior members", at_least(1));
  v("stride", p.stride, "states each window of the prior gives; 1 is the most exact", at_least(1));
  v("precision", p.precision,
    "of the network's products: auto, float32 or bfloat16; auto takes bfloat16 where the "
    "processor multiplies it faster");
  v("bound", p.bound,
    "farther than so many standard deviations from the data's mean, the prior's estimate x̂ is no state and the mean is "
    "taken for it; 0: never",
    at_least(0));
  v("save_minutes", p.save_minutes, "minutes between savings of what is done, to go on from with --resume", above(0));
  v("compression", p.compression, "of the ensemble's file, by zlib: 1 (fast) to 9 (small); 0: none", between(0, 9));
}

/// All that a posterior ensemble hangs on, beside prior, observations and seed.
struct PosteriorParameters {
  GuidanceParameters guidance{};
  SamplerParameters sampler{};
  AssimilationParameters assimilation{};
};

/// How the members are shared out.
struct AssimilationPlan {
  std::int64_t members_at_once = 1;  ///< whose trajectories, windows and temporaries fit in half of the memory
  std::int64_t chunks = 1;           ///< of so many members or fewer, one after the other
  std::int64_t network_memory = 0;   ///< bytes, for what VJPs keep of the forward pass
};
/// Of several ranks: of all of them together, each with the memory given, or an equal part of half of what is free.
AssimilationPlan plan_assimilation(const Prior& prior, const Observations& observations,
                                   const AssimilationParameters& parameters, const RankGrid& ranks = {});

struct Assimilation {
  Ensemble ensemble;              ///< physical units
  Tensor normalised;              ///< the same members (member, time, …event) in the prior's units
  EnsembleCost cost;              ///< evaluations of the whole batch, however many chunks it was drawn in
  double departure_over_sigma{};  ///< about 1 where the members explain the observations
};

/// Members first_member … first_member + members − 1 of p(x | y). Their draws come from (seed, member), so neither
/// chunks nor threads change them but by rounding. `progress` counts steps over all chunks; what it throws ends the
/// work and is passed on. Throws as require_one_system, PosteriorScore and Sampler; UsageError for a precision that the
/// processor lacks; Interrupted after a stop signal.
Assimilation assimilate(const Prior& prior, const Observations& observations, const PosteriorParameters& parameters,
                        std::uint64_t seed, const ProgressCallback& progress = {});

/// The same of members that need not fit in memory: `sink` takes them chunk by chunk, from that of `saving.from` on.
/// What they cost, all runs together. Throws ShapeError too, to go on from a state of another ensemble.
/// Several ranks call it with the same arguments and share members and states as `ranks` says; the first one's sink
/// takes all members, and its `saving` all that is saved. Then UsageError too: for a network over time, or shares of
/// states smaller than its windows reach; UnsupportedError as Observations::within.
EnsembleCost draw_members(const Prior& prior, const Observations& observations, const PosteriorParameters& parameters,
                          std::uint64_t seed, const MemberSink& sink, const ProgressCallback& progress = {},
                          const AssimilationSaving& saving = {}, const RankGrid& ranks = {});

/// An operator reads states as the model sees them only if prior and observations mean the same by a normalised state.
/// Throws ShapeError for states or trajectories of another size, ValueError for another normalisation or time step,
/// naming `prior_name`, a model file say, and `observations_name`.
void require_one_system(const Prior& prior, const Observations& observations,
                        const std::string& prior_name = "the prior",
                        const std::string& observations_name = "the observations");

}  // namespace sda

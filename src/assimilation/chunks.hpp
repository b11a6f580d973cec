/// Members drawn chunk by chunk, so that memory holds them; saved now and then. Private to the module.
#pragma once

#include "assimilation/counting_score.hpp"
#include "sda/assimilation/assimilate.hpp"

namespace sda::assimilation {

class ChunkedSampling {
 public:
  /// `passes` counts the passes of the prior behind `posterior`.
  ChunkedSampling(const Sampler& sampler, const ScoreModel& posterior, const CountingScore& passes,
                  const AssimilationParameters& parameters, std::uint64_t seed, const AssimilationSaving& saving)
      : sampler_(sampler),
        posterior_(posterior),
        passes_(passes),
        parameters_(parameters),
        seed_(seed),
        saving_(saving) {}

  /// Members (some, …trajectory), chunk by chunk into `sink`, from `state` on.
  void run(AssimilationState state, const Shape& trajectory, const MemberSink& sink, const ProgressCallback& progress);
  const AssimilationState& state() const { return state_; }  ///< how far it is, and what it cost

 private:
  std::int64_t begin_of(std::int64_t chunk) const { return begin_of_chunk(parameters_.members, state_.chunks, chunk); }
  void count();  ///< what it cost so far
  void note(const SamplerState& sampler);
  void save();

  const Sampler& sampler_;
  const ScoreModel& posterior_;
  const CountingScore& passes_;
  const AssimilationParameters& parameters_;
  std::uint64_t seed_;
  const AssimilationSaving& saving_;
  AssimilationState state_;
  Stopwatch since_start_, since_saved_;
  std::int64_t passes_before_ = 0;  ///< of the run that was stopped
  double seconds_before_ = 0;
};

}  // namespace sda::assimilation

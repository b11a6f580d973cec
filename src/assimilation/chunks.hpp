/// Members drawn chunk by chunk, so that memory holds them; saved now and then; by one rank or by several, each with
/// some members and states of a chunk. Private to the module.
#pragma once

#include "assimilation/counting_score.hpp"
#include "sda/assimilation/assimilate.hpp"

namespace sda::assimilation {

class ChunkedSampling {
 public:
  /// `passes` counts the passes of the prior behind `posterior`.
  ChunkedSampling(const Sampler& sampler, const ScoreModel& posterior, const CountingScore& passes,
                  const AssimilationParameters& parameters, std::uint64_t seed, const AssimilationSaving& saving,
                  const RankGrid& ranks)
      : sampler_(sampler),
        posterior_(posterior),
        passes_(passes),
        parameters_(parameters),
        seed_(seed),
        saving_(saving),
        ranks_(ranks),
        saves_(ranks.from_first(saving.save != nullptr) != 0) {}

  /// Members (some, …trajectory), chunk by chunk into the first rank's `sink`, from `state` on, which all ranks have
  /// alike.
  void run(AssimilationState state, const Shape& trajectory, const MemberSink& sink, const ProgressCallback& progress);
  const AssimilationState& state() const { return state_; }  ///< how far it is, and what it cost

 private:
  std::int64_t begin_of(std::int64_t chunk) const { return begin_of_chunk(parameters_.members, state_.chunks, chunk); }
  /// This rank's members and states of a chunk (member, …trajectory). Where it has no members it draws one that another
  /// has too, so that all do the same steps.
  Share members_here(std::int64_t members) const;
  Tensor part_of(const Tensor& whole) const;
  SamplerState part_of(SamplerState whole) const;
  /// The whole again, at the first rank.
  Tensor whole_of(const Tensor& part) const;
  AssimilationState whole_state() const;
  void count();  ///< what it cost so far
  void note(const SamplerState& sampler);
  void save();

  const Sampler& sampler_;
  const ScoreModel& posterior_;
  const CountingScore& passes_;
  const AssimilationParameters& parameters_;
  std::uint64_t seed_;
  const AssimilationSaving& saving_;
  const RankGrid& ranks_;
  bool saves_;                ///< the first rank saves
  AssimilationState state_;   ///< the sampler's is this rank's part
  std::int64_t members_ = 0;  ///< of the chunk under way, of all ranks
  Stopwatch since_start_, since_saved_;
  std::int64_t passes_before_ = 0;  ///< of the run that was stopped
  double seconds_before_ = 0;
};

}  // namespace sda::assimilation

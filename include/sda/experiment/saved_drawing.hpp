/// A posterior drawn so that nothing is lost: what is under way is saved in a file, and members that are drawn chunk by
/// chunk, for want of memory, lie in files beside it until all are there.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sda/assimilation/assimilate.hpp"
#include "sda/core/provenance.hpp"
#include "sda/data/files/stopped_assimilation.hpp"

namespace sda {

class SavedDrawing {
 public:
  /// In `checkpoint` ("posterior.checkpoint.nc"; chunks in the folder "posterior.checkpoint"). `recipe`: TOML, all that
  /// the members hang on beside the seed. `say` is told of each saving but those
  /// between two chunks.
  SavedDrawing(std::string checkpoint, std::string recipe, Provenance provenance,
               std::function<void(const std::string&)> say = {});

  /// Draws the members, from `from` on, what `checkpoint` held. Throws as draw_members; Interrupted says where it is
  /// saved.
  EnsembleCost draw(const Prior& prior, const Observations& observations, const PosteriorParameters& parameters,
                    std::optional<AssimilationState> from, const ProgressCallback& progress = {},
                    const RankGrid& ranks = {});
  /// Gives the members that were drawn, in their order, as many at once as were drawn at once.
  void each(const MemberSink& take) const;
  /// Removes the checkpoint and what lies beside it.
  void remove();

 private:
  std::string chunk_file(std::int64_t begin, std::int64_t end) const;
  void keep(std::int64_t first, const Tensor& members, std::int64_t all);

  std::string checkpoint_, folder_, recipe_;
  Provenance provenance_;
  std::function<void(const std::string&)> say_;
  bool saved_ = false;
  Tensor whole_;                                               ///< members that were drawn all at once
  std::vector<std::pair<std::int64_t, std::int64_t>> chunks_;  ///< begin and end of those in files
};

}  // namespace sda

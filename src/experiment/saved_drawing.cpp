/// Savings of a posterior under way. A chunk's file is named by what decides its members, so that those of another run
/// are never taken for it.
#include "sda/experiment/saved_drawing.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <span>

#include "core/torch.hpp"
#include "data/formats/sealed_file.hpp"
#include "sda/core/error.hpp"
#include "sda/core/going_on.hpp"
#include "sda/core/runtime.hpp"

namespace sda {

namespace fs = std::filesystem;

SavedDrawing::SavedDrawing(std::string checkpoint, std::string recipe, Provenance provenance,
                           std::function<void(const std::string&)> say)
    : checkpoint_(std::move(checkpoint)),
      folder_(fs::path(checkpoint_).replace_extension().string()),
      recipe_(std::move(recipe)),
      provenance_(std::move(provenance)),
      say_(std::move(say)) {}

EnsembleCost SavedDrawing::draw(const Prior& prior, const Observations& observations,
                                const PosteriorParameters& parameters, std::optional<AssimilationState> from,
                                const ProgressCallback& progress, const RankGrid& ranks) {
  const std::int64_t all = parameters.assimilation.members;
  saved_ = from.has_value();
  for (std::int64_t chunk = 0; from && chunk < from->chunk; ++chunk)
    chunks_.emplace_back(begin_of_chunk(all, from->chunks, chunk), begin_of_chunk(all, from->chunks, chunk + 1));
  const AssimilationSaving saving{.save =
                                      [&](const AssimilationState& state) {
                                        write_stopped_assimilation(checkpoint_, {state, recipe_, provenance_});
                                        saved_ = true;
                                        if (say_ && state.sampler.x.defined())
                                          say_(fmt::format("saved in {}", checkpoint_));
                                      },
                                  .from = std::move(from)};
  try {
    return draw_members(
        prior, observations, parameters, provenance_.seed,
        [&](std::int64_t first, const Tensor& members) { keep(first, members, all); }, progress, saving, ranks);
  } catch (const Interrupted& stop) {
    throw Interrupted(stop, saved_in(saved_ ? checkpoint_ : ""));
  }
}

std::string SavedDrawing::chunk_file(std::int64_t begin, std::int64_t end) const {
  const std::string of = fmt::format("{}\nseed = {}\n", recipe_, provenance_.seed);
  const auto name = fmt::format("{}_{:06}_{:06}.nc", io::checksum(std::as_bytes(std::span(of))), begin, end);
  return (fs::path(folder_) / name).string();
}

void SavedDrawing::keep(std::int64_t first, const Tensor& members, std::int64_t all) {
  if (members.size(0) == all) {
    whole_ = members;
    return;
  }
  std::error_code shown_by_the_writing;
  fs::create_directories(folder_, shown_by_the_writing);
  chunks_.emplace_back(first, first + members.size(0));
  write_drawn_members(chunk_file(first, first + members.size(0)), members, provenance_);
  release_freed_memory();  // or chunks after chunks leave ever more of it in splinters
}

void SavedDrawing::each(const MemberSink& take) const {
  if (whole_.defined()) take(0, whole_);
  for (const auto& [begin, end] : chunks_) {
    const Tensor members = read_drawn_members(chunk_file(begin, end));
    if (members.size(0) != end - begin)
      throw FileError({.what = "holds other members than its name says",
                       .where = chunk_file(begin, end),
                       .found = fmt::format("{}", members.size(0)),
                       .expected = fmt::format("{}", end - begin)});
    take(begin, members);
    release_freed_memory();
  }
}

void SavedDrawing::remove() {
  std::error_code ignored;
  fs::remove(checkpoint_, ignored);
  if (!fs::is_directory(folder_, ignored)) return;
  for (const auto& entry : fs::directory_iterator(folder_, ignored)) {
    const std::string extension = entry.path().extension().string();
    if (extension == ".nc" || extension == ".part") fs::remove(entry.path(), ignored);
  }
  fs::remove(folder_, ignored);
}

}  // namespace sda

#include "assimilation/chunks.hpp"

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/core/runtime.hpp"

namespace sda::assimilation {
namespace {

void require_shape(const Tensor& found, const Shape& expected, const std::string& what) {
  if (found.sizes() == at::IntArrayRef(expected)) return;
  throw ShapeError({.what = "an ensemble that was begun is of another size",
                    .where = what,
                    .found = to_string(found.sizes()),
                    .expected = to_string(expected)});
}

}  // namespace

void ChunkedSampling::run(AssimilationState state, const Shape& trajectory, const MemberSink& sink,
                          const ProgressCallback& progress) {
  state_ = std::move(state);
  passes_before_ = state_.passes;
  seconds_before_ = state_.seconds;
  while (state_.chunk < state_.chunks) {
    const std::int64_t begin = begin_of(state_.chunk), members = begin_of(state_.chunk + 1) - begin;
    const auto first = static_cast<std::uint64_t>(parameters_.first_member + begin);
    const Shape shape = prepend({members}, trajectory);
    if (state_.sampler.x.defined()) {
      require_shape(state_.sampler.x, shape, "members under way");
      state_.sampler.x = state_.sampler.x.clone();  // changed in place, and perhaps the caller's
    } else {
      state_.sampler = sampler_.start(shape, seed_, first);
    }
    const auto of_all = [&](std::int64_t done, std::int64_t total, const std::string& line) {
      if (progress) progress(state_.chunk * total + done, state_.chunks * total, line);
    };
    try {
      sink(begin, sampler_.finish(state_.sampler, posterior_, seed_, first, of_all,
                                  [this](const SamplerState& sampler) { note(sampler); }));
    } catch (const Interrupted&) {
      save();
      throw;
    }
    state_.sampler = {};
    count();
    ++state_.chunk;
    if (state_.chunks > 1) save();
  }
}

void ChunkedSampling::count() {
  state_.passes = passes_before_ + passes_.passes();
  state_.seconds = seconds_before_ + since_start_.seconds();
}

void ChunkedSampling::note(const SamplerState& sampler) {
  state_.sampler = sampler;
  count();
  if (since_saved_.seconds() > 60 * parameters_.save_minutes) save();
}

void ChunkedSampling::save() {
  if (saving_.save) saving_.save(state_);
  since_saved_ = Stopwatch();
}

}  // namespace sda::assimilation

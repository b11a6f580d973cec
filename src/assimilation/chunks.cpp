#include "assimilation/chunks.hpp"

#include <algorithm>

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
  const Share states = ranks_.states_of(trajectory.front());
  const SamplerShare share{
      .first_state = states.first, .length = trajectory.front(), .states = &ranks_.states(), .all = &ranks_.all()};
  while (state_.chunk < state_.chunks) {
    const std::int64_t begin = begin_of(state_.chunk);
    members_ = begin_of(state_.chunk + 1) - begin;
    const Share here = members_here(members_);
    const auto first = static_cast<std::uint64_t>(parameters_.first_member + begin + here.first);
    Shape shape = prepend({here.count}, trajectory);
    shape[1] = states.count;
    if (state_.sampler.x.defined()) {
      require_shape(state_.sampler.x, prepend({members_}, trajectory), "members under way");
      state_.sampler = part_of(std::move(state_.sampler));
    } else {
      state_.sampler = sampler_.start(shape, seed_, first, at::kFloat, share);
    }
    const auto of_all = [&](std::int64_t done, std::int64_t total, const std::string& line) {
      if (progress) progress(state_.chunk * total + done, state_.chunks * total, line);
    };
    try {
      const Tensor drawn = whole_of(sampler_.finish(
          state_.sampler, posterior_, seed_, first, of_all, [this](const SamplerState& sampler) { note(sampler); },
          share));
      if (ranks_.is_first()) sink(begin, drawn);
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

Share ChunkedSampling::members_here(std::int64_t members) const {
  const Share own = ranks_.members_of(members);
  return own.count > 0 ? own : Share{.first = std::min(own.first, members - 1), .count = 1};
}

Tensor ChunkedSampling::part_of(const Tensor& whole) const {
  const Share members = members_here(whole.size(0)), states = ranks_.states_of(whole.size(1));
  // A copy: it is changed in place, and perhaps the caller's.
  return whole.narrow(0, members.first, members.count)
      .narrow(1, states.first, states.count)
      .clone(at::MemoryFormat::Contiguous);
}

SamplerState ChunkedSampling::part_of(SamplerState whole) const {
  whole.x = part_of(whole.x);
  for (Tensor& epsilon : whole.epsilons) epsilon = part_of(epsilon);
  return whole;
}

Tensor ChunkedSampling::whole_of(const Tensor& part) const {
  return ranks_.gather(part.narrow(0, 0, ranks_.members_of(members_).count));
}

AssimilationState ChunkedSampling::whole_state() const {
  AssimilationState whole = state_;
  if (!state_.sampler.x.defined()) return whole;
  whole.sampler.x = whole_of(state_.sampler.x);
  for (Tensor& epsilon : whole.sampler.epsilons) epsilon = whole_of(epsilon);
  return whole;
}

void ChunkedSampling::count() {
  state_.passes = passes_before_ + passes_.passes();
  state_.seconds = seconds_before_ + since_start_.seconds();
}

void ChunkedSampling::note(const SamplerState& sampler) {
  state_.sampler = sampler;
  count();
  if (!saves_) return;
  const bool is_time = since_saved_.seconds() > 60 * parameters_.save_minutes;
  if (ranks_.from_first(is_time) != 0) save();
}

void ChunkedSampling::save() {
  if (!saves_) return;
  const AssimilationState whole = whole_state();
  if (ranks_.is_first()) saving_.save(whole);
  since_saved_ = Stopwatch();
}

}  // namespace sda::assimilation

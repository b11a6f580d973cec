// Windows of one draw each: which states, by how many points they are moved, and their noise.
#include "training/windows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "sda/core/error.hpp"
#include "sda/diffusion/denoising.hpp"

namespace sda {
namespace {

/// Windows are moved by multiples of shifts[axis]; what the network sees beside them stays, and must look the same.
void require_shifts(const std::vector<std::int64_t>& shifts, const Prior& prior) {
  if (shifts.empty()) return;
  const Shape space = prior.layout.space();
  bool fit = shifts.size() == space.size();
  for (std::size_t axis = 0; fit && axis < shifts.size(); ++axis)
    fit = shifts[axis] == 0 || space[axis] % shifts[axis] == 0;
  if (!fit)
    throw UsageError({.what = "the shifts do not fit the grid",
                      .where = "training.shifts",
                      .found = to_string(shifts),
                      .expected = fmt::format("for each axis of {} a divisor, or 0", to_string(space))});
  if (prior.network_parameters.kind == NetworkKind::unet && prior.network_parameters.padding != Padding::circular)
    throw UsageError({.what = "fields that are moved round must be periodic",
                      .where = "network.padding",
                      .found = name_of(prior.network_parameters.padding),
                      .expected = "circular",
                      .hint = "leave training.shifts out if the domain has walls"});
  const auto require_same = [&](const std::string& what, const Tensor& fields) {
    if (!fields.defined()) return;
    for (std::size_t axis = 0; axis < shifts.size(); ++axis) {
      const auto from_end = static_cast<std::int64_t>(axis) - static_cast<std::int64_t>(shifts.size());
      const Tensor moved = at::roll(fields, {shifts[axis]}, {from_end});
      if (!at::allclose(moved, fields, 1e-4, 1e-4))
        throw UsageError({.what = what + " not the same after the shift",
                          .where = fmt::format("training.shifts, axis {}", prior.layout.space_names[axis]),
                          .found = std::to_string(shifts[axis]),
                          .expected = "a period of the fields, or 0"});
    }
  };
  require_same("the context fields are", prior.context);
  require_same("the mask is", prior.layout.mask.defined() ? prior.layout.mask.to(at::kFloat) : Tensor());
}

}  // namespace

WindowSource::WindowSource(TrainingStates trajectories, const Prior& prior, const std::vector<std::int64_t>& shifts,
                           const std::string& what)
    : source_(std::move(trajectories)),
      states_(source_.states()),
      window_(prior.network_parameters.window_length()),
      shifts_(shifts),
      space_(prior.layout.space()) {
  require_shifts(shifts_, prior);
  const at::IntArrayRef event = states_.sizes().slice(2);
  if (event != at::IntArrayRef(prior.layout.event))
    throw ShapeError({.what = what + " trajectories have another event",
                      .where = "training",
                      .found = to_string(event),
                      .expected = to_string(prior.layout.event)});
  if (states_.size(1) < window_)
    throw UsageError(
        {.what = fmt::format("the network's window of {} states is longer than the {} trajectories", window_, what),
         .where = "network",
         .found = fmt::format("{} states", states_.size(1)),
         .expected = fmt::format("at least {}", window_),
         .hint = "use a smaller network.order or network.window, or longer trajectories"});
}

std::vector<WindowSource::Place> WindowSource::places(std::uint64_t seed, Purpose purpose, std::int64_t epoch) const {
  const auto axes = static_cast<std::int64_t>(shifts_.size());
  const Tensor u =
      uniform({trajectories(), 1 + axes}, {seed, purpose, 0, static_cast<std::uint64_t>(epoch)}, at::kDouble);
  const auto draw = u.accessor<double, 2>();
  const auto below = [&](std::int64_t i, std::int64_t which, std::int64_t n) {
    return static_cast<std::int64_t>(draw[i][which] * static_cast<double>(n));
  };
  std::vector<Place> places;
  for (std::int64_t i = 0; i < trajectories(); ++i) {
    Place place{below(i, 0, states_.size(1) - window_ + 1), {}};
    for (std::int64_t axis = 0; axis < axes; ++axis) {
      const std::int64_t step = shifts_[axis];
      place.shift.push_back(step == 0 ? 0 : step * below(i, 1 + axis, space_[axis] / step));
    }
    places.push_back(std::move(place));
  }
  return places;
}

void WindowSource::expect(const std::int64_t* trajectory, std::int64_t n, const std::vector<Place>& places) const {
  for (std::int64_t i = 0; i < n; ++i) source_.expect(trajectory[i], places[trajectory[i]].first, window_);
}

void WindowSource::gather(const std::int64_t* trajectory, std::int64_t n, const std::vector<Place>& places,
                          float* to) const {
  const std::int64_t state = count(states_.sizes().slice(2)), size = window_ * state;
  const auto* from = states_.data_ptr<float>();
  for (std::int64_t i = 0; i < n; ++i) {
    const Place& place = places[trajectory[i]];
    const float* window = from + (trajectory[i] * states_.size(1) + place.first) * state;
    copy_moved(window, to + i * size, size / count(space_), 0, place.shift);
  }
}

void WindowSource::copy_moved(const float* from, float* to, std::int64_t blocks, std::size_t axis,
                              const std::vector<std::int64_t>& shift) const {
  const at::IntArrayRef axes = at::IntArrayRef(space_).slice(axis);
  const std::int64_t block = count(axes);
  const auto copy = [](const float* source, float* target, std::int64_t n) {
    std::memcpy(target, source, static_cast<std::size_t>(n) * sizeof(float));
  };
  if (axis == shift.size()) return copy(from, to, blocks * block);
  const std::int64_t points = axes.front(), row = block / points, moved = shift[axis];
  const bool last = axis + 1 == shift.size();
  for (std::int64_t i = 0; i < blocks; ++i, from += block, to += block) {
    if (last) {
      copy(from, to + moved * row, (points - moved) * row);
      copy(from + (points - moved) * row, to, moved * row);
    } else {
      copy_moved(from, to + moved * row, points - moved, axis + 1, shift);
      copy_moved(from + (points - moved) * row, to, moved, axis + 1, shift);
    }
  }
}

void Batch::draw(const WindowSource& source, const std::int64_t* trajectory, std::int64_t n,
                 const std::vector<WindowSource::Place>& places, const NoiseSchedule& schedule, const Streams& streams,
                 std::int64_t step) {
  resize(n, source.shape());
  const std::int64_t row = x_.numel() / n;
  auto *x = x_.data_ptr<float>(), *t = t_.data_ptr<float>(), *epsilon = epsilon_.data_ptr<float>();
  constexpr std::int64_t values_of_a_thread = 1 << 9;
  at::parallel_for(
      0, n, std::max<std::int64_t>(1, values_of_a_thread / row), [&](std::int64_t begin, std::int64_t end) {
        const std::int64_t rows = end - begin, first = begin * row;
        const auto key = [&](Purpose purpose) {
          return StreamKey{streams.seed, purpose, static_cast<std::uint64_t>(begin), static_cast<std::uint64_t>(step)};
        };
        fill_uniform(t + begin, rows, 1, key(streams.time));
        if (time_exponent_ != 1)
          for (std::int64_t r = begin; r < end; ++r) t[r] = static_cast<float>(std::pow(double{t[r]}, time_exponent_));
        fill_normal(epsilon + first, rows, row, key(streams.noise));
        source.gather(trajectory + begin, rows, places, x + first);
        perturb(schedule, x + first, t + begin, epsilon + first, rows, row);
      });
}

void Batch::resize(std::int64_t n, const Shape& window) {
  if (t_.defined() && t_.size(0) == n) return;
  if (!all_x_.defined() || all_x_.size(0) < n) {
    all_x_ = at::empty(prepend({n}, window), at::kFloat);
    all_epsilon_ = at::empty_like(all_x_);
    all_t_ = at::empty({n}, at::kFloat);
  }
  x_ = all_x_.narrow(0, 0, n);
  epsilon_ = all_epsilon_.narrow(0, 0, n);
  t_ = all_t_.narrow(0, 0, n);
}

}  // namespace sda

/// Observations of some states of a trajectory, for ranks that share its states.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/torch.hpp"
#include "sda/core/error.hpp"
#include "sda/observation/observations.hpp"

namespace sda {
namespace {

/// An operator that reads, of a shorter trajectory, the states it is told; of none it may be told as well.
class OfChosenStates final : public ObservationOperator {
 public:
  OfChosenStates(std::shared_ptr<const ObservationOperator> op, std::vector<std::int64_t> times, Shape event)
      : op_(std::move(op)), times_(std::move(times)), event_(std::move(event)) {}

  std::vector<std::int64_t> times(std::int64_t /*length*/) const override { return times_; }
  Tensor read(const Tensor& states) const override { return times_.empty() ? nothing(states) : op_->read(states); }
  Tensor vjp(const Tensor& states, const Tensor& v) const override {
    return times_.empty() ? at::zeros_like(states) : op_->vjp(states, v);
  }
  bool is_linear() const override { return op_->is_linear(); }
  bool is_affine() const override { return op_->is_affine(); }
  Shape observation_shape(at::IntArrayRef event) const override { return op_->observation_shape(event); }
  std::string describe() const override { return op_->describe(); }

 private:
  /// Links need not take a batch of no states. A function of the states all the same, for autograd.
  Tensor nothing(const Tensor& states) const {
    Shape shape = states.sizes().slice(0, static_cast<std::size_t>(states.dim() - std::ssize(event_))).vec();
    for (const auto size : op_->observation_shape(event_)) shape.push_back(size);
    return states.sum() + at::zeros(shape, states.options());
  }

  std::shared_ptr<const ObservationOperator> op_;
  std::vector<std::int64_t> times_;
  Shape event_;
};

ObservationPart of_no_state(ObservationPart part, const Shape& event) {
  part.values = at::empty(prepend({0}, part.observation()), part.values.options());
  part.op = std::make_shared<OfChosenStates>(part.op, std::vector<std::int64_t>(), event);
  return part;
}

ObservationPart states_within(ObservationPart part, const Observations& y, std::int64_t first, std::int64_t count) {
  const auto times = part.op->times(y.length);
  std::vector<std::int64_t> rows, own;
  for (std::size_t i = 0; i < times.size(); ++i) {
    if (times[i] < first || times[i] >= first + count) continue;
    rows.push_back(static_cast<std::int64_t>(i));
    own.push_back(times[i] - first);
  }
  part.values = part.values.index_select(0, at::tensor(rows, at::kLong));
  part.op = std::make_shared<OfChosenStates>(part.op, own, y.layout.event);
  return part;
}

/// The rows of columns that are named.
template <class Value>
std::vector<Value> picked(const std::vector<Value>& column, const std::vector<std::size_t>& rows) {
  std::vector<Value> some;
  if (column.empty()) return some;
  for (const auto row : rows) some.push_back(column[row]);
  return some;
}

/// Points have times of their own, so that the operator is made again for those within.
ObservationPart points_within(const ObservationPart& part, const PointObservations& all, const Observations& y,
                              std::int64_t first, std::int64_t count) {
  const auto begin = static_cast<double>(first), last = static_cast<double>(first + count - 1);
  std::vector<std::size_t> rows;
  for (std::size_t row = 0; row < all.size(); ++row) {
    const double time = all.time[row];
    if ((time > begin - 1 && time < begin) || (time > last && time < last + 1)) {
      throw UnsupportedError(
          {.what = "an observation lies between two states, of which one is another rank's",
           .where = part.op->describe(),
           .found = fmt::format("time {}, in states from 0", time),
           .hint = "give observations to the nearest state: sda observe --set observation_file.time=nearest"});
    }
    if (time >= begin && time <= last) rows.push_back(row);
  }
  if (rows.empty()) return of_no_state(part, y.layout.event);
  PointObservations some{.time = picked(all.time, rows),
                         .variable = picked(all.variable, rows),
                         .value = picked(all.value, rows),
                         .error = picked(all.error, rows),
                         .formula = all.formula};
  for (const auto& axis : all.place) some.place.push_back(picked(axis, rows));
  for (double& time : some.time) time -= begin;
  return point_part(part.name, some, part.noise.shape(), y.layout, y.normalisation);
}

}  // namespace

Observations Observations::within(std::int64_t first, std::int64_t count) const {
  Observations some = *this;
  some.length = count;
  some.parts.clear();
  some.truth = truth.defined() ? truth.narrow(0, first, count) : truth;
  some.start_time = start_time + static_cast<double>(first) * layout.dt;
  for (const auto& part : parts) {
    if (part.op->reads_states_alone()) {
      some.parts.push_back(states_within(part, *this, first, count));
    } else if (const auto points = part.points(layout)) {
      some.parts.push_back(points_within(part, *points, *this, first, count));
    } else {
      throw UnsupportedError({.what = "an operator takes states together, which several ranks have",
                              .where = part.op->describe(),
                              .hint = "share the members among the ranks, not the states"});
    }
  }
  return some;
}

}  // namespace sda

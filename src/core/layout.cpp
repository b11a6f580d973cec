/// Layout of a state, and normalised = (physical − mean) / std.
#include "sda/core/layout.hpp"

#include <fmt/format.h>

#include <cmath>

#include "core/torch.hpp"
#include "sda/core/error.hpp"

namespace sda {

bool StateLayout::channels_are_variables() const {
  return !event.empty() && std::ssize(variables) == event.front();
}

Shape StateLayout::space() const {
  return channels_are_variables() ? Shape(event.begin() + 1, event.end()) : event;
}

std::vector<double> StateLayout::points_along(std::size_t axis) const {
  if (axis < coordinates.size() && !coordinates[axis].values.empty()) return coordinates[axis].values;
  const bool known = !spacing.empty() && coordinates.empty();
  std::vector<double> points;
  for (std::int64_t i = 0; i < space().at(axis); ++i) {
    points.push_back(known ? (static_cast<double>(i) + 0.5) * spacing[axis] : static_cast<double>(i));
  }
  return points;
}

void StateLayout::check() const {
  if (event.empty() || count(event) < 1) {
    throw ShapeError({.what = "a state has no elements",
                      .where = "state layout",
                      .found = to_string(event),
                      .expected = "an event of at least one axis, every size at least 1"});
  }
  if (variables.size() != 1 && !channels_are_variables()) {
    throw ShapeError({.what = "variables do not fit the event",
                      .where = "state layout",
                      .found = fmt::format("{} variables, event {}", variables.size(), to_string(event)),
                      .expected = fmt::format("1 or {} variables", event.front())});
  }
  if (space_names.size() != space().size()) {
    throw ShapeError({.what = "names of space do not fit the event",
                      .where = "state layout",
                      .found = fmt::format("{} names", space_names.size()),
                      .expected = fmt::format("{}, one for each axis of {}", space().size(), to_string(space()))});
  }
  if (!spacing.empty() && spacing.size() != space().size()) {
    throw ShapeError(
        {.what = "spacing does not fit the event",
         .where = "state layout",
         .found = fmt::format("{} values", spacing.size()),
         .expected = fmt::format("none or {}, one for each axis of {}", space().size(), to_string(space()))});
  }
  const Shape sizes = space();
  bool coordinates_fit = coordinates.empty() || coordinates.size() == sizes.size();
  for (std::size_t axis = 0; coordinates_fit && axis < coordinates.size(); ++axis) {
    const auto& values = coordinates[axis].values;
    coordinates_fit = values.empty() || std::ssize(values) == sizes[axis];
  }
  if (!coordinates_fit) {
    throw ShapeError({.what = "coordinates do not fit the event",
                      .where = "state layout",
                      .expected = "none or as many on each axis as there are points: " + to_string(sizes)});
  }
  if (curvilinear) {
    const auto [first, second] = curvilinear->axes;
    const bool fits = first < second && second < sizes.size() &&
                      std::ssize(curvilinear->latitude.values) == sizes[first] * sizes[second] &&
                      curvilinear->longitude.values.size() == curvilinear->latitude.values.size();
    if (!fits) {
      throw ShapeError({.what = "latitudes and longitudes of a curvilinear grid do not fit the event",
                        .where = "state layout",
                        .expected = "one of each for each point of two axes of " + to_string(sizes)});
    }
  }
  if (mask.defined() && mask.sizes() != at::IntArrayRef(event)) {
    throw ShapeError({.what = "the mask does not fit the event",
                      .where = "state layout",
                      .found = to_string(mask.sizes()),
                      .expected = to_string(event)});
  }
  for (const double value : spacing) {
    if (!(value > 0) || !std::isfinite(value)) {
      throw ValueError({.what = "spacing of a space axis",
                        .where = "state layout",
                        .found = fmt::format("{}", value),
                        .expected = "a finite number > 0"});
    }
  }
}

Normalisation Normalisation::identity(at::IntArrayRef event) {
  return {at::zeros(event, at::kDouble), at::ones(event, at::kDouble)};
}

Tensor Normalisation::normalise(const Tensor& physical) const {
  return (physical - mean.to(physical.options())) / std.to(physical.options());
}

Tensor Normalisation::denormalise(const Tensor& normalised) const {
  return normalised * std.to(normalised.options()) + mean.to(normalised.options());
}

}  // namespace sda

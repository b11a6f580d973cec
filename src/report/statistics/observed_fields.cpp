/// Affine operators laid back to the plane by their adjoint; points where they lie.
#include "report/statistics/observed_fields.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/axis.hpp"
#include "core/torch.hpp"
#include "report/statistics/point_observations.hpp"

namespace sda::report {
namespace {

/// Observations at points, each in the frame of the nearest state that is read: of the variable that is shown, in its
/// unit.
std::optional<ReadFields> fields_of_points(const Observations& y, const ObservationPart& part, const Shown& shown) {
  const auto points = shown_observations(y, part);
  if (!points) return std::nullopt;
  const auto space = y.layout.space();
  const auto read_at = part.op->times(y.length);
  Tensor fields = at::full({std::ssize(read_at), count(space)}, std::numeric_limits<double>::quiet_NaN(), at::kDouble);
  double* field = fields.data_ptr<double>();
  for (const auto& observation : *points) {
    const auto point = observation.component - shown.variable * count(space);
    if (point < 0 || point >= count(space)) continue;  // of another variable
    const auto state =
        std::lower_bound(read_at.begin(), read_at.end(), std::llround(observation.time)) - read_at.begin();
    field[state * count(space) + point] = observation.value;
  }
  return ReadFields{upright(y.layout, fields.view({-1, space[0], space[1]})), shown.is_vorticity,
                    variable_of(y.layout, shown).name + " where it was read"};
}

}  // namespace

std::optional<ReadFields> read_fields(const Observations& y, const ObservationPart& part, const Shown& shown) {
  if (!part.op->reads_states_alone()) return fields_of_points(y, part, shown);
  const auto& layout = y.layout;
  const auto& event = layout.event;
  const auto observation = part.op->observation_shape(event);
  const auto rank = observation.size();
  const auto options = at::TensorOptions().dtype(at::kDouble);
  const auto as_read = [&]() -> std::optional<ReadFields> {
    const bool is_first = shown.is_vorticity || shown.variable == 0;  // once is enough
    if (!is_first || rank < 2 || observation[rank - 1] < 2 || observation[rank - 2] < 2) return std::nullopt;
    const Tensor fields =
        part.values.to(at::kDouble).reshape({part.values.size(0), -1, observation[rank - 2], observation[rank - 1]});
    return ReadFields{upright(layout, fields.select(1, 0)), true, part.op->describe()};
  };
  if (!part.op->is_affine()) return as_read();
  const auto read = [&](const Tensor& state) { return part.op->read(state.unsqueeze(0))[0]; };
  const Tensor zero = read(at::zeros(event, options));
  const Tensor span = read(at::ones(event, options)) - zero;
  if (span.abs().min().item<double>() <= 1e-9 * span.abs().max().item<double>()) return as_read();
  const Tensor offset = part.values.to(at::kDouble) - zero;

  const auto space = layout.space();
  const bool all_variables = rank == event.size() && (!layout.channels_are_variables() || observation[0] == event[0]);
  const bool is_coarse = observation[rank - 2] < space[0] || observation[rank - 1] < space[1];
  if (all_variables && is_coarse && has_equal_steps(layout)) {
    StateLayout coarse = layout;
    coarse.event = observation;
    coarse.mask = Tensor();
    coarse.curvilinear.reset();
    coarse.spacing = {
        layout.spacing_of(0) * static_cast<double>(space[0]) / static_cast<double>(observation[rank - 2]),
        layout.spacing_of(1) * static_cast<double>(space[1]) / static_cast<double>(observation[rank - 1])};
    // Mean and standard deviation of each variable; the same all over space, or nearly so.
    const auto of_variable = [&](const Tensor& v) {
      return v.to(at::kDouble).expand(event).mean(at::IntArrayRef{-2, -1}, /*keepdim=*/true);
    };
    const Tensor states = of_variable(y.normalisation.mean) + of_variable(y.normalisation.std) * (offset / span);
    return ReadFields{looked_at(coarse, states, shown), false, ""};
  }

  const auto times = part.values.size(0);
  const Tensor origin = at::zeros(prepend({times}, event), options);
  const Tensor weight = part.op->vjp(origin, span.unsqueeze(0).expand_as(offset).contiguous());
  const Tensor laid = part.op->vjp(origin, offset.contiguous()) / weight;
  const Tensor nothing = at::full({}, std::numeric_limits<double>::quiet_NaN(), options);
  const Tensor states = at::where(weight.abs() > 1e-9 * weight.abs().max(), y.normalisation.denormalise(laid), nothing);
  if (!shown.is_vorticity) return ReadFields{looked_at(layout, states, shown), false, ""};
  const Tensor velocity = upright(layout, states), curl = local_vorticity(layout, velocity), u = velocity.select(-3, 0);
  const auto seen = [](const Tensor& field) { return field.isfinite().sum().item<std::int64_t>(); };
  if (4 * seen(curl) >= seen(u)) return ReadFields{curl, false, ""};
  return ReadFields{u, true, "u where it was read"};
}

}  // namespace sda::report

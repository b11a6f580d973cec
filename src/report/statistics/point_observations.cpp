/// Components that the rows of the link `points` lie nearest to.
#include "report/statistics/point_observations.hpp"

#include <algorithm>
#include <cmath>

#include "core/torch.hpp"

namespace sda::report {

std::optional<std::vector<ShownObservation>> shown_observations(const Observations& y, const ObservationPart& part) {
  const bool is_plain = part.chain.size() == 2 && part.chain[0].kind == "physical" && part.chain[1].kind == "points";
  if (part.op->reads_states_alone() || !is_plain) return std::nullopt;
  const auto& points = part.chain[1];
  const auto rows = points.numbers.size() / points.names.size();
  const auto place = [&](const std::string& axis, std::size_t row) {
    const auto at = std::find(points.names.begin(), points.names.end(), axis);
    return at == points.names.end() ? 0.0
                                    : points.numbers[static_cast<std::size_t>(at - points.names.begin()) * rows + row];
  };
  auto axes = y.layout.space_names;
  auto sizes = y.layout.space();
  if (y.layout.channels_are_variables()) {
    axes.insert(axes.begin(), "variable");
    sizes.insert(sizes.begin(), y.layout.event.front());
  }
  const Tensor values = part.values.to(at::kDouble).flatten().contiguous();
  const Tensor sigma = part.sigma(at::kDouble).expand(part.values.sizes()).flatten().contiguous();
  std::vector<ShownObservation> observations(rows);
  for (std::size_t row = 0; row < rows; ++row) {
    ShownObservation& observation = observations[row];
    for (std::size_t a = 0; a < axes.size(); ++a) {
      const double along = place(axes[a], row);
      observation.component = observation.component * sizes[a] + std::llround(along);
      observation.between = observation.between || along != std::round(along);
    }
    observation.time = place("time", row);
    observation.value = values.data_ptr<double>()[row];
    observation.sigma = sigma.data_ptr<double>()[row];
  }
  return observations;
}

}  // namespace sda::report

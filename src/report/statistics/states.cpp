/// Components by how often they were read, named by variable and place.
#include "report/statistics/states.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "core/torch.hpp"
#include "report/statistics/point_observations.hpp"

namespace sda::report {
namespace {

/// Names the panel of component c of the flattened event.
void name_component(Panel& panel, const StateLayout& layout, std::int64_t c) {
  const auto sizes = layout.space();
  const auto channel = layout.channels_are_variables() ? c / count(sizes) : 0;
  const auto& variable = layout.variables.at(static_cast<std::size_t>(channel));
  panel.name = variable.name;
  panel.title = variable.long_name;
  panel.unit = unit_text(variable.units);
  std::string place;
  auto rest = c - channel * count(sizes);
  for (std::size_t axis = sizes.size(); axis-- > 0; rest /= sizes[axis]) {
    place = std::to_string(rest % sizes[axis]) + (place.empty() ? "" : ", ") + place;
  }
  if (!place.empty()) panel.name += "[" + place + "]";
}

}  // namespace

std::int64_t panels_of(const StateLayout& layout) {
  return layout.space().size() == 2 ? 2 : max_panels;
}

std::vector<std::int64_t> shown_components(const CaseData& data) {
  const auto all = count(data.y.layout.event);
  std::vector<std::pair<std::int64_t, std::int64_t>> often(static_cast<std::size_t>(all));
  for (std::int64_t c = 0; c < all; ++c) often[static_cast<std::size_t>(c)] = {0, c};
  bool has_points = false;
  for (const auto& part : data.y.parts) {
    const auto points = shown_observations(data.y, part);
    has_points = has_points || points;
    if (!points) continue;
    for (const auto& observation : *points) --often[static_cast<std::size_t>(observation.component)].first;
  }
  if (!has_points || all <= panels_of(data.y.layout)) return spread_indices(all, panels_of(data.y.layout));
  std::sort(often.begin(), often.end());
  const auto each = data.y.layout.channels_are_variables() ? count(data.y.layout.space()) : all;
  std::set<std::int64_t> shown, variables;
  for (const bool of_new_variables : {true, false}) {
    for (const auto& [times, c] : often) {
      if (std::ssize(shown) < panels_of(data.y.layout) && variables.insert(c / each).second == of_new_variables)
        shown.insert(c);
    }
  }
  return {shown.begin(), shown.end()};
}

std::vector<Panel> state_panels(const CaseData& data, const std::vector<std::int64_t>& shown) {
  const auto space = static_cast<std::int64_t>(data.y.layout.event.size());
  std::vector<Panel> panels;
  for (const auto c : shown) {
    const auto component = [&](const Tensor& states) {
      return states.defined() ? states.flatten(states.dim() - space).select(-1, c) : Tensor();
    };
    auto& panel = panels.emplace_back(panel_of(
        {component(data.posterior), component(data.reference), component(data.truth)}, data.times, data.kept, data));
    name_component(panel, data.y.layout, c);
  }
  return panels;
}

}  // namespace sda::report

/// spread² = mean over components of the members' variance; error² = mean over components of (mean − truth)².
/// Components weigh as the areas of their cells.
#include "report/statistics/skill.hpp"

#include <fmt/format.h>

#include "core/axis.hpp"
#include "core/torch.hpp"

namespace sda::report {
namespace {

/// Spread and error of the mean at each time, over components; returns what they say over all times.
std::string add_skill(Panel& panel, Role role, const std::string& method, const Tensor& members, const Tensor& truth,
                      const Tensor& kept, const Tensor& areas) {
  if (members.size(0) < 2) return "";
  const auto mean = [&](const Tensor& values) {
    if (!areas.defined()) return values.flatten(1).mean(1);
    const Tensor weight = areas.to(values.options()).expand_as(values);
    return (values * weight).flatten(1).sum(1) / weight.flatten(1).sum(1);
  };
  const Tensor spread = mean(members.var(0, true)).sqrt();
  panel.curves.push_back({role, method + ", spread", to_vector(spread.index_select(0, kept)), false});
  if (!truth.defined()) return "";
  const Tensor error = mean((members.mean(0) - truth).square()).sqrt();
  panel.curves.push_back({role, method + ", error of the mean", to_vector(error.index_select(0, kept)), true});
  const double total_spread = spread.square().mean().sqrt().item<double>();
  const double total_error = error.square().mean().sqrt().item<double>();
  return fmt::format("{}: error of the mean {:.2g}, spread {:.2g}, ratio {:.2f}", method, total_error, total_spread,
                     total_error / total_spread);
}

}  // namespace

Skill skill_of(const CaseData& data) {
  Skill skill;
  auto& panel = skill.panel;
  panel.name = "spread, error";
  panel.title = "root mean square over all components";
  panel.unit = "normalised";
  panel.from_zero = true;
  panel.times = to_vector(at::tensor(data.times, at::kDouble).index_select(0, data.kept));
  const auto normalised = [&](const Tensor& x) { return x.defined() ? data.y.normalisation.normalise(x) : Tensor(); };
  const Tensor truth = normalised(data.truth);
  const Tensor areas = cell_areas(data.y.layout);
  std::string said =
      add_skill(panel, Role::posterior_mean, data.method, normalised(data.posterior), truth, data.kept, areas);
  if (data.reference.defined()) {
    const auto other = add_skill(panel, Role::reference_mean, data.reference_method, normalised(data.reference), truth,
                                 data.kept, areas);
    if (!other.empty()) said += "; " + other;
  }
  skill.caption = said.empty()
                      ? "The ensembles’ standard deviation over time."
                      : "Over all times, " + said + "; near 1 is reliable, though one truth’s ratio scatters widely.";
  return skill;
}

}  // namespace sda::report

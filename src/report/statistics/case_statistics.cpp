/// Gathers the statistics of a case: states, observations, skill, ranks, spectrum and animations.
#include "report/statistics/case_statistics.hpp"

#include <fmt/format.h>

#include "core/torch.hpp"
#include "report/statistics/captions.hpp"
#include "report/statistics/case_data.hpp"
#include "report/statistics/energy.hpp"
#include "report/statistics/observed.hpp"
#include "report/statistics/skill.hpp"
#include "sda/evaluation/spectrum.hpp"

namespace sda::report {
namespace {

void add_time_axis(CaseStatistics& all, const CaseData& data) {
  const auto& layout = data.y.layout;
  all.time_axis = layout.time_origin.empty() ? fmt::format("time ({})", unit_text(layout.time_units))
                                             : fmt::format("{} since {}", layout.time_units, layout.time_origin);
  const auto& times = data.times;
  const double around = times.size() > 1 ? 0.01 * (times.back() - times.front()) : layout.dt;
  all.first_time = times.front() - around;
  all.last_time = times.back() + around;
}

void add_curves(CaseStatistics& all, const CaseData& data) {
  const auto shown = shown_components(data);
  all.states = state_panels(data, shown);
  all.states_caption = band_sentence(data, all.states);
  if (const auto components = count(data.y.layout.event); std::ssize(shown) < components) {
    all.states_caption += fmt::format(" {} of {} components are shown.", shown.size(), components);
  }
  auto others = add_observations(data, shown, all.states);
  if (others.between) {
    all.states_caption += " Observations between points of the grid are shown at the nearest one.";
  }
  all.observations = std::move(others.panels);
  if (others.count == 0) return;
  all.observations_caption = "What the instrument would read of each member, against what it did read. " +
                             band_sentence(data, all.observations);
  if (others.count > std::ssize(all.observations)) {
    all.observations_caption += fmt::format(" {} of {} are shown.", all.observations.size(), others.count);
  }
}

void add_spectrum(CaseStatistics& all, const CaseData& data) {
  auto [panel, axis, caption] = spectrum_of(data);
  all.spectrum = std::move(panel), all.wavenumber_axis = axis, all.spectrum_caption = caption;
}

}  // namespace

CaseStatistics statistics_of(const ReportCase& report_case, std::int64_t lines, std::int64_t stride,
                             std::int64_t pixels) {
  const at::NoGradGuard no_grad;
  const CaseData data(report_case, {lines, stride});
  CaseStatistics all;
  all.name = report_case.name;
  all.method = data.method, all.reference_method = data.reference_method;
  all.scores = report_case.scores;
  all.members = data.lines, all.stride = stride;
  all.observed = describe_observations(data.y);
  add_time_axis(all, data);
  add_curves(all, data);
  auto [panel, caption] = skill_of(data);
  all.skill = std::move(panel), all.skill_caption = caption;
  all.ranks = rank_bars(data), all.ranks_caption = ranks_caption(all.ranks);
  if (has_spectrum(data.y.layout)) add_spectrum(all, data);
  const auto quantities = shown_quantities(data.y.layout);
  for (std::size_t i = 0; i < quantities; ++i) {
    all.animations.push_back(*animation_of(report_case, pixels / static_cast<std::int64_t>(quantities), i));
  }
  return all;
}

}  // namespace sda::report

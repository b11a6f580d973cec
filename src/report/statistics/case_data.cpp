/// Quantiles, means and lines of the members of one quantity.
#include "report/statistics/case_data.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/torch.hpp"
#include "sda/core/error.hpp"

namespace sda::report {
namespace {

void check_shapes(const ReportCase& report_case) {
  const auto expected = prepend({report_case.observations.length}, report_case.observations.layout.event);
  const auto check = [&](const Tensor& members, const char* who) {
    const auto where = "report, case " + report_case.name;
    if (!members.defined() || members.dim() < 2 || members.size(0) == 0 || members.sizes().slice(1) != expected) {
      throw ShapeError({.what = std::string("the ") + who + " does not fit the observations",
                        .where = where,
                        .found = members.defined() ? sda::to_string(members.sizes()) : "no members",
                        .expected = "members of " + sda::to_string(expected)});
    }
    if (!at::isfinite(members).all().item<bool>()) {
      throw ValueError({.what = std::string("the ") + who + " is not finite", .where = where});
    }
  };
  check(report_case.posterior.members, "posterior ensemble");
  if (report_case.reference.members.defined()) check(report_case.reference.members, "reference ensemble");
}

std::string name_or(const std::string& name, const char* otherwise) {
  return name.empty() ? otherwise : name;
}

}  // namespace

CaseData::CaseData(const ReportCase& one, const Detail& detail) : report_case(one), y(one.observations) {
  check_shapes(one);
  posterior = one.posterior.members.detach().to(at::kDouble);
  if (one.reference.members.defined()) reference = one.reference.members.detach().to(at::kDouble);
  if (y.truth.defined()) truth = y.truth.detach().to(at::kDouble);
  for (std::int64_t i = 0; i < y.length; ++i) times.push_back(y.start_time + static_cast<double>(i) * y.layout.dt);
  kept = at::arange(0, y.length, detail.stride, at::kLong);
  if ((y.length - 1) % detail.stride != 0) kept = at::cat({kept, at::tensor({y.length - 1}, at::kLong)});
  method = name_or(one.posterior.method, "posterior");
  if (reference.defined()) reference_method = name_or(one.reference.method, "reference");
  lines = std::min(detail.lines, posterior.size(0));
}

std::vector<double> to_vector(const Tensor& values) {
  const Tensor v = values.detach().to(at::kDouble).contiguous();
  return {v.data_ptr<double>(), v.data_ptr<double>() + v.numel()};
}

std::string unit_text(const std::string& units) {
  return units == "1" || units.empty() ? "dimensionless" : units;
}

Band band_of(Role role, const std::string& method, const Tensor& members) {
  const Tensor q = at::quantile(members, at::tensor({0.05, 0.95}, at::kDouble), 0);
  return {role, method + ", 5–95 %", to_vector(q[0]), to_vector(q[1])};
}

Panel panel_of(const Quantity& quantity, const std::vector<double>& times, const Tensor& kept, const CaseData& data) {
  const auto at_kept = [&](const Tensor& values) { return values.index_select(-1, kept); };
  Panel panel;
  panel.times = to_vector(at_kept(at::tensor(times, at::kDouble)));
  const Tensor posterior = at_kept(quantity.posterior);
  for (std::int64_t i = 0; i < data.lines; ++i) panel.members.push_back(to_vector(posterior[i]));
  if (quantity.reference.defined()) {
    const Tensor reference = at_kept(quantity.reference);
    const auto& method = data.reference_method;
    panel.bands.push_back(band_of(Role::reference_band, method, reference));
    panel.curves.push_back({Role::reference_mean, method + ", mean", to_vector(reference.mean(0)), true});
  }
  panel.bands.push_back(band_of(Role::posterior_band, data.method, posterior));
  panel.curves.push_back({Role::posterior_mean, data.method + ", mean", to_vector(posterior.mean(0)), true});
  if (quantity.truth.defined()) {
    panel.curves.push_back({Role::truth, "truth", to_vector(at_kept(quantity.truth)), false});
  }
  return panel;
}

std::vector<std::int64_t> spread_indices(std::int64_t n, std::int64_t max) {
  std::vector<std::int64_t> chosen;
  const auto m = std::min(n, max);
  for (std::int64_t i = 0; i < m; ++i) chosen.push_back(m < n && m > 1 ? i * (n - 1) / (m - 1) : i);
  return chosen;
}

}  // namespace sda::report

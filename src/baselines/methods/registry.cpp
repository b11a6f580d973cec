// The registry of classical methods.
#include "sda/baselines/baseline.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "sda/core/error.hpp"

namespace sda {

// A method is a file in src/baselines/methods, and its name in these lines.
BaselineMethod enkf_method(), etkf_method(), enkf_n_method(), letkf_method(), enks_method(), enrts_method(),
    ienks_method(), optimal_interpolation_method(), var3d_method(), var4d_method();

const std::vector<BaselineMethod>& baseline_methods() {
  static const std::vector<BaselineMethod> all{
      enkf_method(),  etkf_method(),  enkf_n_method(), letkf_method(),
      enks_method(),  enrts_method(), ienks_method(),  optimal_interpolation_method(),
      var3d_method(), var4d_method()};
  return all;
}

std::vector<std::string> baseline_names() {
  std::vector<std::string> names;
  for (const auto& method : baseline_methods()) names.push_back(method.name);
  return names;
}

const BaselineMethod& baseline_method(const std::string& name) {
  const auto& all = baseline_methods();
  const auto found = std::find_if(all.begin(), all.end(), [&](const auto& method) { return method.name == name; });
  if (found != all.end()) return *found;
  const auto nearest = nearest_name(name, baseline_names());
  throw UsageError({.what = "unknown classical method",
                    .where = "baseline.method",
                    .found = name,
                    .expected = fmt::format("one of {}", fmt::join(baseline_names(), ", ")),
                    .hint = nearest.empty() ? "" : "did you mean " + nearest + "?"});
}

}  // namespace sda

// The registry of systems: a line each, and systems by name.
#include "sda/dynamics/systems.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "dynamics/systems/rows.hpp"
#include "sda/core/error.hpp"

namespace sda {

const std::vector<DynamicsSystem>& dynamics_systems() {
  static const std::vector<DynamicsSystem> all{lorenz63_system(),      lorenz96_system(), lotka_volterra_system(),
                                               damped_spring_system(), rotation_system(), linear_system(),
                                               kolmogorov_system()};
  return all;
}

std::vector<std::string> dynamics_names() {
  std::vector<std::string> names;
  for (const auto& system : dynamics_systems()) names.push_back(system.name);
  return names;
}

void refuse_dynamics(const std::string& key, const std::string& found, const std::string& expected,
                     const std::string& hint) {
  throw UsageError({.what = "a dynamics cannot be made",
                    .where = "dynamics." + key,
                    .found = found,
                    .expected = expected,
                    .hint = hint});
}

void require_own_noise(const DynamicsParameters& p) {
  if (p.noise != -1) refuse_dynamics("noise", std::to_string(p.noise), "-1", "the noise of " + p.system + " is fixed");
}

namespace {

/// Range checks of fields(), for parameters that did not come through a file.
struct CheckRanges {
  void operator()(const char* key, const std::string& value, const char*, const Range& range) const {
    if (std::find(range.choices.begin(), range.choices.end(), value) != range.choices.end()) return;
    const std::string near = nearest_name(value, range.choices);
    std::string all;
    for (const std::string& name : range.choices) all += (all.empty() ? "" : ", ") + name;
    refuse_dynamics(key, value, "one of " + all, near.empty() ? "" : "did you mean " + near + "?");
  }
  void operator()(const char* key, const std::vector<double>& values, const char*, const Range&) const {
    for (const double value : values) {
      if (!std::isfinite(value)) refuse_dynamics(key, std::to_string(value), "finite numbers");
    }
  }
  void operator()(const char*, bool, const char*, const Range&) const {}
  template <class Number>
  void operator()(const char* key, Number value, const char*, const Range& range) const {
    const auto v = static_cast<double>(value);
    const bool low = range.open_min ? v > range.min : v >= range.min;
    const bool high = range.open_max ? v < range.max : v <= range.max;
    if (low && high && std::isfinite(v)) return;
    refuse_dynamics(
        key, std::to_string(value),
        "a finite number " + std::string(range.open_min ? "> " : "≥ ") + std::to_string(range.min) +
            (std::isfinite(range.max) ? (range.open_max ? ", < " : ", ≤ ") + std::to_string(range.max) : ""));
  }
};

}  // namespace

std::unique_ptr<Dynamics> make_dynamics(const DynamicsParameters& parameters) {
  DynamicsParameters p = parameters;
  CheckRanges check;
  fields(check, p);
  if (p.noise < 0 && p.noise != -1) {
    refuse_dynamics("noise", std::to_string(p.noise), "a standard deviation ≥ 0, or -1 for the system's own");
  }
  const auto& all = dynamics_systems();
  return std::find_if(all.begin(), all.end(), [&](const auto& system) { return system.name == p.system; })->make(p);
}

}  // namespace sda

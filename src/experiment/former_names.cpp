#include "experiment/former_names.hpp"

#include <array>
#include <string>
#include <string_view>
#include <utility>

namespace sda::io {
namespace {

struct FormerSection {
  std::string_view former, present;
};
constexpr std::array former_sections{FormerSection{"readings", "observation_file"}};

struct FormerKey {
  std::string_view section, former, present;
};
constexpr std::array former_keys{FormerKey{"sampler", "renewal", "churn"},
                                 FormerKey{"training", "checkpoint_minutes", "save_minutes"}};

struct FormerChoice {
  std::string_view section, key, former, present;
};
constexpr std::array former_choices{FormerChoice{"sampler", "corrector", "balanced", "leimkuhler_matthews"}};

void rename(toml::table& table, std::string_view former, std::string_view present) {
  table.insert(std::string(present), std::move(*table.get(former)));
  table.erase(former);
}

/// A default that has changed since: where a file makes `choice` and does not say the key `unsaid`, it meant `value`.
template <class Value>
void keep_former_default(toml::table& keys, std::string_view key, std::string_view choice, std::string_view unsaid,
                         Value value) {
  if (keys[key].value<std::string_view>() == choice && !keys.contains(unsaid)) keys.insert(std::string(unsaid), value);
}

}  // namespace

void keep_former_ring(toml::table& dynamics) {
  keep_former_default(dynamics, "system", "lorenz96", "mirrored", true);
}

toml::table with_present_names(toml::table experiment) {
  for (const auto& [former, present] : former_sections)
    if (experiment.contains(former) && !experiment.contains(present)) rename(experiment, former, present);
  for (const auto& [section, former, present] : former_keys) {
    toml::table* keys = experiment[section].as_table();
    if (keys != nullptr && keys->contains(former) && !keys->contains(present)) rename(*keys, former, present);
  }
  for (const auto& [section, key, former, present] : former_choices) {
    toml::value<std::string>* choice = experiment[section][key].as_string();
    if (choice != nullptr && **choice == former) **choice = present;
  }
  // Heun's steps have no churn, which is a default now.
  if (toml::table* sampler = experiment["sampler"].as_table())
    keep_former_default(*sampler, "predictor", "heun", "churn", 0.0);
  return experiment;
}

}  // namespace sda::io

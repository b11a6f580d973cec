/// The registry of noise. A kind is a row: its name, its help, the parameters it has, its factory and an example. A row
/// stands beside its class, in a file of this folder; kinds.cpp lists these. Checks, `sda keys`, the conformance suite
/// and plugins follow from the rows.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sda/observation/noise.hpp"

namespace sda::observation {

struct NoiseKind {
  std::string name;
  std::string help{};                     ///< stands in brackets behind the name; may be empty
  std::vector<std::string> parameters{};  ///< keys of NoiseShape that it has; others must be left out
  /// Throws ValueError, `where` of the fault a parameter's key, for parameters that it does not take.
  std::function<std::shared_ptr<const NoiseModel>(const NoiseShape&)> make{};
  NoiseShape example{};  ///< on which tests try what every noise must do; of kinds that were added it may be missing
};

/// Those of this folder, then those that were added.
const std::vector<NoiseKind>& all_noise_kinds();
/// Throws UsageError if the name is taken.
void add_noise_kind(NoiseKind kind);
/// The form of noise whose parameters these are. Throws ValueError for a kind that is unknown, for parameters that it
/// does not have and for those it does not take.
std::shared_ptr<const NoiseModel> make_noise_model(const NoiseShape& shape);

/// Throws ValueError: `key`, a parameter of the noise, is bad.
[[noreturn]] void refuse_parameter(const std::string& key, const std::string& found, const std::string& expected);

}  // namespace sda::observation

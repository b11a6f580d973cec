/// Rows of the registry of systems, and what their factories share. Private to src/.
#pragma once

#include <string>

#include "sda/dynamics/systems.hpp"

namespace sda {

DynamicsSystem lorenz63_system();
DynamicsSystem lorenz96_system();
DynamicsSystem lotka_volterra_system();
DynamicsSystem damped_spring_system();
DynamicsSystem rotation_system();
DynamicsSystem linear_system();
DynamicsSystem kolmogorov_system();

/// Throws UsageError for the value of dynamics.`key`.
[[noreturn]] void refuse_dynamics(const std::string& key, const std::string& found, const std::string& expected,
                                  const std::string& hint = "");
/// Of a system whose noise is part of its definition: throws UsageError where another is asked for.
void require_own_noise(const DynamicsParameters& parameters);

}  // namespace sda

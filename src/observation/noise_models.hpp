/// The forms of noise that there are without plugins, each in noise_models.cpp.
#pragma once

#include <memory>

#include "sda/observation/noise.hpp"

namespace sda::observation {

/// `shape` has been checked, and is of no registered kind.
std::shared_ptr<const NoiseModel> make_noise_model(const NoiseShape& shape);

}  // namespace sda::observation

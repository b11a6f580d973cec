/// The forms of noise there are, each in noise_models.cpp.
#pragma once

#include <memory>

#include "sda/observation/noise.hpp"

namespace sda::observation {

/// `shape` has been checked.
std::shared_ptr<const NoiseModel> make_noise_model(const NoiseShape& shape);

}  // namespace sda::observation

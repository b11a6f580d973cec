/// Tensors as the library passes them: libtorch's own, without its heavy headers.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace sda {

using Tensor = at::Tensor;
using Shape = std::vector<std::int64_t>;

/// "1024 × 65 × 3"; "scalar" for an empty shape. For messages.
std::string to_string(at::IntArrayRef shape);

/// Product of the sizes; 1 for an empty shape.
std::int64_t count(at::IntArrayRef shape);

/// `shape` with `leading` sizes put before it.
Shape prepend(std::initializer_list<std::int64_t> leading, at::IntArrayRef shape);

}  // namespace sda

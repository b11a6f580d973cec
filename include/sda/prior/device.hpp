/// Where a network is evaluated: on the CPU by its own kernels, or on a GPU by libtorch's operations. Trajectories,
/// guidance and the sampler stay on the CPU; windows go to the network's device and scores come back.
#pragma once

#include <string>

#include "sda/core/tensor.hpp"

namespace sda {

/// "cpu", "cuda" (the first GPU) or "cuda:1". Throws UsageError naming `where` for another name, and where this
/// libtorch has no CUDA or the machine no such GPU.
at::Device parse_device(const std::string& name, const std::string& where);

}  // namespace sda

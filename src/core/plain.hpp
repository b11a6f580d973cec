/// Precompiled for the sources that do not take in core/torch.hpp; none includes it by name.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sda/core/tensor.hpp"

#include "sda/core/tensor.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <functional>
#include <numeric>

namespace sda {

std::string to_string(at::IntArrayRef shape) {
  return shape.empty() ? "scalar" : fmt::format("{}", fmt::join(shape, " × "));
}

std::int64_t count(at::IntArrayRef shape) {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

Shape prepend(std::initializer_list<std::int64_t> leading, at::IntArrayRef shape) {
  Shape all(leading);
  all.insert(all.end(), shape.begin(), shape.end());
  return all;
}

}  // namespace sda

#include "data/files/under_way.hpp"

#include <fmt/format.h>

#include "core/torch.hpp"

namespace sda::io {

void write_values(WritableGroup& file, const std::string& name, const Tensor& values, const std::string& long_name) {
  std::vector<std::string> dimensions;
  for (std::int64_t axis = 0; axis < values.dim(); ++axis) {
    dimensions.push_back(fmt::format("{}_{}", name, axis));
    file.dimension(dimensions.back(), values.size(axis));
  }
  file.variable(name, dimensions, values, {{"long_name", long_name}, {"units", "1"}});
}

}  // namespace sda::io

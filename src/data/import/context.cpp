/// Fields that are constant in time, such as topography.
#include "data/import/context.hpp"

#include <fmt/format.h>

#include "core/torch.hpp"
#include "data/formats/cf_decoding.hpp"
#include "data/import/dimensions.hpp"
#include "sda/core/error.hpp"

namespace sda::io {

Tensor read_context_fields(const DataParameters& p, const std::string& first_path, const StateLayout& layout) {
  std::vector<Tensor> fields;
  for (const auto& entry : p.context) {
    const auto colon = entry.rfind(':');
    const std::string path = colon == std::string::npos ? first_path : entry.substr(0, colon);
    const std::string variable = colon == std::string::npos ? entry : entry.substr(colon + 1);
    if (p.space.empty()) {
      throw UsageError({.what = "context fields are of states in space",
                        .where = "data.context",
                        .found = entry,
                        .expected = "data.space"});
    }
    const NetcdfReader reader(path);
    const auto [file, name] = find_state_variable(reader.root(), variable);
    const Roles roles = find_roles(file, name, p, /*in_time=*/false);
    const Tensor read = in_order(read_decoded(file, name, at::kFloat), roles.space);
    if (read.isnan().any().item<bool>()) {
      throw FileError({.what = "values of a context field are missing",
                       .where = file.where(name),
                       .found = place_of(read.isnan(), p.space),
                       .hint = "fill them first"});
    }
    const Shape space = layout.space();
    for (std::int64_t axis = 0; axis < read.dim(); ++axis) {
      if (read.size(axis) == 1 || read.size(axis) == space[static_cast<std::size_t>(axis)]) continue;
      throw FileError({.what = "a context field is of another size than the states",
                       .where = file.where(name),
                       .found = to_string(read.sizes()),
                       .expected = to_string(space)});
    }
    const Tensor field = read.to(at::kDouble).expand(space);
    const Tensor deviation = field.std(/*unbiased=*/false);
    if (!(deviation.item<double>() > 0)) {
      throw FileError({.what = "a context field has the same value everywhere",
                       .where = file.where(name),
                       .hint = "leave it out: it says nothing"});
    }
    fields.push_back(((field - field.mean()) / deviation).to(at::kFloat));
  }
  return fields.empty() ? Tensor() : at::stack(fields).contiguous();
}

}  // namespace sda::io

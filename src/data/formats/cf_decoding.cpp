/// Numbers of files of other programs, unpacked, NaN where they are missing.
#include "data/formats/cf_decoding.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <limits>

#include "core/torch.hpp"
#include "sda/core/error.hpp"

namespace sda::io {
namespace {

/// As NetCDF has it where nothing was written.
constexpr double never_written = 9.9e36;

}  // namespace

std::string place_of(const Tensor& bad, const std::vector<std::string>& axes, const Shape& start) {
  const Tensor places = bad.nonzero();
  std::vector<std::string> first;
  for (std::int64_t axis = 0; axis < places.size(1); ++axis) {
    const auto i = static_cast<std::size_t>(axis);
    const std::int64_t at = places[0][axis].item<std::int64_t>() + (start.empty() ? 0 : start[i]);
    first.push_back(fmt::format("{} {}", axes[i], at));
  }
  return fmt::format("{} of {}, the first at {} (counted from 0)", places.size(0), bad.numel(), fmt::join(first, ", "));
}

Tensor read_decoded(const ReadableGroup& file, const std::string& variable, at::ScalarType dtype,
                    const std::optional<Slab>& part) {
  Tensor values = file.read_numbers(variable, part);
  const Shape start = part ? part->start : Shape();
  const auto fill = file.number_of(variable, "_FillValue"), missing = file.number_of(variable, "missing_value");
  const Tensor is_nan = values.isnan();
  if (!fill && !missing && is_nan.any().item<bool>()) {
    throw FileError({.what = "values are NaN, and the file does not say that they are missing",
                     .where = file.where(variable),
                     .found = place_of(is_nan, file.dimensions(variable), start),
                     .hint = fmt::format("if they are, say so: ncatted -a _FillValue,{},o,f,NaN FILE", variable)});
  }
  Tensor gone = is_nan.logical_or((values.abs() > never_written).logical_and(values.isinf().logical_not()));
  for (const auto& number : {fill, missing}) {
    if (number && !std::isnan(*number)) gone = gone.logical_or(values == *number);
  }
  const double scale = file.number_of(variable, "scale_factor").value_or(1),
               offset = file.number_of(variable, "add_offset").value_or(0);
  if (scale != 1 || offset != 0) values = values.to(at::kDouble) * scale + offset;
  values = values.to(dtype);
  const Tensor infinite = values.isinf().logical_and(gone.logical_not());
  if (infinite.any().item<bool>()) {
    throw FileError({.what = dtype == at::kFloat ? "values are infinite, or beyond float32" : "values are infinite",
                     .where = file.where(variable),
                     .found = place_of(infinite, file.dimensions(variable), start),
                     .expected = "finite numbers"});
  }
  return gone.any().item<bool>() ? values.masked_fill_(gone, std::numeric_limits<double>::quiet_NaN()) : values;
}

Coordinate read_coordinate(const ReadableGroup& file, const std::string& dimension) {
  Coordinate coordinate;
  if (!file.has_variable(dimension) || file.dimensions(dimension) != std::vector{dimension}) return coordinate;
  const Tensor values = read_decoded(file, dimension, at::kDouble).contiguous();
  if (const Tensor bad = values.isnan(); bad.any().item<bool>()) {
    throw FileError({.what = "a coordinate is missing",
                     .where = file.where(dimension),
                     .found = place_of(bad, {dimension}),
                     .expected = "a number for each point"});
  }
  coordinate.values.assign(values.data_ptr<double>(), values.data_ptr<double>() + values.numel());
  coordinate.units = file.text_of(dimension, "units").value_or("1");
  coordinate.long_name = file.text_of(dimension, "long_name").value_or("");
  coordinate.standard_name = file.text_of(dimension, "standard_name").value_or("");
  return coordinate;
}

}  // namespace sda::io

/// CF decoding: numbers of files of other programs, unpacked, NaN where they are missing.
#include "data/formats/cf_decoding.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

#include "core/torch.hpp"
#include "data/formats/numbers.hpp"
#include "data/formats/reading.hpp"
#include "sda/core/error.hpp"

namespace sda::io {
namespace {

/// Which numbers are no values.
struct MissingNumbers {
  std::vector<double> numbers{};
  double min = -std::numeric_limits<double>::infinity(), max = std::numeric_limits<double>::infinity();
  double tolerance = 0;  ///< of all of these
};

/// How a variable's values are stored (CF 2.5.1 and 8.1, NetCDF Users' Guide, appendix B).
struct Encoding {
  double scale = 1, offset = 0;
  double modulus = 0;         ///< of `_Unsigned`: what is added to negative numbers
  MissingNumbers stored{};    ///< among the numbers as they are stored
  MissingNumbers unpacked{};  ///< among those that they stand for
  bool says_what_is_missing = false;
};

/// The numbers of a text such as "-999, -9999"; nothing where it is anything else.
std::optional<NumberList> numbers_in(std::string_view text) {
  NumberList numbers{{}, {sizeof(double), false, true}};
  while (true) {
    text.remove_prefix(std::min(text.find_first_not_of(" ,"), text.size()));
    if (text.empty()) break;
    const auto end = std::min(text.find_first_of(" ,"), text.size());
    const auto number = number_in(text.substr(0, end));
    if (!number) return std::nullopt;
    numbers.values.push_back(*number);
    text.remove_prefix(end);
  }
  return numbers.values.empty() ? std::nullopt : std::optional(numbers);
}

/// The numbers of an attribute, which some files write as text.
std::optional<NumberList> numbers_or_text(const ReadableGroup& file, const std::string& variable,
                                          const std::string& attribute) {
  if (auto numbers = file.numbers_of(variable, attribute)) return numbers;
  return numbers_in(file.text_of(variable, attribute).value_or(""));
}

double number_or(const std::optional<NumberList>& numbers, double otherwise) {
  return numbers && numbers->values.size() == 1 ? numbers->values.front() : otherwise;
}

/// Whether a number could be stored in a variable of this type.
bool can_be_stored(double number, const NumberType& type) {
  if (!type.is_integer) return true;
  const double range = std::exp2(8.0 * static_cast<double>(type.bytes));
  return number == std::round(number) && number >= (type.is_signed ? -range / 2 : 0.0) &&
         number <= (type.is_signed ? range / 2 : range) - 1;
}

/// _FillValue, missing_value (or the file's), and NetCDF's own where a variable has no _FillValue.
void add_missing_numbers(Encoding& encoding, const ReadableGroup& file, const std::string& variable,
                         const NumberType& type) {
  const auto fill = numbers_or_text(file, variable, "_FillValue");
  auto missing = numbers_or_text(file, variable, "missing_value");
  if (!missing) missing = file.numbers_of("missing_value");
  if (!missing) missing = numbers_in(file.text_or_empty("missing_value"));
  encoding.says_what_is_missing = fill || missing;
  for (const auto& list : {fill, missing}) {
    for (double number : list ? list->values : std::vector<double>()) {
      if (std::isnan(number)) continue;
      if (encoding.modulus > 0 && number < 0) number += encoding.modulus;
      // What no stored number can be is meant of the numbers that these stand for.
      const NumberType stored{type.bytes, type.is_integer, type.is_signed && encoding.modulus == 0};
      (can_be_stored(number, stored) ? encoding.stored : encoding.unpacked).numbers.push_back(number);
    }
  }
  if (fill) return;
  if (const auto number = file.default_fill(variable)) encoding.stored.numbers.push_back(*number);
}

/// valid_min, valid_max and valid_range: of stored numbers, unless they are of the wider type that scale_factor has.
void add_valid_range(Encoding& encoding, const ReadableGroup& file, const std::string& variable,
                     const NumberType& type) {
  const bool is_packed = type.is_integer && (encoding.scale != 1 || encoding.offset != 0);
  const auto set = [&](double MissingNumbers::*bound, double value, const NumberType& of) {
    if (encoding.modulus > 0 && value < 0 && of.is_integer) value += encoding.modulus;
    (is_packed && !of.is_integer ? encoding.unpacked : encoding.stored).*bound = value;
  };
  if (const auto range = numbers_or_text(file, variable, "valid_range"); range && range->values.size() == 2) {
    set(&MissingNumbers::min, range->values[0], range->type);
    set(&MissingNumbers::max, range->values[1], range->type);
  }
  for (const auto& [name, bound] :
       {std::pair{"valid_min", &MissingNumbers::min}, std::pair{"valid_max", &MissingNumbers::max}}) {
    const auto number = numbers_or_text(file, variable, name);
    if (number && number->values.size() == 1) set(bound, number->values.front(), number->type);
  }
}

Encoding encoding_of(const ReadableGroup& file, const std::string& variable) {
  const NumberType type = file.number_type(variable);
  Encoding encoding{.scale = number_or(numbers_or_text(file, variable, "scale_factor"), 1),
                    .offset = number_or(numbers_or_text(file, variable, "add_offset"), 0)};
  const std::string is_unsigned = file.text_of(variable, "_Unsigned").value_or("");
  if ((is_unsigned == "true" || is_unsigned == "True") && type.is_integer && type.is_signed) {
    encoding.modulus = std::exp2(8.0 * static_cast<double>(type.bytes));
  }
  encoding.unpacked.tolerance = std::abs(encoding.scale) / 2;  // of numbers that were rounded when they were packed
  add_missing_numbers(encoding, file, variable, type);
  add_valid_range(encoding, file, variable, type);
  return encoding;
}

/// Negative numbers that are meant as large ones made so.
Tensor stored_values(const Tensor& values, const Encoding& encoding) {
  return encoding.modulus > 0 ? at::where(values < 0, values + encoding.modulus, values) : values;
}

/// Where `values` are one of the missing numbers, or NetCDF's "never written".
Tensor missing_among(const Tensor& values, const MissingNumbers& missing) {
  Tensor gone = (values.abs() > largest_meant).logical_and(values.isinf().logical_not());
  for (const double number : missing.numbers) {
    gone = gone.logical_or(missing.tolerance > 0 ? (values - number).abs() < missing.tolerance : values == number);
  }
  return gone;
}

/// Where `values` lie outside the range.
Tensor outside_range(const Tensor& values, const MissingNumbers& missing) {
  Tensor outside = at::zeros_like(values, at::kBool);
  if (std::isfinite(missing.min)) outside = outside.logical_or(values < missing.min - missing.tolerance);
  if (std::isfinite(missing.max)) outside = outside.logical_or(values > missing.max + missing.tolerance);
  return outside;
}

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

DecodedValues decode(const ReadableGroup& file, const std::string& variable, at::ScalarType dtype,
                     const std::optional<Slab>& part) {
  const Encoding encoding = encoding_of(file, variable);
  Tensor values = stored_values(file.read_numbers(variable, part), encoding);
  const Shape start = part ? part->start : Shape();
  const Tensor is_nan = values.isnan();
  if (!encoding.says_what_is_missing && is_nan.any().item<bool>()) {
    throw FileError({.what = "values are NaN, and the file does not say that they are missing",
                     .where = file.where(variable),
                     .found = place_of(is_nan, file.dimensions(variable), start),
                     .hint = fmt::format("if they are, say so: ncatted -a _FillValue,{},o,f,NaN FILE", variable)});
  }
  Tensor gone = is_nan.logical_or(missing_among(values, encoding.stored)),
         outside = outside_range(values, encoding.stored);
  if (encoding.scale != 1 || encoding.offset != 0) values = values.to(at::kDouble) * encoding.scale + encoding.offset;
  gone = gone.logical_or(missing_among(values, encoding.unpacked));
  outside = outside.logical_or(outside_range(values, encoding.unpacked)).logical_and(gone.logical_not());
  gone = gone.logical_or(outside);
  values = values.to(dtype);
  const Tensor infinite = values.isinf().logical_and(gone.logical_not());
  if (infinite.any().item<bool>()) {
    throw FileError({.what = dtype == at::kFloat ? "values are infinite, or beyond float32" : "values are infinite",
                     .where = file.where(variable),
                     .found = place_of(infinite, file.dimensions(variable), start),
                     .expected = "finite numbers"});
  }
  if (gone.any().item<bool>()) values.masked_fill_(gone, std::numeric_limits<double>::quiet_NaN());
  return {values, outside.sum().item<std::int64_t>()};
}

Tensor read_decoded(const ReadableGroup& file, const std::string& variable, at::ScalarType dtype,
                    const std::optional<Slab>& part) {
  return decode(file, variable, dtype, part).values;
}

Coordinate read_coordinate(const ReadableGroup& file, const std::string& dimension) {
  Coordinate coordinate;
  const auto group = file.nearest_with(dimension);
  if (!group || group->dimensions(dimension) != std::vector{dimension}) return coordinate;
  const Tensor values = read_decoded(*group, dimension, at::kDouble).contiguous();
  if (const Tensor bad = values.isnan(); bad.any().item<bool>()) {
    throw FileError({.what = "a coordinate is missing",
                     .where = group->where(dimension),
                     .found = place_of(bad, {dimension}),
                     .expected = "a number for each point"});
  }
  coordinate.values.assign(values.data_ptr<double>(), values.data_ptr<double>() + values.numel());
  coordinate.units = group->text_of(dimension, "units").value_or("1");
  coordinate.long_name = group->text_of(dimension, "long_name").value_or("");
  coordinate.standard_name = group->text_of(dimension, "standard_name").value_or("");
  return coordinate;
}

}  // namespace sda::io

/// Values of NetCDF variables: numbers as tensors, texts as strings.
#include <fmt/format.h>
#include <netcdf.h>

#include <filesystem>
#include <optional>

#include "core/torch.hpp"
#include "data/formats/netcdf_file.hpp"
#include "data/formats/netcdf_filters.hpp"
#include "data/formats/netcdf_status.hpp"
#include "sda/core/error.hpp"

namespace sda::io {
namespace {

at::ScalarType dtype_of(nc_type type, const std::string& where) {
  switch (type) {
    case NC_FLOAT:
      return at::kFloat;
    case NC_DOUBLE:
      return at::kDouble;
    case NC_INT:
      return at::kInt;
    case NC_INT64:
      return at::kLong;
    case NC_UBYTE:
      return at::kByte;
    default:
      throw FileError({.what = "variable of an unexpected type",
                       .where = where,
                       .found = fmt::format("NetCDF type {}", type),
                       .expected = "float, double, int, int64 or ubyte"});
  }
}

}  // namespace

void ReadableGroup::require_possible(const std::string& variable, double bytes) const {
  // A damaged header can claim any size; deflate never packs more than about a thousandfold.
  const auto file_bytes = static_cast<double>(std::filesystem::file_size(path_));
  const Shape size = shape(variable);
  for (const auto part : size) bytes *= static_cast<double>(part);
  if (bytes > 1100 * file_bytes) {
    throw FileError({.what = "variable is larger than the file can hold",
                     .where = where(variable),
                     .found = to_string(size),
                     .hint = "the file is damaged; take a good copy or make it again"});
  }
}

NumberType ReadableGroup::number_type(const std::string& variable) const {
  nc_type type = NC_NAT;
  check_read(nc_inq_vartype(id_, variable_id(variable), &type), where(variable));
  if (type == NC_CHAR || type == NC_STRING || type > NC_MAX_ATOMIC_TYPE) {
    throw FileError({.what = "variable does not hold numbers", .where = where(variable)});
  }
  return number_type_of(type);
}

std::optional<double> ReadableGroup::default_fill(const std::string& variable) const {
  const int id = variable_id(variable);
  nc_type type = NC_NAT;
  check_read(nc_inq_vartype(id_, id, &type), where(variable));
  int is_not_filled = 0;
  check_read(nc_inq_var_fill(id_, id, &is_not_filled, nullptr), where(variable));
  if (is_not_filled != 0) return std::nullopt;
  switch (type) {
    case NC_SHORT:
      return NC_FILL_SHORT;
    case NC_USHORT:
      return NC_FILL_USHORT;
    case NC_INT:
      return NC_FILL_INT;
    case NC_UINT:
      return NC_FILL_UINT;
    case NC_INT64:
      return static_cast<double>(NC_FILL_INT64);
    case NC_UINT64:
      return static_cast<double>(NC_FILL_UINT64);
    case NC_FLOAT:
    case NC_DOUBLE:
      return NC_FILL_DOUBLE;
    default:
      return std::nullopt;
  }
}

Tensor ReadableGroup::read_numbers(const std::string& variable, const std::optional<Slab>& part) const {
  const int id = variable_id(variable);
  const NumberType type = number_type(variable);
  require_possible(variable, static_cast<double>(type.bytes));
  const bool single = type.bytes <= 2 || (type.bytes == 4 && !type.is_integer);
  Tensor values = at::empty(part ? part->count : shape(variable), single ? at::kFloat : at::kDouble);
  if (values.numel() == 0) throw FileError({.what = "there are no values", .where = where(variable)});
  const std::vector<std::size_t> count(values.sizes().begin(), values.sizes().end());
  std::vector<std::size_t> start(count.size(), 0);
  if (part) start.assign(part->start.begin(), part->start.end());
  const int status = single ? nc_get_vara_float(id_, id, start.data(), count.data(), values.data_ptr<float>())
                            : nc_get_vara_double(id_, id, start.data(), count.data(), values.data_ptr<double>());
  if (status != NC_NOERR) require_filters(id_, id, where(variable));
  check_read(status, where(variable));
  return values;
}

bool ReadableGroup::is_text(const std::string& variable) const {
  nc_type type = NC_NAT;
  check_read(nc_inq_vartype(id_, variable_id(variable), &type), where(variable));
  return type == NC_CHAR || type == NC_STRING;
}

bool ReadableGroup::has_characters(const std::string& variable) const {
  nc_type type = NC_NAT;
  check_read(nc_inq_vartype(id_, variable_id(variable), &type), where(variable));
  return type == NC_CHAR;
}

std::vector<std::string> ReadableGroup::read_texts(const std::string& variable) const {
  const int id = variable_id(variable);
  nc_type type = NC_NAT;
  check_read(nc_inq_vartype(id_, id, &type), where(variable));
  const Shape size = shape(variable);
  require_possible(variable, 1);
  std::vector<std::string> texts;
  if (type == NC_STRING) {
    std::vector<char*> strings(static_cast<std::size_t>(count(size)), nullptr);
    if (strings.empty()) return texts;
    check_read(nc_get_var_string(id_, id, strings.data()), where(variable));
    for (const char* text : strings) texts.emplace_back(text == nullptr ? "" : text);
    check_read(nc_free_string(strings.size(), strings.data()), where(variable));
    return texts;
  }
  if (type != NC_CHAR || size.empty()) {
    throw FileError({.what = "variable does not hold texts", .where = where(variable)});
  }
  std::string all(static_cast<std::size_t>(count(size)), '\0');
  if (all.empty()) return texts;
  check_read(nc_get_var_text(id_, id, all.data()), where(variable));
  const auto width = static_cast<std::size_t>(size.back());
  for (std::size_t begin = 0; begin < all.size(); begin += width) {
    std::string text = all.substr(begin, width);
    text.erase(std::min(text.find('\0'), text.size()));
    text.erase(text.find_last_not_of(' ') + 1);
    texts.push_back(std::move(text));
  }
  return texts;
}

std::string ReadableGroup::read_characters(const std::string& variable) const {
  require_possible(variable, 1);
  std::string all(static_cast<std::size_t>(count(shape(variable))), '\0');
  if (!all.empty()) check_read(nc_get_var_text(id_, variable_id(variable), all.data()), where(variable));
  return all;
}

Tensor ReadableGroup::read(const std::string& variable) const {
  const int id = variable_id(variable);
  nc_type type = NC_NAT;
  check_read(nc_inq_vartype(id_, id, &type), where(variable));
  const at::ScalarType dtype = dtype_of(type, where(variable));
  const Shape size = shape(variable);
  require_possible(variable, static_cast<double>(c10::elementSize(dtype)));
  Tensor values = at::empty(size, dtype);
  if (values.numel() > 0) check_read(nc_get_var(id_, id, values.data_ptr()), where(variable));
  return values;
}

Tensor ReadableGroup::read(const std::string& variable, at::IntArrayRef expected) const {
  const Shape found = shape(variable);
  if (found != expected) {
    throw FileError({.what = "variable has another shape",
                     .where = where(variable),
                     .found = to_string(found),
                     .expected = to_string(expected)});
  }
  return read(variable);
}

}  // namespace sda::io

/// What a NetCDF file holds: groups, variables and their sizes, attributes.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <netcdf.h>

#include <filesystem>
#include <optional>

#include "data/formats/file_kind.hpp"
#include "data/formats/netcdf_file.hpp"
#include "data/formats/netcdf_status.hpp"
#include "data/formats/sealed_file.hpp"
#include "sda/core/error.hpp"
#include "sda/core/fields.hpp"

namespace sda::io {
namespace {

/// The text of an attribute, nothing where there is none. Text from other programs may be stored as one string.
std::optional<std::string> find_text(int id, int variable, const std::string& name, const std::string& where) {
  nc_type type = NC_NAT;
  std::size_t length = 0;
  const int status = nc_inq_att(id, variable, name.c_str(), &type, &length);
  if (status == NC_ENOTATT) return std::nullopt;
  const std::string place = where + ": attribute " + name;
  check_read(status, place);
  if (type == NC_CHAR) {
    std::string text(length, '\0');
    check_read(nc_get_att_text(id, variable, name.c_str(), text.data()), place);
    return text;
  }
  if (type == NC_STRING && length == 1) {
    char* text = nullptr;
    check_read(nc_get_att_string(id, variable, name.c_str(), &text), place);
    const std::string copy = text == nullptr ? "" : text;
    check_read(nc_free_string(1, &text), place);
    return copy;
  }
  throw FileError({.what = "attribute is not text", .where = place, .expected = "text"});
}

/// The numbers of an attribute, nothing where there is none or where it holds something else.
std::optional<NumberList> find_numbers(int id, int variable, const std::string& name, const std::string& where) {
  nc_type type = NC_NAT;
  std::size_t length = 0;
  if (nc_inq_att(id, variable, name.c_str(), &type, &length) != NC_NOERR || length == 0) return std::nullopt;
  if (type == NC_CHAR || type >= NC_STRING) return std::nullopt;
  NumberList numbers{std::vector<double>(length), number_type_of(type)};
  check_read(nc_get_att_double(id, variable, name.c_str(), numbers.values.data()), where + ": attribute " + name);
  return numbers;
}

template <class Number, class Get>
Number get_number(int id, const std::string& name, const std::string& where, Get get) {
  const std::string place = where + ": attribute " + name;
  nc_type type = NC_NAT;
  std::size_t length = 0;
  const int status = nc_inq_att(id, NC_GLOBAL, name.c_str(), &type, &length);
  if (status == NC_ENOTATT) throw FileError({.what = "attribute " + name + " is missing", .where = where});
  check_read(status, place);
  if (length != 1 || type == NC_CHAR || type == NC_STRING) {
    throw FileError({.what = "attribute is not one number", .where = place, .expected = "a number"});
  }
  Number number{};
  check_read(get(id, NC_GLOBAL, name.c_str(), &number), place);
  return number;
}

}  // namespace

std::string ReadableGroup::where(const std::string& part) const {
  return path_ + ": " + (name_.empty() ? part : name_ + "/" + part);
}

bool ReadableGroup::has_group(const std::string& name) const {
  // A classic file takes itself for every group that it is asked for.
  int id = -1;
  return nc_inq_ncid(id_, name.c_str(), &id) == NC_NOERR && id != id_;
}

ReadableGroup ReadableGroup::group(const std::string& name) const {
  int id = -1;
  if (!has_group(name) || nc_inq_ncid(id_, name.c_str(), &id) != NC_NOERR) {
    throw FileError({.what = "group " + name + " is missing", .where = path_});
  }
  return {id, path_, name_.empty() ? name : name_ + "/" + name};
}

std::vector<std::string> ReadableGroup::groups() const {
  int count = 0;
  check_read(nc_inq_grps(id_, &count, nullptr), path_);
  std::vector<int> ids(static_cast<std::size_t>(count));
  check_read(nc_inq_grps(id_, nullptr, ids.data()), path_);
  std::vector<std::string> names;
  for (const int id : ids) {
    char name[NC_MAX_NAME + 1] = {};
    check_read(nc_inq_grpname(id, name), path_);
    names.emplace_back(name);
  }
  return names;
}

std::vector<ReadableGroup> ReadableGroup::with_parents() const {
  std::vector<ReadableGroup> all{*this};
  int parent = -1;
  while (!all.back().name_.empty() && nc_inq_grp_parent(all.back().id_, &parent) == NC_NOERR) {
    const auto slash = all.back().name_.rfind('/');
    all.emplace_back(parent, path_, slash == std::string::npos ? "" : all.back().name_.substr(0, slash));
  }
  return all;
}

std::optional<ReadableGroup> ReadableGroup::nearest_with(const std::string& variable) const {
  for (const auto& group : with_parents()) {
    if (group.has_variable(variable)) return group;
  }
  return std::nullopt;
}

std::vector<std::string> ReadableGroup::variables() const {
  int variables = 0;
  check_read(nc_inq_varids(id_, &variables, nullptr), path_);
  std::vector<int> ids(static_cast<std::size_t>(variables));
  check_read(nc_inq_varids(id_, nullptr, ids.data()), path_);
  std::vector<std::string> names;
  for (const int id : ids) {
    char name[NC_MAX_NAME + 1] = {};
    check_read(nc_inq_varname(id_, id, name), path_);
    names.emplace_back(name);
  }
  return names;
}

bool ReadableGroup::has_variable(const std::string& name) const {
  int id = -1;
  return nc_inq_varid(id_, name.c_str(), &id) == NC_NOERR;
}

int ReadableGroup::variable_id(const std::string& name) const {
  int id = -1;
  if (nc_inq_varid(id_, name.c_str(), &id) == NC_NOERR) return id;
  const auto known = variables();
  const auto nearest = nearest_name(name, known);
  throw FileError({.what = "variable " + name + " is missing",
                   .where = name_.empty() ? path_ : path_ + ": " + name_,
                   .found = known.empty() ? "no variables" : fmt::format("{}", fmt::join(known, ", ")),
                   .hint = nearest.empty() ? "" : fmt::format("did you mean {}?", nearest)});
}

Shape ReadableGroup::shape(const std::string& variable) const {
  const int id = variable_id(variable);
  int rank = 0;
  check_read(nc_inq_varndims(id_, id, &rank), where(variable));
  std::vector<int> dimensions(static_cast<std::size_t>(rank));
  check_read(nc_inq_vardimid(id_, id, dimensions.data()), where(variable));
  Shape shape;
  for (const int dimension : dimensions) {
    std::size_t size = 0;
    check_read(nc_inq_dimlen(id_, dimension, &size), where(variable));
    shape.push_back(static_cast<std::int64_t>(size));
  }
  return shape;
}

std::optional<std::int64_t> ReadableGroup::dimension_size(const std::string& name) const {
  int id = -1;
  std::size_t size = 0;
  if (nc_inq_dimid(id_, name.c_str(), &id) != NC_NOERR) return std::nullopt;
  check_read(nc_inq_dimlen(id_, id, &size), path_ + ": dimension " + name);
  return static_cast<std::int64_t>(size);
}

std::vector<std::string> ReadableGroup::dimensions(const std::string& variable) const {
  const int id = variable_id(variable);
  int rank = 0;
  check_read(nc_inq_varndims(id_, id, &rank), where(variable));
  std::vector<int> ids(static_cast<std::size_t>(rank));
  check_read(nc_inq_vardimid(id_, id, ids.data()), where(variable));
  std::vector<std::string> names;
  for (const int dimension : ids) {
    char name[NC_MAX_NAME + 1] = {};
    check_read(nc_inq_dimname(id_, dimension, name), where(variable));
    names.emplace_back(name);
  }
  return names;
}

std::optional<std::string> ReadableGroup::text_of(const std::string& variable, const std::string& attribute) const {
  const int id = variable_id(variable);
  nc_type type = NC_NAT;
  if (nc_inq_atttype(id_, id, attribute.c_str(), &type) != NC_NOERR) return std::nullopt;
  if (type != NC_CHAR && type != NC_STRING) return std::nullopt;
  return find_text(id_, id, attribute, where(variable));
}

std::optional<NumberList> ReadableGroup::numbers_of(const std::string& variable, const std::string& attribute) const {
  return find_numbers(id_, variable_id(variable), attribute, where(variable));
}

std::optional<NumberList> ReadableGroup::numbers_of(const std::string& attribute) const {
  return find_numbers(id_, NC_GLOBAL, attribute, path_);
}

bool ReadableGroup::has_attribute(const std::string& variable, const std::string& attribute) const {
  return nc_inq_attid(id_, variable_id(variable), attribute.c_str(), nullptr) == NC_NOERR;
}

bool ReadableGroup::has_attribute(const std::string& name) const {
  return nc_inq_attid(id_, NC_GLOBAL, name.c_str(), nullptr) == NC_NOERR;
}

std::string ReadableGroup::text(const std::string& attribute) const {
  const auto found = find_text(id_, NC_GLOBAL, attribute, path_);
  if (!found) throw FileError({.what = "attribute " + attribute + " is missing", .where = path_});
  return *found;
}

std::string ReadableGroup::text_or_empty(const std::string& attribute) const {
  return find_text(id_, NC_GLOBAL, attribute, path_).value_or("");
}

double ReadableGroup::number(const std::string& attribute) const {
  return get_number<double>(id_, attribute, path_, nc_get_att_double);
}

std::int64_t ReadableGroup::integer(const std::string& attribute) const {
  return get_number<long long>(id_, attribute, path_, nc_get_att_longlong);
}

std::uint64_t ReadableGroup::natural(const std::string& attribute) const {
  return get_number<unsigned long long>(id_, attribute, path_, nc_get_att_ulonglong);
}

NetcdfReader::NetcdfReader(std::string path) : path_(std::move(path)) {
  sealed_ = check_sealed_file(path_);
  // The canonical name: the library takes names with "://" for addresses on the network. A pipe has none.
  std::error_code nameless;
  const auto canonical = std::filesystem::canonical(path_, nameless);
  const int status = nc_open(nameless ? path_.c_str() : canonical.c_str(), NC_NOWRITE, &id_);
  if (status == NC_NOERR) return;
  id_ = -1;
  if (is_netcdf(path_)) {
    throw FileError({.what = fmt::format("the file is damaged or truncated ({})", nc_strerror(status)),
                     .where = path_,
                     .hint = "take a good copy or make it again"});
  }
  refuse_foreign_format(path_, "NetCDF, or HDF5 that the NetCDF library reads");
  throw FileError(
      {.what = "not a NetCDF file", .where = path_, .expected = "NetCDF, or HDF5 that the NetCDF library reads"});
}

NetcdfReader::~NetcdfReader() {
  if (id_ >= 0) nc_close(id_);
}

}  // namespace sda::io

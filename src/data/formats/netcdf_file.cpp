/// The NetCDF C library behind RAII, tensors and errors in words.
#include "data/formats/netcdf_file.hpp"

#include <fmt/format.h>
#include <hdf5.h>
#include <netcdf.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <span>

#include "core/torch.hpp"
#include "data/formats/sealed_file.hpp"
#include "sda/core/error.hpp"
#include "sda/core/fields.hpp"
#include "sda/data/formats/atomic_file.hpp"

namespace sda::io {
namespace {

void check(int status, const std::string& where, const char* doing) {
  if (status == NC_NOERR) return;
  throw FileError({.what = fmt::format("{}: {}", doing, nc_strerror(status)), .where = where});
}

void check_write(int status, const std::string& where) {
  check(status, where, "cannot be written");
}

void check_read(int status, const std::string& where) {
  if (status == NC_NOERR) return;
  throw FileError({.what = fmt::format("cannot be read: {}", nc_strerror(status)),
                   .where = where,
                   .hint = "the file is damaged; take a good copy or make it again"});
}

nc_type type_of(at::ScalarType dtype, const std::string& where) {
  switch (dtype) {
    case at::kFloat:
      return NC_FLOAT;
    case at::kDouble:
      return NC_DOUBLE;
    case at::kInt:
      return NC_INT;
    case at::kLong:
      return NC_INT64;
    case at::kByte:
      return NC_UBYTE;
    default:
      throw FileError({.what = "numbers of this type cannot be written",
                       .where = where,
                       .found = c10::toString(dtype),
                       .expected = "float32, float64, int32, int64 or bytes"});
  }
}

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

/// The whole shape, its leading axes halved until a chunk holds at most a megabyte.
std::vector<std::size_t> chunk_shape(const Tensor& values) {
  constexpr std::size_t max = std::size_t{1} << 20;
  std::vector<std::size_t> chunk(values.sizes().begin(), values.sizes().end());
  std::size_t bytes = values.nbytes();
  for (auto& size : chunk) {
    while (bytes > max && size > 1) {
      bytes = bytes / size * ((size + 1) / 2);
      size = (size + 1) / 2;
    }
  }
  return chunk;
}

void put_attribute(int id, int variable, const std::string& name, const AttributeValue& value,
                   const std::string& where) {
  struct Put {
    int id, variable;
    const char* name;
    int operator()(const std::string& text) const {
      return nc_put_att_text(id, variable, name, text.size(), text.data());
    }
    int operator()(double number) const { return nc_put_att_double(id, variable, name, NC_DOUBLE, 1, &number); }
    int operator()(std::int64_t number) const {
      const long long wide = number;
      return nc_put_att_longlong(id, variable, name, NC_INT64, 1, &wide);
    }
    int operator()(std::uint64_t number) const {
      const unsigned long long wide = number;
      return nc_put_att_ulonglong(id, variable, name, NC_UINT64, 1, &wide);
    }
  };
  check_write(std::visit(Put{id, variable, name.c_str()}, value), where + ": attribute " + name);
}

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

/// What HDF5 calls the file that `writer` composes; no file of this name is ever made.
std::string memory_name(const NetcdfWriter* writer) {
  return fmt::format("sda-in-memory-{}", fmt::ptr(writer));
}

/// The bytes of an open in-memory HDF5 file, valid until it is closed. NetCDF itself hands out those of files made by
/// nc_create_mem alone, which lack the order of creation and can never be opened for writing again; and what
/// H5Fget_file_image copies (1.10.8) has a superblock whose checksum is wrong.
std::span<const std::byte> file_image(const std::string& name, const std::string& where) {
  std::vector<hid_t> files(static_cast<std::size_t>(std::max<ssize_t>(0, H5Fget_obj_count(H5F_OBJ_ALL, H5F_OBJ_FILE))));
  H5Fget_obj_ids(H5F_OBJ_ALL, H5F_OBJ_FILE, files.size(), files.data());
  for (const hid_t file : files) {
    std::vector<char> found(name.size() + 2);
    H5Fget_name(file, found.data(), found.size());
    if (found.data() != name) continue;
    void* memory = nullptr;  // of HDF5's core driver: the address of its pointer to the bytes
    const ssize_t size = H5Fget_file_image(file, nullptr, 0);
    if (H5Fget_vfd_handle(file, H5P_DEFAULT, &memory) < 0 || memory == nullptr || size <= 0) break;
    return {*static_cast<const std::byte**>(memory), static_cast<std::size_t>(size)};
  }
  throw FileError({.what = "cannot be written: HDF5 gives no image of the file", .where = where});
}

std::string first_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  char bytes[8] = {};
  file.read(bytes, sizeof bytes);
  return {bytes, static_cast<std::size_t>(file.gcount())};
}

}  // namespace

WritableGroup WritableGroup::make_group(const std::string& name) {
  int id = -1;
  check_write(nc_def_grp(id_, name.c_str(), &id), path_ + ": group " + name);
  return {id, path_};
}

void WritableGroup::dimension(const std::string& name, std::int64_t size) {
  int id = -1;
  std::size_t known = 0;
  const std::string where = path_ + ": dimension " + name;
  if (nc_inq_dimid(id_, name.c_str(), &id) == NC_NOERR) {
    check_write(nc_inq_dimlen(id_, id, &known), where);
    if (static_cast<std::int64_t>(known) == size) return;
    throw FileError(
        {.what = "two sizes for one dimension", .where = where, .found = fmt::format("{}, {}", known, size)});
  }
  check_write(nc_def_dim(id_, name.c_str(), static_cast<std::size_t>(size), &id), where);
}

void WritableGroup::unlimited_dimension(const std::string& name) {
  int id = -1;
  check_write(nc_def_dim(id_, name.c_str(), NC_UNLIMITED, &id), path_ + ": dimension " + name);
}

void WritableGroup::attributes(const Attributes& attributes) {
  for (const auto& [name, value] : attributes) put_attribute(id_, NC_GLOBAL, name, value, path_);
}

void WritableGroup::variable(const std::string& name, const std::vector<std::string>& dimensions, const Tensor& values,
                             const Attributes& attributes, std::optional<double> fill) {
  const std::string where = path_ + ": " + name;
  if (values.numel() == 0) throw FileError({.what = "there are no values to write", .where = where});
  const Tensor stored = values.detach().to(at::kCPU).contiguous();

  std::vector<int> ids;
  for (const auto& dimension : dimensions) {
    check_write(nc_inq_dimid(id_, dimension.c_str(), &ids.emplace_back()), where + ": dimension " + dimension);
  }
  int id = -1;
  const nc_type type = type_of(stored.scalar_type(), where);
  check_write(nc_def_var(id_, name.c_str(), type, static_cast<int>(ids.size()), ids.data(), &id), where);
  check_write(nc_def_var_chunking(id_, id, NC_CHUNKED, chunk_shape(stored).data()), where);
  check_write(nc_def_var_fletcher32(id_, id, NC_FLETCHER32), where);
  if (fill) {
    const auto narrow = static_cast<float>(*fill);
    const void* value = type == NC_FLOAT ? static_cast<const void*>(&narrow) : &*fill;
    check_write(nc_def_var_fill(id_, id, NC_FILL, value), where);
  } else {
    check_write(nc_def_var_fill(id_, id, NC_NOFILL, nullptr), where);
  }
  for (const auto& [key, value] : attributes) put_attribute(id_, id, key, value, where);

  const std::vector<std::size_t> start(ids.size(), 0);
  const std::vector<std::size_t> size(stored.sizes().begin(), stored.sizes().end());
  check_write(nc_put_vara(id_, id, start.data(), size.data(), stored.data_ptr()), where);
}

NetcdfWriter::NetcdfWriter(std::string path) : path_(std::move(path)) {
  require_writable(path_);
  check_write(nc_create(memory_name(this).c_str(), NC_NETCDF4 | NC_DISKLESS, &id_), path_);
}

NetcdfWriter::~NetcdfWriter() {
  if (id_ >= 0) nc_abort(id_);
}

void NetcdfWriter::commit() {
  check_write(nc_sync(id_), path_);
  write_sealed_file(path_, file_image(memory_name(this), path_));
  check_write(nc_close(std::exchange(id_, -1)), path_);
}

std::string ReadableGroup::where(const std::string& part) const {
  return path_ + ": " + (name_.empty() ? part : name_ + "/" + part);
}

bool ReadableGroup::has_group(const std::string& name) const {
  int id = -1;
  return nc_inq_ncid(id_, name.c_str(), &id) == NC_NOERR;
}

ReadableGroup ReadableGroup::group(const std::string& name) const {
  int id = -1;
  if (nc_inq_ncid(id_, name.c_str(), &id) != NC_NOERR) {
    throw FileError({.what = "group " + name + " is missing", .where = path_});
  }
  return {id, path_, name};
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

Tensor ReadableGroup::read_numbers(const std::string& variable, const std::optional<Slab>& part) const {
  const int id = variable_id(variable);
  nc_type type = NC_NAT;
  check_read(nc_inq_vartype(id_, id, &type), where(variable));
  if (type == NC_CHAR || type == NC_STRING || type > NC_MAX_ATOMIC_TYPE) {
    throw FileError({.what = "variable does not hold numbers", .where = where(variable)});
  }
  std::size_t size = 0;
  check_read(nc_inq_type(id_, type, nullptr, &size), where(variable));
  require_possible(variable, static_cast<double>(size));
  const bool single = size <= 2 || type == NC_FLOAT;
  Tensor values = at::empty(part ? part->count : shape(variable), single ? at::kFloat : at::kDouble);
  if (values.numel() == 0) throw FileError({.what = "there are no values", .where = where(variable)});
  const std::vector<std::size_t> count(values.sizes().begin(), values.sizes().end());
  std::vector<std::size_t> start(count.size(), 0);
  if (part) start.assign(part->start.begin(), part->start.end());
  check_read(single ? nc_get_vara_float(id_, id, start.data(), count.data(), values.data_ptr<float>())
                    : nc_get_vara_double(id_, id, start.data(), count.data(), values.data_ptr<double>()),
             where(variable));
  return values;
}

bool ReadableGroup::is_text(const std::string& variable) const {
  nc_type type = NC_NAT;
  check_read(nc_inq_vartype(id_, variable_id(variable), &type), where(variable));
  return type == NC_CHAR || type == NC_STRING;
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

std::optional<std::string> ReadableGroup::text_of(const std::string& variable, const std::string& attribute) const {
  const int id = variable_id(variable);
  nc_type type = NC_NAT;
  if (nc_inq_atttype(id_, id, attribute.c_str(), &type) != NC_NOERR) return std::nullopt;
  if (type != NC_CHAR && type != NC_STRING) return std::nullopt;
  return find_text(id_, id, attribute, where(variable));
}

std::optional<double> ReadableGroup::number_of(const std::string& variable, const std::string& attribute) const {
  const int id = variable_id(variable);
  nc_type type = NC_NAT;
  std::size_t length = 0;
  if (nc_inq_att(id_, id, attribute.c_str(), &type, &length) != NC_NOERR) return std::nullopt;
  if (length != 1 || type == NC_CHAR || type >= NC_STRING) return std::nullopt;
  double number = 0;
  check_read(nc_get_att_double(id_, id, attribute.c_str(), &number), where(variable) + ": attribute " + attribute);
  return number;
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
  if (first_bytes(path_).starts_with("\x89HDF") || first_bytes(path_).starts_with("CDF")) {
    throw FileError({.what = fmt::format("the file is damaged or truncated ({})", nc_strerror(status)),
                     .where = path_,
                     .hint = "take a good copy or make it again"});
  }
  throw FileError(
      {.what = "not a NetCDF file", .where = path_, .expected = "NetCDF, or HDF5 that the NetCDF library reads"});
}

NetcdfReader::~NetcdfReader() {
  if (id_ >= 0) nc_close(id_);
}

}  // namespace sda::io

/// NetCDF-4 files composed in memory and written whole.
#include <fmt/format.h>
#include <hdf5.h>
#include <netcdf.h>

#include <algorithm>
#include <span>

#include "core/torch.hpp"
#include "data/formats/netcdf_file.hpp"
#include "data/formats/netcdf_status.hpp"
#include "data/formats/reading.hpp"
#include "data/formats/sealed_file.hpp"
#include "sda/core/error.hpp"
#include "sda/data/formats/atomic_file.hpp"

namespace sda::io {
namespace {

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

/// The whole shape, its leading axes halved until a chunk holds at most a megabyte.
Shape chunk_shape(const Tensor& values) {
  constexpr std::int64_t max = std::int64_t{1} << 20;
  Shape chunk = values.sizes().vec();
  auto bytes = static_cast<std::int64_t>(values.nbytes());
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
  if (values.numel() == 0) throw FileError({.what = "there are no values to write", .where = where(name)});
  const Tensor stored = values.detach().to(at::kCPU);
  const Shape chunk = chunk_shape(stored);
  declare(name, dimensions, {.type = stored.scalar_type(), .chunk = chunk, .fill = fill}, attributes);
  if (chunk.empty()) return put(name, {}, stored);
  // Whole chunks at a time, so that values that lie in another order than the file's are never copied all at once.
  const std::int64_t n = stored.size(0), depth = chunk.front(),
                     at_once = std::max<std::int64_t>(1, indices_at_once(stored) / depth) * depth;
  for (std::int64_t begin = 0; begin < n; begin += at_once) {
    const Tensor some = stored.narrow(0, begin, std::min(at_once, n - begin));
    Slab part{.start = Shape(dimensions.size(), 0), .count = some.sizes().vec()};
    part.start.front() = begin;
    put(name, part, some);
  }
}

void WritableGroup::declare(const std::string& name, const std::vector<std::string>& dimensions, const Storage& storage,
                            const Attributes& attributes) {
  const std::string of = where(name);
  std::vector<int> ids;
  for (const auto& dimension : dimensions) {
    check_write(nc_inq_dimid(id_, dimension.c_str(), &ids.emplace_back()), of + ": dimension " + dimension);
  }
  int id = -1;
  const nc_type type = type_of(storage.type, of);
  check_write(nc_def_var(id_, name.c_str(), type, static_cast<int>(ids.size()), ids.data(), &id), of);
  const std::vector<std::size_t> chunk(storage.chunk.begin(), storage.chunk.end());
  check_write(nc_def_var_chunking(id_, id, NC_CHUNKED, chunk.data()), of);
  if (storage.compression > 0)
    check_write(nc_def_var_deflate(id_, id, /*shuffle=*/1, /*deflate=*/1, storage.compression), of);
  check_write(nc_def_var_fletcher32(id_, id, NC_FLETCHER32), of);
  if (storage.fill) {
    const auto narrow = static_cast<float>(*storage.fill);
    const void* value = type == NC_FLOAT ? static_cast<const void*>(&narrow) : &*storage.fill;
    check_write(nc_def_var_fill(id_, id, NC_FILL, value), of);
  } else {
    check_write(nc_def_var_fill(id_, id, NC_NOFILL, nullptr), of);
  }
  for (const auto& [key, value] : attributes) put_attribute(id_, id, key, value, of);
}

void WritableGroup::put(const std::string& name, const Slab& part, const Tensor& values) {
  int id = -1;
  check_write(nc_inq_varid(id_, name.c_str(), &id), where(name));
  const Tensor stored = values.contiguous();
  const std::vector<std::size_t> start(part.start.begin(), part.start.end()),
      size(part.count.begin(), part.count.end());
  check_write(nc_put_vara(id_, id, start.data(), size.data(), stored.data_ptr()), where(name));
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

}  // namespace sda::io

/// NetCDF-4 files written to the disk as their values come.
#include "data/formats/netcdf_stream.hpp"

#include <fcntl.h>
#include <netcdf.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "core/torch.hpp"
#include "data/formats/netcdf_status.hpp"
#include "data/formats/sealed_file.hpp"
#include "sda/core/error.hpp"

namespace sda::io {
namespace {

/// Taken from the disk at once, so that few calls ask for it; and what HDF5 may need beside the values, for headers and
/// trees of chunks.
constexpr std::int64_t at_once = std::int64_t{16} << 20, beside = std::int64_t{1} << 20;

std::int64_t size_of(int file) {
  struct stat status {};
  return ::fstat(file, &status) == 0 ? status.st_size : 0;
}

/// 0 or the error: `bytes` from the file's beginning are its own from now on.
int reserve(int file, std::int64_t bytes) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
      limit.rlim_cur < static_cast<rlim_t>(bytes))
    return EFBIG;
  int failed = 0;
  do failed = ::fallocate(file, FALLOC_FL_KEEP_SIZE, 0, bytes) == 0 ? 0 : errno;
  while (failed == EINTR);
  if (failed != EOPNOTSUPP && failed != ENOSYS) return failed;
  // Where a file system cannot promise, what it says must do.
  struct statvfs disk {};
  if (::fstatvfs(file, &disk) != 0) return 0;
  const double free = static_cast<double>(disk.f_bavail) * static_cast<double>(disk.f_frsize);
  return free < static_cast<double>(bytes - size_of(file)) ? ENOSPC : 0;
}

std::string writable(std::string path) {
  require_writable(path);
  return path;
}

}  // namespace

NetcdfStream::NetcdfStream(std::string path) : path_(writable(std::move(path))), file_(path_) {
  descriptor_ =
      std::make_unique<Descriptor>(::open(file_.path().c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (descriptor_->get() < 0) refuse_to_write(path_, errno);
  take_space(0);  // before HDF5 writes a byte; making the file gives it back
  check_write(nc_create(file_.path().c_str(), NC_NETCDF4 | NC_CLOBBER, &id_), path_);
  take_space(0);
}

NetcdfStream::~NetcdfStream() {
  if (id_ >= 0) nc_abort(id_);
}

void NetcdfStream::make_room(std::int64_t bytes) {
  const std::int64_t padded = 2 * bytes;  // chunks that are not full are written whole
  if (padded > room_) take_space(padded);
  room_ -= padded;
}

void NetcdfStream::take_space(std::int64_t bytes) {
  if (id_ >= 0) check_write(nc_sync(id_), path_);
  const int file = descriptor_->get();
  room_ = std::max(bytes, at_once);
  if (reserve(file, size_of(file) + room_ + beside) == 0) return;
  room_ = bytes;
  if (const int failed = reserve(file, size_of(file) + room_ + beside); failed != 0) refuse_to_write(path_, failed);
}

void NetcdfStream::put(const std::string& variable, const Slab& part, const Tensor& values) {
  make_room(static_cast<std::int64_t>(values.nbytes()));
  root().put(variable, part, values);
}

void NetcdfStream::commit() {
  take_space(0);
  check_write(nc_close(std::exchange(id_, -1)), path_);
  const int file = descriptor_->get();
  // What was taken and is not needed goes back.
  if (::ftruncate(file, size_of(file)) != 0) refuse_to_write(path_, errno);
  if (const int failed = seal(file); failed != 0) refuse_to_write(path_, failed);
  if (const int failed = descriptor_->close(); failed != 0) refuse_to_write(path_, failed);
  file_.rename_to(path_);
}

}  // namespace sda::io

/// Files by their POSIX descriptors: closed at the end, written whole.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <cstddef>

namespace sda {

/// An open file, closed at the end.
class Descriptor {
 public:
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  ~Descriptor() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return descriptor_; }
  /// 0, or the error that closing met: some file systems report a full disk only here.
  int close() {
    const int failed = ::close(descriptor_) == 0 ? 0 : errno;
    descriptor_ = -1;
    return failed;
  }

 private:
  int descriptor_;
};

/// 0 or the error.
inline int write_all(int descriptor, const void* data, std::size_t size) {
  const char* next = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t written = ::write(descriptor, next, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    next += written;
    size -= static_cast<std::size_t>(written);
  }
  return 0;
}

}  // namespace sda

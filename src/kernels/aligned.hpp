/// Memory on cache-line boundaries, as vector loads and tiles want it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <vector>

namespace sda::kernels {

template <class T>
struct AlignedAllocator {
  using value_type = T;
  AlignedAllocator() = default;
  template <class U>
  explicit AlignedAllocator(const AlignedAllocator<U>&) {}
  T* allocate(std::size_t n) { return static_cast<T*>(::operator new (n * sizeof(T), std::align_val_t{64})); }
  void deallocate(T* p, std::size_t) { ::operator delete (p, std::align_val_t{64}); }
  bool operator==(const AlignedAllocator&) const { return true; }
};

template <class T>
using Aligned = std::vector<T, AlignedAllocator<T>>;

/// Bytes on a cache line, not cleared.
struct FreeAligned {
  void operator()(std::byte* p) const { ::operator delete (p, std::align_val_t{64}); }
};
using AlignedBytes = std::unique_ptr<std::byte, FreeAligned>;
inline AlignedBytes aligned_bytes(std::int64_t n) {
  return AlignedBytes(static_cast<std::byte*>(::operator new (static_cast<std::size_t>(n), std::align_val_t{64})));
}

/// Sizes of rows are padded to a multiple of this, and every buffer begins on a cache line.
inline constexpr std::int64_t width_multiple = 32;

constexpr std::int64_t rounded_up(std::int64_t size, std::int64_t multiple) {
  return (size + multiple - 1) / multiple * multiple;
}
constexpr std::int64_t padded(std::int64_t size) {
  return rounded_up(size, width_multiple);
}

/// Matrices packed for products in both directions, as floats or as halves of them.
struct PackedMatrix {
  std::int64_t in = 0, out = 0;
  Aligned<std::byte> forward{};   ///< Wᵀ
  Aligned<std::byte> backward{};  ///< W
  Aligned<float> bias{};          ///< padded with zeros

  template <class T>
  const T* forward_as() const {
    return reinterpret_cast<const T*>(forward.data());
  }
  template <class T>
  const T* backward_as() const {
    return reinterpret_cast<const T*>(backward.data());
  }
};

}  // namespace sda::kernels

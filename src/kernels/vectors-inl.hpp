// Vectors of float32 of one instruction set (Highway), and how they are read and written as float32 or bfloat16.
#pragma once

#include "kernels/target.hpp"

#include <cstdint>
#include <cstring>

HWY_BEFORE_NAMESPACE();
namespace sda::kernels {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;
using BFloat16 = std::uint16_t;  ///< the upper half of a float32

HWY_INLINE std::int64_t lanes() {
  return static_cast<std::int64_t>(hn::Lanes(D()));
}

HWY_INLINE V load(const float* from) {
  return hn::LoadU(D(), from);
}
HWY_INLINE void store(V v, float* to) {
  hn::StoreU(v, D(), to);
}
HWY_INLINE V load(const BFloat16* from) {
  const hn::Rebind<std::uint32_t, D> wide;
  return hn::BitCast(D(), hn::ShiftLeft<16>(hn::PromoteTo(wide, hn::LoadU(hn::Rebind<BFloat16, D>(), from))));
}
/// Rounded to nearest, ties to even.
HWY_INLINE void store(V v, BFloat16* to) {
  const hn::Rebind<std::int32_t, D> wide;
  const hn::Rebind<std::uint32_t, D> bits;
  const hn::Rebind<BFloat16, D> narrow;
  const auto u = hn::BitCast(bits, v);
  const auto odd = hn::And(hn::ShiftRight<16>(u), hn::Set(bits, 1));
  const auto rounded = hn::ShiftRight<16>(hn::Add(u, hn::Add(odd, hn::Set(bits, 0x7fff))));
  hn::StoreU(hn::DemoteTo(narrow, hn::BitCast(wide, rounded)), narrow, to);
}

HWY_INLINE void assign(float value, float& to) {
  to = value;
}
HWY_INLINE void assign(float value, BFloat16& to) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  to = static_cast<BFloat16>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

inline float wide(BFloat16 value) {
  const std::uint32_t bits = static_cast<std::uint32_t>(value) << 16;
  float result = 0;
  std::memcpy(&result, &bits, sizeof result);
  return result;
}

}  // namespace HWY_NAMESPACE
}  // namespace sda::kernels
HWY_AFTER_NAMESPACE();

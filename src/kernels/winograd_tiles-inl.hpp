// Winograd's minimal filtering along one axis (Winograd 1980; Lavin & Gray 2016, section 4), for each of the U-Net's
// convolutions and their adjoints, per instruction set (Highway). src/kernels/reference/winograd.hpp has the same
// transforms as matrices.
#pragma once

#include "kernels/unet.hpp"
#include "kernels/vectors-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sda::kernels {
namespace HWY_NAMESPACE {

// Tile i along an axis reads the inputs i · step + first …, and makes the outputs i · outputs …:
//   transform_input            v = Bᵀ d
//   transform_filter           w = G g, of the three taps g
//   transform_output           y = Aᵀ (v ⊙ w)
//   transform_gradient         A ∂y
//   transform_filter_adjoint   ∂g = Gᵀ ∂w

/// The axis that a flat image does not have.
struct NoAxis {
  static constexpr int inputs = 1, step = 1, first = 0, products = 1, outputs = 1, taps = 1;
  using Adjoint = NoAxis;
  static HWY_INLINE void transform_input(const V* d, V* v) { v[0] = d[0]; }
  static HWY_INLINE void transform_output(const V* m, V* y) { y[0] = m[0]; }
  static HWY_INLINE void transform_gradient(const V* y, V* m) { m[0] = y[0]; }
  static HWY_INLINE void transform_filter(const V* g, V* w) { w[0] = g[0]; }
  static HWY_INLINE void transform_filter_adjoint(const V* w, V* g) { g[0] = w[0]; }
};

/// dx of a convolution with stride 1: the taps reversed, hence the first and the last combination change places.
struct Stride1Adjoint {
  static constexpr int inputs = 4, step = 2, first = -1, products = 4, outputs = 2;
  static HWY_INLINE void transform_input(const V* d, V* v) {
    v[0] = hn::Sub(d[1], d[3]);
    v[1] = hn::Add(d[1], d[2]);
    v[2] = hn::Sub(d[2], d[1]);
    v[3] = hn::Sub(d[0], d[2]);
  }
  static HWY_INLINE void transform_output(const V* m, V* y) {
    y[0] = hn::Add(m[3], hn::Add(m[1], m[2]));
    y[1] = hn::Sub(hn::Sub(m[1], m[2]), m[0]);
  }
};

/// Stride 1: F(2, 3).
struct Stride1 {
  static constexpr int inputs = 4, step = 2, first = -1, products = 4, outputs = 2, taps = 3;
  using Adjoint = Stride1Adjoint;
  static HWY_INLINE void transform_input(const V* d, V* v) {
    v[0] = hn::Sub(d[0], d[2]);
    v[1] = hn::Add(d[1], d[2]);
    v[2] = hn::Sub(d[2], d[1]);
    v[3] = hn::Sub(d[1], d[3]);
  }
  static HWY_INLINE void transform_output(const V* m, V* y) {
    y[0] = hn::Add(m[0], hn::Add(m[1], m[2]));
    y[1] = hn::Sub(hn::Sub(m[1], m[2]), m[3]);
  }
  static HWY_INLINE void transform_gradient(const V* y, V* m) {
    m[0] = y[0];
    m[1] = hn::Add(y[0], y[1]);
    m[2] = hn::Sub(y[0], y[1]);
    m[3] = hn::Neg(y[1]);
  }
  static HWY_INLINE void transform_filter(const V* g, V* w) {
    const V half = hn::Set(D(), 0.5f), outer = hn::Mul(half, hn::Add(g[0], g[2])), middle = hn::Mul(half, g[1]);
    w[0] = g[0];
    w[1] = hn::Add(outer, middle);
    w[2] = hn::Sub(outer, middle);
    w[3] = g[2];
  }
  static HWY_INLINE void transform_filter_adjoint(const V* w, V* g) {
    const V half = hn::Set(D(), 0.5f), outer = hn::Mul(half, hn::Add(w[1], w[2]));
    g[0] = hn::Add(w[0], outer);
    g[1] = hn::Mul(half, hn::Sub(w[1], w[2]));
    g[2] = hn::Add(w[3], outer);
  }
};

/// dx of stride 2: x_2i was read by the middle tap alone, x_2i+1 by the last of one output and the first of the next.
struct DownsampleAdjoint {
  static constexpr int inputs = 2, step = 1, first = 0, products = 3, outputs = 2;
  static HWY_INLINE void transform_input(const V* d, V* v) {
    v[0] = d[1];
    v[1] = d[0];
    v[2] = d[0];
  }
  static HWY_INLINE void transform_output(const V* m, V* y) {
    y[0] = m[1];
    y[1] = hn::Add(m[0], m[2]);
  }
};

/// Stride 2: nothing to combine.
struct Downsample {
  static constexpr int inputs = 3, step = 2, first = -1, products = 3, outputs = 1, taps = 3;
  using Adjoint = DownsampleAdjoint;
  static HWY_INLINE void transform_input(const V* d, V* v) {
    v[0] = d[0];
    v[1] = d[1];
    v[2] = d[2];
  }
  static HWY_INLINE void transform_output(const V* m, V* y) { y[0] = hn::Add(m[0], hn::Add(m[1], m[2])); }
  static HWY_INLINE void transform_gradient(const V* y, V* m) { m[0] = m[1] = m[2] = y[0]; }
  static HWY_INLINE void transform_filter(const V* g, V* w) { std::copy_n(g, 3, w); }
  static HWY_INLINE void transform_filter_adjoint(const V* w, V* g) { std::copy_n(w, 3, g); }
};

/// dx of doubling and stride 1.
struct UpsampleAdjoint {
  static constexpr int inputs = 4, step = 2, first = -1, products = 3, outputs = 1;
  static HWY_INLINE void transform_input(const V* d, V* v) {
    v[0] = hn::Sub(d[3], d[1]);
    v[1] = hn::Add(d[1], d[2]);
    v[2] = hn::Sub(d[0], d[2]);
  }
  static HWY_INLINE void transform_output(const V* m, V* y) { y[0] = hn::Add(m[0], hn::Add(m[1], m[2])); }
};

/// Every value doubled, then stride 1: F(2, 3) of x_i−1, x_i, x_i, x_i+1, one of whose combinations is zero.
struct Upsample {
  static constexpr int inputs = 3, step = 1, first = -1, products = 3, outputs = 2, taps = 3;
  using Adjoint = UpsampleAdjoint;
  static HWY_INLINE void transform_input(const V* d, V* v) {
    v[0] = hn::Sub(d[0], d[1]);
    v[1] = d[1];
    v[2] = hn::Sub(d[1], d[2]);
  }
  static HWY_INLINE void transform_output(const V* m, V* y) {
    y[0] = hn::Add(m[0], m[1]);
    y[1] = hn::Sub(m[1], m[2]);
  }
  static HWY_INLINE void transform_gradient(const V* y, V* m) {
    m[0] = y[0];
    m[1] = hn::Add(y[0], y[1]);
    m[2] = hn::Neg(y[1]);
  }
  static HWY_INLINE void transform_filter(const V* g, V* w) {
    w[0] = g[0];
    w[1] = hn::Add(g[0], hn::Add(g[1], g[2]));
    w[2] = g[2];
  }
  static HWY_INLINE void transform_filter_adjoint(const V* w, V* g) {
    g[0] = hn::Add(w[0], w[1]);
    g[1] = w[1];
    g[2] = hn::Add(w[2], w[1]);
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace sda::kernels
HWY_AFTER_NAMESPACE();

/// Linear algebra of small symmetric systems, a batch at once: Krylov spaces (Arnoldi 1951) and the order of matrices.
#pragma once

#include <functional>

#include "sda/core/tensor.hpp"

namespace sda::guidance {

/// Orthonormal rows Q (batch, n, size), and T = Q B Qᵀ (batch, n, n), which is symmetric as B is; float64.
struct KrylovBasis {
  Tensor q, t;
};
/// Of the span of v, B v, B² v, …, n vectors for each `first` v (batch, size); `apply` is u ↦ B u of such rows. Where
/// the span has fewer dimensions, the rows beyond are 0.
/// `total` makes sums over the elements of v that are here sums over all, where ranks share them.
using Map = std::function<Tensor(const Tensor&)>;
KrylovBasis arnoldi(const Tensor& first, std::int64_t n, const Map& apply, const Map& total = std::identity());

/// Symmetric parts of matrices (…, n, n) without their negative eigenvalues.
Tensor positive_part(const Tensor& matrices);

/// A + (B − A)₊: symmetric, no less than A nor than B.
Tensor no_less_than(const Tensor& a, const Tensor& b);

}  // namespace sda::guidance

/// Arnoldi's method with its vectors orthogonalised twice, and positive parts by eigenvalues.
#include "guidance/krylov.hpp"

#include <vector>

#include "core/torch.hpp"

namespace sda::guidance {

namespace {

/// aᵀ b for each row.
Tensor product(const Tensor& a, const Tensor& b, const Map& total) {
  return total((a * b).sum(1, /*keepdim=*/true));
}

Tensor norm_of_rows(const Tensor& values, const Map& total) {
  return total(values.square().sum(1, /*keepdim=*/true)).sqrt();
}

/// v / ‖v‖ for each row, 0 where v is 0.
Tensor normalised(const Tensor& v, const Map& total) {
  return v / norm_of_rows(v, total).clamp_min(1e-30);
}

/// v less its part in the span of `basis`; twice, for what rounding leaves the first time. 0 where all of v but
/// rounding lies in the span: the space is whole, and what is left has no direction.
Tensor orthogonalised(const Tensor& v, const std::vector<Tensor>& basis, const Map& total) {
  const double rounding = v.scalar_type() == at::kDouble ? 1e-14 : 1e-6;
  Tensor rest = v;
  for (int pass = 0; pass < 2; ++pass)
    for (const Tensor& q : basis) rest = rest - product(q, rest, total) * q;
  return rest * (norm_of_rows(rest, total) > rounding * norm_of_rows(v, total));
}

Tensor as_rows(const std::vector<Tensor>& vectors) {
  return at::stack(vectors, 1).to(at::kDouble);
}

}  // namespace

KrylovBasis arnoldi(const Tensor& first, std::int64_t n, const Map& apply, const Map& total) {
  std::vector<Tensor> basis, images;
  for (Tensor next = first; std::ssize(basis) < n; next = images.back()) {
    basis.push_back(normalised(orthogonalised(next, basis, total), total));
    images.push_back(apply(basis.back()));
  }
  const Tensor q = as_rows(basis);
  return {.q = q, .t = total(at::matmul(q, as_rows(images).mT()))};
}

Tensor positive_part(const Tensor& matrices) {
  const auto [values, vectors] = at::linalg_eigh((matrices + matrices.mT()) / 2);
  return at::matmul(vectors * values.clamp_min(0).unsqueeze(-2), vectors.mT());
}

Tensor no_less_than(const Tensor& a, const Tensor& b) {
  return a + positive_part(b - a);
}

}  // namespace sda::guidance

/// Krylov spaces and the order of matrices, on small matrices.
#include "guidance/krylov.hpp"

#include <gtest/gtest.h>

#include "core/torch.hpp"
#include "sda/core/random.hpp"
#include "tolerance.hpp"

namespace sda::guidance {
namespace {

Tensor drawn(at::IntArrayRef shape, std::uint64_t which) {
  return normal(shape, {.seed = which, .purpose = Purpose::test}, at::kDouble);
}

Tensor symmetric(std::int64_t n, std::uint64_t which) {
  const Tensor a = drawn({n, n}, which);
  return a + a.mT();
}

double largest(const Tensor& values) {
  return values.abs().max().item<double>();
}

TEST(Arnoldi, OfAllDimensionsIsTheMatrixInAnotherBasis) {
  const Tensor b = symmetric(4, 1), first = drawn({3, 4}, 2);
  const auto [q, t] = arnoldi(first, 4, [&](const Tensor& u) { return u.matmul(b); });
  EXPECT_LT(largest(q.matmul(q.mT()) - at::eye(4, at::kDouble)), tolerance::exact_float64);
  EXPECT_LT(largest(t - q.matmul(b).matmul(q.mT())), tolerance::exact_float64);
  EXPECT_LT(largest(q.mT().matmul(t).matmul(q) - b), tolerance::exact_float64);
}

TEST(Arnoldi, OfASymmetricMatrixIsTridiagonal) {
  const Tensor b = symmetric(6, 3);
  const auto [q, t] = arnoldi(drawn({2, 6}, 4), 4, [&](const Tensor& u) { return u.matmul(b); });
  EXPECT_EQ(q.sizes(), (at::IntArrayRef{2, 4, 6}));
  EXPECT_LT(largest(t - t.mT()), tolerance::exact_float64);
  EXPECT_LT(largest(t.triu(2)), tolerance::exact_float64);
  EXPECT_GT(largest(t.diagonal(1, 1, 2)), 0.1);
}

/// Of a vector in a plane that the matrix keeps there are two dimensions.
TEST(Arnoldi, HasRowsOfZerosBeyondTheSpace) {
  const Tensor b = at::diag(at::tensor({1.0, 2.0, 5.0, 7.0}, at::kDouble));
  const Tensor first = at::tensor({1.0, 1.0, 0.0, 0.0}, at::kDouble).view({1, 4});
  const auto [q, t] = arnoldi(first, 4, [&](const Tensor& u) { return u.matmul(b); });
  EXPECT_LT(largest(q.narrow(1, 0, 2).square().sum(2) - 1), tolerance::exact_float64);
  EXPECT_EQ(largest(q.narrow(1, 2, 2)), 0);
  EXPECT_EQ(largest(t.narrow(1, 2, 2)), 0);
}

TEST(PositivePart, KeepsPositiveEigenvaluesAlone) {
  // Eigenvectors (1, 1) and (1, −1), eigenvalues 3 and −1: 3/2 in each place is left.
  const Tensor matrix = at::tensor({1.0, 2.0, 2.0, 1.0}, at::kDouble).view({2, 2});
  EXPECT_LT(largest(positive_part(matrix) - 1.5), 1e-14);
  // What is not symmetric is made so first.
  const Tensor skewed = at::tensor({1.0, 4.0, 0.0, 1.0}, at::kDouble).view({2, 2});
  EXPECT_LT(largest(positive_part(skewed) - 1.5), 1e-14);
}

TEST(NoLessThan, IsNoLessThanEither) {
  const Tensor a = at::diag(at::tensor({1.0, 5.0}, at::kDouble)), b = at::diag(at::tensor({2.0, 3.0}, at::kDouble));
  EXPECT_LT(largest(no_less_than(a, b) - at::diag(at::tensor({2.0, 5.0}, at::kDouble))), 1e-14);
  const Tensor c = symmetric(5, 5), e = symmetric(5, 6), both = no_less_than(c, e);
  EXPECT_GT(at::linalg_eigvalsh(both - c).min().item<double>(), -1e-12);
  EXPECT_GT(at::linalg_eigvalsh(both - e).min().item<double>(), -1e-12);
}

}  // namespace
}  // namespace sda::guidance

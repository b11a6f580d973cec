// Links of observation operators against the figures of the public reference (tests/golden/data/dynamics.h5).
#include "golden.hpp"
#include "sda/observation/operator.hpp"
#include "tolerance.hpp"

namespace {

using sda::Tensor;
using sda::test::golden;
using sda::test::golden_error;

Tensor read(const sda::OperatorLink& link, const std::vector<std::string>& space_names) {
  const Tensor velocity = golden("dynamics.h5", "velocity");
  const sda::Shape event = velocity.sizes().slice(1).vec();
  const sda::StateLayout layout{.event = event, .variables = {{"u", ""}, {"v", ""}}, .space_names = space_names};
  return sda::make_operator({link}, layout, sda::Normalisation::identity(event))->read(velocity);
}

TEST(Observation, BlockAverages) {
  EXPECT_LT(golden_error(read({"coarsen", {4}}, {"y", "x"}), golden("dynamics.h5", "coarsen4")),
            sda::tolerance::golden_float64);
}

// The reference keeps a velocity (u, v) on (x, y), with a distance of 1 between neighbours, and takes ∂u/∂y − ∂v/∂x.
TEST(Observation, Vorticity) {
  const Tensor vorticity = read({"vorticity", {}}, {"x", "y"}).squeeze(1);
  EXPECT_LT(golden_error(-vorticity, golden("dynamics.h5", "vorticity")), sda::tolerance::golden_float64);
}

}  // namespace

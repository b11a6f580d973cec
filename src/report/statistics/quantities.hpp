/// What is shown of states on a plane: the vorticity of a velocity, and single variables.
#pragma once

#include <string>
#include <vector>

#include "sda/core/layout.hpp"

namespace sda::report {

/// Space axes of the layout that are drawn upwards and to the right.
struct DrawnAxes {
  std::size_t up, right;
};
DrawnAxes drawn_axes(const StateLayout& layout);

/// A quantity that is drawn: the vorticity of a velocity, or one variable.
struct Shown {
  bool is_vorticity = false;
  std::int64_t variable = 0;
};

std::vector<Shown> quantities_of(const StateLayout& layout);

/// Fields as they are drawn, x to the right and coordinates ascending: (…, y, x).
Tensor upright(const StateLayout& layout, const Tensor& fields);
/// The quantity looked at: (…, event) → (…, y, x), NaN where states have no values.
Tensor looked_at(const StateLayout& layout, const Tensor& states, const Shown& shown);
/// Upright fields with rows and columns of unequal steps drawn where they lie: at equal steps from the first to the
/// last the nearest of them. Fields of another size than the layout's are left as they are.
Tensor at_equal_steps(const StateLayout& layout, const Tensor& fields);
/// ∂v/∂x − ∂u/∂y of an upright velocity (…, 2, y, x) by differences of neighbours, NaN where one of these is.
Tensor local_vorticity(const StateLayout& layout, const Tensor& velocity);

const Variable& variable_of(const StateLayout& layout, const Shown& shown);
/// "vorticity (dimensionless)".
std::string quantity_label(const StateLayout& layout, const Shown& shown);

}  // namespace sda::report

/// The link of vorticity, ω = ∂v/∂x − ∂u/∂y.
#include <algorithm>

#include "core/differences.hpp"
#include "observation/operators/kinds.hpp"
#include "sda/core/error.hpp"

namespace sda::observation {
namespace {

/// ω = ∂v/∂x − ∂u/∂y of a velocity (u, v), D_x v − D_y u by AxisDerivative, per unit of the coordinates. The VJP of w
/// is (−D_yᵀ w, D_xᵀ w).
class Vorticity final : public StateLink {
 public:
  explicit Vorticity(const Field& field)
      : StateLink(field, rotation_of(field)),
        x_(field.axes.front().is_x() ? -2 : -1),
        y_(-3 - x_),
        along_x_(axis_at(field, x_)),
        along_y_(axis_at(field, y_)) {}
  Tensor read(const Tensor& x) const override {
    return along_x_(x.select(-3, 1), x_).sub_(along_y_(x.select(-3, 0), y_)).unsqueeze(-3);
  }
  Tensor vjp(const Tensor&, const Tensor& v) const override {
    const auto w = v.squeeze(-3);
    return at::stack({along_y_.transposed(w, y_).neg_(), along_x_.transposed(w, x_)}, -3);
  }
  bool is_affine() const override { return true; }
  std::string describe() const override { return "vorticity"; }

 private:
  static const Axis& axis_at(const Field& field, std::int64_t dim) {
    return field.axes[static_cast<std::size_t>(dim + 2)];
  }
  static Field rotation_of(const Field& field) {
    const bool is_velocity = field.has_components && field.sizes.size() == 3 && field.components() == 2;
    const bool is_whole = field.is_grid() && std::all_of(field.axes.begin(), field.axes.end(), [](const Axis& axis) {
                            return axis.is_whole() && axis.is_ordered() && axis.size() > 2;
                          });
    if (!is_velocity || !is_whole) {
      throw ShapeError({.what = "vorticity needs a velocity field on a whole grid",
                        .where = "operator link vorticity",
                        .found = is_velocity ? "a grid that a link before has cut, or one too small"
                                             : "a field " + to_string(field.sizes),
                        .expected = "2 × y × x, at least 3 points along each",
                        .hint = is_velocity ? "" : "choose its two components before, {select = [0, 1]}"});
    }
    Field observation = field;
    observation.sizes.front() = 1;
    observation.names.clear();
    return observation;
  }
  std::int64_t x_, y_;  ///< dimensions of a field: x is the axis that is named so or holds longitudes, else the last
  AxisDerivative along_x_, along_y_;
};

}  // namespace

std::vector<LinkKind> vorticity_links() {
  return {{.name = "vorticity",
           .help = "true: dv/dx - du/dy of a velocity (u, v), per unit of the coordinates",
           .make = of_field<Vorticity>,
           .example = {{{"vorticity", {}}}, {2, 4, 6}}}};
}

}  // namespace sda::observation

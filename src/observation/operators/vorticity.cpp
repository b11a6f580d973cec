/// The link of vorticity, ω = ∂v/∂x − ∂u/∂y.
#include "core/differences.hpp"
#include "observation/operators/kinds.hpp"
#include "sda/core/error.hpp"

namespace sda::observation {
namespace {

/// ω = ∂v/∂x − ∂u/∂y of a velocity (u, v) on a periodic grid, by central differences. They are
/// antisymmetric, Dᵀ = −D, so that the VJP of w is (∂w/∂y, −∂w/∂x).
class Vorticity final : public StateLink {
 public:
  explicit Vorticity(const Field& field)
      : StateLink(field, rotation_of(field)), along_x_(field.axes.front().name == "x" ? 0 : 1) {}
  Tensor read(const Tensor& x) const override {
    const auto w = difference(x.select(-3, 1), along_x_);
    return w.sub_(difference(x.select(-3, 0), 1 - along_x_)).unsqueeze(-3);
  }
  Tensor vjp(const Tensor&, const Tensor& v) const override {
    const auto w = v.squeeze(-3);
    return at::stack({difference(w, 1 - along_x_), difference(w, along_x_).neg_()}, -3);
  }
  bool is_affine() const override { return true; }
  std::string describe() const override { return "vorticity"; }

 private:
  Tensor difference(const Tensor& x, std::int64_t axis) const {
    const double h = field().axes[static_cast<std::size_t>(axis)].spacing;
    return central_difference(x, axis - 2, h);
  }
  static Field rotation_of(const Field& field) {
    const auto space = field.space();
    const bool is_velocity = field.has_components && field.sizes.size() == 3 && field.components() == 2;
    bool is_periodic = field.is_grid();
    for (std::size_t a = 0; a < field.axes.size(); ++a)
      is_periodic = is_periodic && field.axes[a].whole && space[a] > 2;
    if (!is_velocity || !is_periodic) {
      throw ShapeError({.what = "vorticity needs a velocity field on a whole periodic grid",
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
  std::int64_t along_x_;  ///< the axis of space named x; the last where none is
};

}  // namespace

std::vector<LinkKind> vorticity_links() {
  return {{.name = "vorticity",
           .help = "true: dv/dx - du/dy of a velocity (u, v) on a periodic grid",
           .make = of_field<Vorticity>,
           .example = {{{"vorticity", {}}}, {2, 4, 6}}}};
}

}  // namespace sda::observation

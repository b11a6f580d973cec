/// The links an operator is made of. Each formula and its pull-back stand once, here.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/torch.hpp"
#include "sda/core/layout.hpp"
#include "sda/observation/operator.hpp"

namespace sda::observation {

/// Chooses among the states that the links before it left.
class TimeLink {
 public:
  virtual ~TimeLink() = default;
  /// The states kept of `states`, ascending. Throws ShapeError if one it names is not there.
  virtual std::vector<std::int64_t> choose(const std::vector<std::int64_t>& states) const = 0;
  virtual std::string describe() const = 0;
};

/// Changes what is read of each state: (n, …event) → (n, …reading).
class StateLink {
 public:
  virtual ~StateLink() = default;
  virtual Tensor read(const Tensor& x) const = 0;
  /// vᵀ ∂read/∂x.
  virtual Tensor pull_back(const Tensor& x, const Tensor& v) const = 0;
  /// Shape of a reading. Throws ShapeError.
  virtual Shape reading_shape(at::IntArrayRef event) const = 0;
  virtual bool is_affine() const = 0;
  virtual bool is_linear() const { return is_affine(); }
  virtual std::string describe() const = 0;
};

/// What value a link takes in TOML.
enum class Arguments { none, one, list };

struct LinkKind {
  std::string name, help;
  Arguments arguments = Arguments::none;
  bool whole = true;  ///< numbers are integers
  double least = -std::numeric_limits<double>::infinity();
};

const std::vector<LinkKind>& link_kinds();
/// Throws UsageError naming the nearest kind.
const LinkKind& find_kind(const std::string& name, const std::string& where);
/// Throws UsageError if the link's kind is unknown or its numbers are not what the kind takes.
void check_link(const OperatorLink& link, const std::string& where);

/// The link of time of that kind, or null if the kind is one of state. `link` has been checked.
std::unique_ptr<TimeLink> make_time_link(const OperatorLink& link);
/// The link of state of that kind. `link` has been checked and is not one of time.
std::unique_ptr<StateLink> make_state_link(const OperatorLink& link, const Normalisation& normalisation);

}  // namespace sda::observation

/// Operators and noise as Python callables. A chain names them as `{python = [id]}`, and sda.functions keeps which
/// function that is, as long as somebody holds it.
#include <torch/csrc/autograd/custom_function.h>

#include "binding.hpp"
#include "sda/observation/noise.hpp"
#include "sda/observation/operator.hpp"

namespace sda::python {
namespace {

/// An object of Python's that any thread may let go.
class Holder {
 public:
  explicit Holder(py::object object) : object_(std::make_unique<py::object>(std::move(object))) {}
  ~Holder() {
    if (Py_IsInitialized() == 0) {
      static_cast<void>(object_.release());
      return;
    }
    const py::gil_scoped_acquire gil;
    object_.reset();
  }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;
  /// object.method(arguments…), tensors as arrays; the result as a tensor.
  template <class... Arguments>
  Tensor call(const char* method, const Arguments&... arguments) const {
    const py::gil_scoped_acquire gil;
    const py::object result = object_->attr(method)(as_python(arguments)...);
    return tensor_of(result.cast<py::array>(), method);
  }
  std::string text(const char* attribute) const {
    const py::gil_scoped_acquire gil;
    return py::str(object_->attr(attribute));
  }

 private:
  static py::object as_python(const Tensor& tensor) { return array_of(tensor); }
  static py::object as_python(const StreamKey& key) {
    return py::make_tuple(key.seed, static_cast<std::uint32_t>(key.purpose), key.first_member, key.step);
  }
  std::unique_ptr<py::object> object_;
};

py::object function_of(const std::vector<double>& numbers) {
  if (numbers.size() != 1) {
    throw UsageError({.what = "a function of Python is named by its number", .where = "python"});
  }
  return py::module_::import("sda.functions").attr("lookup")(static_cast<std::int64_t>(numbers.front()));
}

Tensor like(const Tensor& found, const Tensor& expected, const std::string& what) {
  if (found.sizes() != expected.sizes()) {
    throw ShapeError({.what = what + " of a function of Python has another shape",
                      .where = "observation operator",
                      .found = to_string(found.sizes()),
                      .expected = to_string(expected.sizes())});
  }
  return found.to(expected.scalar_type());
}

/// y = A(x), Hᵀ v and H d by Python, for autograd: Hᵀ v is linear in v, and its derivative by v is H d.
struct Adjoint : torch::autograd::Function<Adjoint> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& x, const Tensor& v,
                        std::int64_t holder) {
    context->save_for_backward({x});
    context->saved_data["holder"] = holder;
    return like(reinterpret_cast<const Holder*>(holder)->call("vjp", x, v), x, "the VJP");
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list d) {
    const auto* holder = reinterpret_cast<const Holder*>(context->saved_data["holder"].toInt());
    const Tensor x = context->get_saved_variables().front();
    return {Tensor(), holder->call("jvp", x, d.front().contiguous()).to(x.scalar_type()), Tensor()};
  }
};
struct Reading : torch::autograd::Function<Reading> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& x, std::int64_t holder) {
    context->save_for_backward({x});
    context->saved_data["holder"] = holder;
    return reinterpret_cast<const Holder*>(holder)->call("read", x).to(x.scalar_type());
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list v) {
    const Tensor x = context->get_saved_variables().front();
    return {Adjoint::apply(x, v.front().contiguous(), context->saved_data["holder"].toInt()), Tensor()};
  }
};

/// The graphs that hold its address live no longer than the call of the operator that owns it.
class PythonOperator final : public StateFunction {
 public:
  explicit PythonOperator(py::object function) : holder_(std::move(function)) {}
  Tensor read(const Tensor& states) const override {
    return Reading::apply(states.contiguous(), reinterpret_cast<std::int64_t>(&holder_));
  }
  Tensor vjp(const Tensor& states, const Tensor& v) const override {
    return like(holder_.call("vjp", states.contiguous(), v.contiguous()), states, "the VJP");
  }

 private:
  Holder holder_;
};

class PythonNoise final : public NoiseModel {
 public:
  explicit PythonNoise(py::object function) : holder_(std::move(function)) {}
  Tensor log_density(const Tensor& y, const Tensor& a, const Tensor& sigma) const override {
    const Tensor found = holder_.call("log_density", y, a, sigma).to(at::kDouble);
    return like(found, y.add(a).add(sigma), "log_density");
  }
  Tensor draw(const Tensor& a, const Tensor& sigma, const StreamKey& key) const override {
    return like(holder_.call("draw", a, sigma, key).to(at::kDouble), a, "draw");
  }
  std::string describe() const override { return holder_.text("description"); }

 private:
  Holder holder_;
};

}  // namespace

void bind_functions(py::module_&) {
  register_link("python", "a function of Python, by its number in this process",
                [](const std::vector<double>& numbers, at::IntArrayRef) {
                  const py::gil_scoped_acquire gil;
                  return std::make_shared<const PythonOperator>(function_of(numbers));
                });
  register_noise("python", [](const std::vector<double>& parameters) {
    const py::gil_scoped_acquire gil;
    return std::make_shared<const PythonNoise>(function_of(parameters));
  });
}

}  // namespace sda::python

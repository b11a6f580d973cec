/// The library's errors as Python's, all parts kept.
#include "binding.hpp"

namespace sda::python {
namespace {

/// The class of that name in sda.errors, raised with the parts of the fault.
void raise(const char* name, const Fault& fault) {
  const py::object type = py::module_::import("sda.errors").attr(name);
  const py::object error = type(fault.what, fault.where, fault.found, fault.expected, fault.hint);
  PyErr_SetObject(type.ptr(), error.ptr());
}

void translate(std::exception_ptr thrown) {
  try {
    if (thrown) std::rethrow_exception(thrown);
  } catch (const Interrupted& error) {
    raise("Interrupted", error.fault());
  } catch (const UsageError& error) {
    raise("UsageError", error.fault());
  } catch (const ValueError& error) {
    raise("ValueError", error.fault());
  } catch (const ShapeError& error) {
    raise("ShapeError", error.fault());
  } catch (const FileError& error) {
    raise("FileError", error.fault());
  } catch (const NumericalError& error) {
    raise("NumericalError", error.fault());
  } catch (const UnsupportedError& error) {
    raise("UnsupportedError", error.fault());
  } catch (const Error& error) {
    raise("Error", error.fault());
  } catch (const c10::Error& error) {  // libtorch's: a stack trace lies below its first line
    const std::string message = error.what_without_backtrace();
    PyErr_SetString(PyExc_RuntimeError, message.substr(0, message.find('\n')).c_str());
  }
}

}  // namespace

void bind_errors(py::module_&) {
  py::register_exception_translator(translate);
}

}  // namespace sda::python

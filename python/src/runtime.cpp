/// Threads, signals, progress.
#include "sda/core/runtime.hpp"

#include <csignal>

#include "binding.hpp"

namespace sda::python {
namespace {

struct sigaction handler_of_python {};

extern "C" void request_stop(int signal) {
  StopToken::request(signal);
}

/// Whether Ctrl-C raises KeyboardInterrupt in this thread, as it does unless somebody has said otherwise.
bool takes_interrupts() {
  const py::object threading = py::module_::import("threading"), signal = py::module_::import("signal");
  return threading.attr("current_thread")().is(threading.attr("main_thread")()) &&
         signal.attr("getsignal")(signal.attr("SIGINT")).is(signal.attr("default_int_handler"));
}

}  // namespace

LongCall::LongCall() : handles_(takes_interrupts()) {
  if (handles_) {
    StopToken::request(0);
    struct sigaction action {};
    action.sa_handler = request_stop;
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_RESTART;
    sigaction(SIGINT, &action, &handler_of_python);
  }
  released_.emplace();
}

LongCall::~LongCall() {
  released_.reset();
  if (!handles_) return;
  sigaction(SIGINT, &handler_of_python, nullptr);
  // Asked to stop after the last look, or the work failed otherwise: Python hears of it now.
  if (StopToken::signal() != 0 && std::uncaught_exceptions() == 0) PyErr_SetInterrupt();
  StopToken::request(0);
}

ProgressCallback progress_of(const py::object& callback, bool stops) {
  if (callback.is_none() && !stops) return {};
  auto last = std::make_shared<Stopwatch>();
  auto told = std::make_shared<double>(-1);
  return [callback, stops, last, told](std::int64_t done, std::int64_t total, const std::string& note) {
    if (stops) StopToken::throw_if_stopped("nothing was kept");
    const double now = last->seconds();
    if (callback.is_none() || (done < total && *told >= 0 && now - *told < 0.1)) return;
    *told = now;
    const py::gil_scoped_acquire gil;
    callback(done, total, note);
  };
}

void bind_runtime(py::module_& module) {
  module.def("version", &version);
  module.def(
      "configure", [](int threads) { configure_runtime(choose_threads(threads)); }, py::arg("threads"));
  module.def("configure_threads", [](int threads) { configure_threads(choose_threads(threads)); });
}

}  // namespace sda::python

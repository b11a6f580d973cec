/// The errors this library throws. Each is one line that says what was wrong and where, the value found, the
/// value expected, and a hint.
#pragma once

#include <stdexcept>
#include <string>

namespace sda {

/// The parts of a message; empty parts are left out.
struct Fault {
  std::string what{};      ///< what was wrong: "observation noise σ is negative"
  std::string where{};     ///< file, key, flag or argument: "lo.toml: observation.sigma"
  std::string found{};     ///< the value found: "-0.05"
  std::string expected{};  ///< the value expected: "a number > 0"
  std::string hint{};      ///< a hint: "give the standard deviation, not its negative"
};

/// "where: what: found …, expected …; hint".
std::string to_string(const Fault& fault);

/// Base of every error of ours; `exit_code` is what the program returns for it.
class Error : public std::runtime_error {
 public:
  explicit Error(const Fault& fault, int exit_code = 1);
  int exit_code() const noexcept { return exit_code_; }
  const Fault& fault() const noexcept { return fault_; }

 private:
  Fault fault_;
  int exit_code_;
};

/// A flag, an argument or a configuration key the user typed is wrong (exit code 2).
struct UsageError : Error {
  explicit UsageError(const Fault& fault) : Error(fault, 2) {}
};
/// A value is outside its range.
struct ValueError : Error {
  explicit ValueError(const Fault& fault) : Error(fault) {}
};
/// Sizes of two things that must agree do not.
struct ShapeError : Error {
  explicit ShapeError(const Fault& fault) : Error(fault) {}
};
/// A file is missing, unreadable, damaged, of the wrong kind, or cannot be written.
struct FileError : Error {
  explicit FileError(const Fault& fault) : Error(fault) {}
};
/// NaN or infinity came out of a computation whose inputs were finite.
struct NumericalError : Error {
  explicit NumericalError(const Fault& fault) : Error(fault) {}
};
/// What was asked for does not exist for this object (a likelihood of a noiseless system, say).
struct UnsupportedError : Error {
  explicit UnsupportedError(const Fault& fault) : Error(fault) {}
};
/// Processes that share the work cannot reach each other.
struct MpiError : Error {
  explicit MpiError(const Fault& fault) : Error(fault) {}
};
/// A signal or the time limit asked the work to stop; what could be saved was saved. Exit code 128 + signal, or of the
/// time limit 75, which sysexits.h calls a failure that is gone when the same is tried again.
struct Interrupted : Error {
  Interrupted(const Fault& fault, int signal) : Error(fault, 128 + signal) {}
  static Interrupted by_time_limit(const std::string& saved) { return Interrupted(saved); }
  /// The same stop, with what was saved.
  Interrupted(const Interrupted& stop, const std::string& saved)
      : Error({.what = stop.fault().what, .hint = saved}, stop.exit_code()) {}

 private:
  explicit Interrupted(const std::string& saved) : Error({.what = "stopped by the time limit", .hint = saved}, 75) {}
};

}  // namespace sda

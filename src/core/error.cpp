#include "sda/core/error.hpp"

namespace sda {

std::string to_string(const Fault& fault) {
  std::string line = fault.where.empty() ? fault.what : fault.where + ": " + fault.what;
  if (!fault.found.empty()) line += ": found " + fault.found;
  if (!fault.expected.empty()) line += (fault.found.empty() ? ": expected " : ", expected ") + fault.expected;
  if (!fault.hint.empty()) line += "; " + fault.hint;
  return line;
}

Error::Error(const Fault& fault, int exit_code)
    : std::runtime_error(to_string(fault)), fault_(fault), exit_code_(exit_code) {}

}  // namespace sda

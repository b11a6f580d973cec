/// The processors this one can stand for: every instruction set below its own, with every kind of product that it runs
/// or emulates. AMX's tiles are emulated on each of them.
#pragma once

#include <hwy/targets.h>

#include <cctype>
#include <ostream>
#include <string>
#include <vector>

#include "kernels/arithmetic.hpp"

namespace sda::test {

struct Machine {
  std::int64_t target;
  kernels::Arithmetic arithmetic;
};

inline std::string name_of(const Machine& machine) {
  std::string name = std::string(hwy::TargetName(machine.target)) + "_" + kernels::name(machine.arithmetic);
  std::erase_if(name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '_'; });
  return name;
}
inline void PrintTo(const Machine& machine, std::ostream* out) {
  *out << name_of(machine);
}

inline std::vector<Machine> machines() {
  std::vector<Machine> all;
  for (std::int64_t left = kernels::instruction_sets(); left != 0; left &= left - 1) {
    hwy::SetSupportedTargetsForTest(left & -left);
    for (const auto arithmetic : kernels::available_arithmetics()) {
      all.push_back({left & -left, arithmetic});
    }
  }
  hwy::SetSupportedTargetsForTest(0);
  return all;
}

/// Kernels run as on this machine, and multiply bfloat16 its way, for as long as this lives.
class OnMachine {
 public:
  explicit OnMachine(const Machine& machine) {
    hwy::SetSupportedTargetsForTest(machine.target);
    kernels::set_bfloat16_for_test(machine.arithmetic);
  }
  ~OnMachine() {
    hwy::SetSupportedTargetsForTest(0);
    kernels::set_bfloat16_for_test({});
  }
  OnMachine(const OnMachine&) = delete;
  OnMachine& operator=(const OnMachine&) = delete;
};

}  // namespace sda::test

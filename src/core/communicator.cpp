/// What a process does that shares its work with nobody.
#include "sda/core/communicator.hpp"

#include "core/torch.hpp"

namespace sda {

void Communicator::exchange(const Tensor& /*to_before*/, const Tensor& /*to_after*/, Tensor& /*from_before*/,
                            Tensor& /*from_after*/) const {}

const Communicator& alone() {
  static const Communicator one;
  return one;
}

bool any_of(const Communicator& ranks, bool flag) {
  return ranks.sum(at::tensor({std::int64_t{flag}}, at::kLong)).item<std::int64_t>() > 0;
}

Share share_of(std::int64_t total, std::int64_t parts, std::int64_t index) {
  const std::int64_t first = total * index / parts;
  return {.first = first, .count = total * (index + 1) / parts - first};
}

}  // namespace sda

/// libFuzzer's entry. SDA_FUZZ_TARGET names one of the targets.
#include "targets.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sda::fuzz::SDA_FUZZ_TARGET(data, size);
  return 0;
}

/// libFuzzer's entry. SDA_FUZZ_TARGET names one of the targets.
#include "targets.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sda::fuzz::SDA_FUZZ_TARGET(data, size);
  return 0;
}

// What NetCDF 4.9.0 leaks of an attribute that it refuses (nc4_put_att) is not ours.
extern "C" const char* __lsan_default_suppressions() {  // NOLINT(bugprone-reserved-identifier): LeakSanitizer's name
  return "leak:libnetcdf";
}

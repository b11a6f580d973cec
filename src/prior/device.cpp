/// Names of devices.
#include "sda/prior/device.hpp"

#include <fmt/format.h>

#include <charconv>

#include "core/torch.hpp"
#include "sda/core/error.hpp"

namespace sda {

namespace {

/// The index of "cuda:index"; of "cuda" 0, of other names −1.
int gpu_of(const std::string& name) {
  const std::string cuda = "cuda";
  if (name == cuda) return 0;
  if (name.rfind(cuda + ":", 0) != 0) return -1;
  int index = -1;
  const char *begin = name.data() + cuda.size() + 1, *end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(begin, end, index);
  return error == std::errc() && stop == end ? index : -1;
}

}  // namespace

at::Device parse_device(const std::string& name, const std::string& where) {
  if (name == "cpu") return at::kCPU;
  const int gpu = gpu_of(name);
  if (gpu < 0)
    throw UsageError({.what = "unknown device", .where = where, .found = name, .expected = "cpu, cuda or cuda:N"});
  const auto gpus = at::hasCUDA() ? static_cast<int>(at::getNumGPUs()) : 0;
  if (gpus == 0)
    throw UsageError({.what = "there is no CUDA device",
                      .where = where,
                      .found = name,
                      .expected = "cpu",
                      .hint = "build with a CUDA libtorch (CMAKE_PREFIX_PATH) on a machine with an NVIDIA GPU"});
  if (gpu >= gpus)
    throw UsageError({.what = "there is no such GPU",
                      .where = where,
                      .found = name,
                      .expected = fmt::format("cuda:0 to cuda:{}", gpus - 1)});
  return {at::kCUDA, static_cast<at::DeviceIndex>(gpu)};
}

}  // namespace sda

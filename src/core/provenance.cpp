/// Where an artefact came from: version and time, reproducible where SOURCE_DATE_EPOCH fixes the time
/// (https://reproducible-builds.org/specs/source-date-epoch).
#include "sda/core/provenance.hpp"

#include <fmt/chrono.h>

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <sstream>

namespace sda {
namespace {

/// SOURCE_DATE_EPOCH, or the present time where it is not a number of seconds.
std::time_t creation_time() {
  if (const char* epoch = std::getenv("SOURCE_DATE_EPOCH")) {
    std::int64_t seconds = 0;
    const char* end = epoch + std::strlen(epoch);
    const auto [rest, fault] = std::from_chars(epoch, end, seconds);
    constexpr std::int64_t last_second_of_9999 = 253402300799;
    if (fault == std::errc() && rest == end && seconds >= 0 && seconds <= last_second_of_9999) return seconds;
  }
  return std::time(nullptr);
}

}  // namespace

std::string version() {
  return SDA_VERSION;
}

Provenance make_provenance(std::string command, std::string config, std::uint64_t seed) {
  return {.command = std::move(command),
          .config = std::move(config),
          .seed = seed,
          .version = version(),
          .created = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(creation_time()))};
}

std::pair<std::string, std::string> first_difference(const std::string& found, const std::string& expected) {
  std::istringstream left(found), right(expected);
  std::string x, y;
  do {
    x = y = "";
    std::getline(left, x), std::getline(right, y);
  } while (x == y && (left || right));
  const auto plain = [](const std::string& line) {
    const auto first = line.find_first_not_of("# ");
    return first == std::string::npos ? std::string("nothing") : line.substr(first);
  };
  return {plain(x), plain(y)};
}

}  // namespace sda

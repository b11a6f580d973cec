/// Units of measure by UDUNITS-2.
#include "core/units.hpp"

#include <fmt/format.h>
#include <udunits2.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>

#include "sda/core/error.hpp"

namespace sda {
namespace {

using Unit = std::unique_ptr<ut_unit, decltype(&ut_free)>;
using Converter = std::unique_ptr<cv_converter, decltype(&cv_free)>;

/// The database of units, read once. UDUNITS-2 keeps the status of its last call, so one thread at a time may use it.
class UnitSystem {
 public:
  UnitSystem() : system_(nullptr, &ut_free_system) {
    ut_set_error_message_handler(ut_ignore);
    system_.reset(ut_read_xml(nullptr));
    if (!system_) {
      throw FileError({.what = "the database of units cannot be read",
                       .where = "UDUNITS-2",
                       .hint = "install libudunits2-data, or let UDUNITS2_XML_PATH name its udunits2.xml"});
    }
    // Names in files that the database lacks.
    for (const auto& [name, meaning] : {std::pair{"mins", "minute"}, std::pair{"hrs", "hour"}}) {
      const Unit unit = parse(meaning);
      ut_map_name_to_unit(name, UT_ASCII, unit.get());
    }
  }

  Unit parse(const std::string& text) const {
    std::string trimmed = text;
    ut_trim(trimmed.data(), UT_UTF8);
    return {ut_parse(system_.get(), trimmed.c_str(), UT_UTF8), &ut_free};
  }

  /// Conversions that were asked for: a file asks for one with each of its rows.
  std::map<std::pair<std::string, std::string>, std::optional<UnitConversion>>& known() { return known_; }

 private:
  std::unique_ptr<ut_system, decltype(&ut_free_system)> system_;
  std::map<std::pair<std::string, std::string>, std::optional<UnitConversion>> known_{};
};

struct LockedUnits {
  std::lock_guard<std::mutex> lock;
  UnitSystem& system;
};

LockedUnits units() {
  static std::mutex mutex;
  static UnitSystem system;
  return {std::lock_guard(mutex), system};
}

/// The affine function that a converter is; nothing for any other, such as that of decibels.
std::optional<UnitConversion> affine(const cv_converter& converter) {
  const auto at = [&](double value) { return cv_convert_double(&converter, value); };
  UnitConversion conversion{.scale = at(1), .offset = at(0)};
  // The difference of two numbers loses digits, the fewer the further apart they are; the rest is rounded off.
  if (conversion.offset != 0) conversion.scale = std::stod(fmt::format("{:.15g}", (at(1e6) - at(0)) / 1e6));
  const double expected = conversion(1000), difference = std::abs(at(1000) - expected);
  if (!std::isfinite(expected) || !(difference <= 1e-9 * std::abs(expected))) return std::nullopt;
  return conversion;
}

}  // namespace

bool is_unitless(const std::string& units) {
  constexpr std::array<std::string_view, 6> none{"", "1", "-", "none", "unitless", "dimensionless"};
  return std::find(none.begin(), none.end(), units) != none.end();
}

bool is_unit(const std::string& text) {
  const LockedUnits known = units();
  return is_unitless(text) || known.system.parse(text) != nullptr;
}

std::optional<UnitConversion> conversion_of_units(const std::string& from, const std::string& to) {
  if (from == to || (is_unitless(from) && is_unitless(to))) return UnitConversion{};
  const LockedUnits all = units();
  auto& known = all.system.known();
  if (const auto at = known.find({from, to}); at != known.end()) return at->second;
  const Unit a = all.system.parse(is_unitless(from) ? "1" : from), b = all.system.parse(is_unitless(to) ? "1" : to);
  std::optional<UnitConversion> conversion;
  if (a && b) {
    const Converter converter(ut_get_converter(a.get(), b.get()), &cv_free);
    if (converter) conversion = affine(*converter);
  }
  return known.emplace(std::pair{from, to}, conversion).first->second;
}

}  // namespace sda

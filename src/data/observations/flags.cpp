/// Quality flags of a NetCDF variable (CF 3.5).
#include "data/observations/flags.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

#include "core/torch.hpp"
#include "data/formats/cf_decoding.hpp"
#include "data/observations/decode.hpp"

namespace sda::io {
namespace {

double flag_of(char c) {
  return c >= '0' && c <= '9' ? c - '0' : std::numeric_limits<double>::quiet_NaN();
}

/// flag_values or flag_masks, numbers or characters between commas.
std::vector<double> flags_of(const FoundVariable& flags, const std::string& attribute) {
  if (const auto numbers = flags.group.numbers_of(flags.name, attribute)) return numbers->values;
  std::vector<double> all;
  for (const char c : flags.group.text_of(flags.name, attribute).value_or("")) {
    if (!std::isnan(flag_of(c))) all.push_back(flag_of(c));
  }
  return all;
}

std::map<double, std::string> named(const std::vector<double>& flags, const std::string& meanings) {
  std::map<double, std::string> all;
  std::istringstream words(meanings);
  std::string word;
  for (const double flag : flags) {
    if (words >> word) all[flag] = word;
  }
  return all;
}

}  // namespace

std::vector<double> read_flags(const FoundVariable& flags) {
  if (!flags.group.is_text(flags.name)) return column_from(read_decoded(flags.group, flags.name, at::kDouble));
  std::vector<double> all;
  for (const char c : flags.group.read_characters(flags.name)) all.push_back(flag_of(c));
  return all;
}

FlagMeanings::FlagMeanings(const FoundVariable& flags) {
  const auto meanings = flags.group.text_of(flags.name, "flag_meanings").value_or("");
  const auto values = flags_of(flags, "flag_values"), masks = flags_of(flags, "flag_masks");
  // With both, masks choose bits of which values are one of several: only whole flags are then told.
  values.empty() ? bits_ = named(masks, meanings) : values_ = named(values, meanings);
}

std::string FlagMeanings::of(double flag) const {
  if (const auto value = values_.find(flag); value != values_.end()) return value->second;
  std::string all;
  for (const auto& [mask, name] : bits_) {
    constexpr double most = 9e15;
    if (!(flag >= 0 && flag < most && mask > 0 && mask < most)) continue;
    if ((static_cast<std::uint64_t>(flag) & static_cast<std::uint64_t>(mask)) != 0)
      all += (all.empty() ? "" : ", ") + name;
  }
  return all;
}

}  // namespace sda::io

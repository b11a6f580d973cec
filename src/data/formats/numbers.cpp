/// Numbers in text, and what is often wrong with them.
#include "data/formats/numbers.hpp"

#include <algorithm>
#include <charconv>
#include <system_error>

namespace sda::io {

std::optional<double> number_in(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

std::string number_hint(std::string_view text) {
  std::string bare(text);
  std::erase_if(bare, [](char c) { return c == ',' || c == '\'' || c == ' ' || c == '_'; });
  const auto commas = std::count(text.begin(), text.end(), ',');
  const bool has_point = text.find('.') != std::string_view::npos;
  if (commas == 1 && has_point && text.find('.') < text.find(',')) {
    return "write it without thousands separators and with a decimal point";
  }
  if (bare.size() == text.size() || !number_in(bare)) return "";
  if (commas == 1 && !has_point && text.size() - text.find(',') != 4) return "write a decimal point, not a comma";
  return "write it without thousands separators: " + bare;
}

}  // namespace sda::io

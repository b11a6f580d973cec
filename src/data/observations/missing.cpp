// Words and numbers that stand for no value.
#include "data/observations/missing.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "data/observations/names.hpp"

namespace sda::io {

bool stands_for_none(std::string_view field) {
  constexpr std::array<std::string_view, 8> words{"", "MM", "NA", "N/A", "NaN", "null", "-", "--"};
  constexpr std::size_t longest = 4;
  return field.size() <= longest &&
         std::any_of(words.begin(), words.end(), [&](auto word) { return same_but_for_case(word, field); });
}

bool is_sentinel(double value) {
  constexpr double fill = 1e15, rounding = 1e-6;  // of tables in float32
  const double size = std::abs(value);
  if (size >= fill) return true;
  for (double nines = 99; nines < 1e8; nines = 10 * nines + 9) {
    for (const double after : {0.0, 0.9, 0.99}) {
      if (std::abs(size - (nines + after)) <= rounding * size) return true;
    }
  }
  return false;
}

}  // namespace sda::io

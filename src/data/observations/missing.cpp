// Words and numbers that stand for no value.
#include "data/observations/missing.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <string>

namespace sda::io {

bool stands_for_none(std::string_view field) {
  constexpr std::array<std::string_view, 8> words{"", "mm", "na", "n/a", "nan", "null", "-", "--"};
  std::string small(field);
  std::transform(small.begin(), small.end(), small.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::find(words.begin(), words.end(), small) != words.end();
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

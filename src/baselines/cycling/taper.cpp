// Gaspari & Cohn (1999), equation 4.10.
#include "baselines/cycling/taper.hpp"

#include <cmath>

namespace sda {

double gaspari_cohn(double z) {
  z = std::abs(z);
  if (z <= 1) return 1 + z * z * (-5.0 / 3 + z * (5.0 / 8 + z * (1.0 / 2 - z / 4)));
  if (z < 2) return 4 - 2 / (3 * z) + z * (-5 + z * (5.0 / 3 + z * (5.0 / 8 + z * (-1.0 / 2 + z / 12))));
  return 0;
}

}  // namespace sda

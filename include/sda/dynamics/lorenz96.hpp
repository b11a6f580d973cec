/// Lorenz (1996), ẋ_i = (x_{i−1} − x_{i+2}) x_{i+1} − x_i + F on a ring: the public reference's form, which is the
/// usual one with the sites counted the other way round.
#pragma once

#include <cstdint>

#include "sda/core/fields.hpp"

namespace sda {

struct Lorenz96Parameters {
  std::int64_t sites = 32;
  double forcing = 16.0;  ///< F
};

template <class Visitor>
void fields(Visitor& v, Lorenz96Parameters& p) {
  v("sites", p.sites, "lorenz96: states on the ring", at_least(4));
  v("forcing", p.forcing, "lorenz96: F", any());
}

}  // namespace sda

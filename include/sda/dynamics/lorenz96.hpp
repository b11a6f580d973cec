/// Lorenz (1996), ẋ_j = (x_{j+1} − x_{j−2}) x_{j−1} − x_j + F on a ring of sites j, as published (Lorenz & Emanuel
/// 1998, equation 1). Until 0.2 the sites were counted the other way round, as in the paper's code: x_{−j} obeys the
/// equation.
#pragma once

#include <cstdint>

#include "sda/core/fields.hpp"

namespace sda {

struct Lorenz96Parameters {
  std::int64_t sites = 32;
  double forcing = 16.0;  ///< F
  bool mirrored = false;  ///< ẋ_j = (x_{j−1} − x_{j+2}) x_{j+1} − x_j + F
};

template <class Visitor>
void fields(Visitor& v, Lorenz96Parameters& p) {
  v("sites", p.sites, "lorenz96: states on the ring", at_least(4));
  v("forcing", p.forcing, "lorenz96: F", any());
  v("mirrored", p.mirrored,
    "lorenz96: sites are counted against the published order, as by sda 0.1 and 0.2 and by the paper's code", any());
}

}  // namespace sda

/// How influence falls with distance. Private to src/baselines.
#pragma once

namespace sda {

/// The compactly supported correlation of Gaspari & Cohn (1999), equation 4.10, at distance / c: 0 from 2 on.
double gaspari_cohn(double distance_over_c);

}  // namespace sda

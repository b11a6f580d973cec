/// Lotka (1925) and Volterra (1926) for u = log prey, v = log predators: u̇ = α − β eᵛ, v̇ = δ eᵘ − γ.
#pragma once

#include "sda/core/fields.hpp"

namespace sda {

struct LotkaVolterraParameters {
  double prey_growth = 1.0;   ///< α
  double predation = 1.0;     ///< β
  double reproduction = 1.0;  ///< δ
  double death = 1.0;         ///< γ
};

template <class Visitor>
void fields(Visitor& v, LotkaVolterraParameters& p) {
  v("prey_growth", p.prey_growth, "lotka_volterra: α", above(0));
  v("predation", p.predation, "lotka_volterra: β", above(0));
  v("reproduction", p.reproduction, "lotka_volterra: δ", above(0));
  v("death", p.death, "lotka_volterra: γ", above(0));
}

}  // namespace sda

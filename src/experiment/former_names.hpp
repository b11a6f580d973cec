/// What version 0.1 named otherwise: its files are read on, and what they say is told in today's words.
#pragma once

#include <toml++/toml.h>

namespace sda::io {

/// An experiment's table with the sections, keys and choices of 0.1 under their present names, and with the defaults of
/// 0.1 that today's refuse. A table that has both keeps the present one.
toml::table with_present_names(toml::table experiment);

/// What a file recorded of [dynamics] before there was the key `mirrored`: Lorenz 1996 with its sites counted the other
/// way round. Not of what a user writes.
void keep_former_ring(toml::table& dynamics);

}  // namespace sda::io

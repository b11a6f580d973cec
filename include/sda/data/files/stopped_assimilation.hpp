/// The file that an assimilation leaves when it is stopped.
#pragma once

#include <string>

#include "sda/assimilation/saving.hpp"
#include "sda/core/provenance.hpp"

namespace sda {

/// An ensemble under way, and what it is an ensemble of.
struct StoppedAssimilation {
  AssimilationState state;
  std::string recipe;  ///< TOML: all that its members hang on; it goes on with the same only
  Provenance provenance;
};

/// Throws FileError.
void write_stopped_assimilation(const std::string& path, const StoppedAssimilation& stopped);
/// Throws FileError for another file and for states that are not finite.
StoppedAssimilation read_stopped_assimilation(const std::string& path);

/// Normalised members (member, time, …event) of a chunk that is drawn. Throws FileError.
void write_drawn_members(const std::string& path, const Tensor& members, const Provenance& provenance);
Tensor read_drawn_members(const std::string& path);

}  // namespace sda

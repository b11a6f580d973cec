/// The keys of a configuration as data: what references, completions and files to start from are made of.
#pragma once

#include <string>
#include <vector>

#include "sda/assimilation/quality.hpp"

namespace sda {

struct KeyDescription {
  std::string name;                    ///< "steps"
  std::string type;                    ///< "number", "list of numbers", "text", …
  std::string value;                   ///< default, as TOML: "256"
  std::string limits;                  ///< "≥ 1", "sda, mmps or none"; empty: none
  std::vector<std::string> choices{};  ///< all that a text may be; empty: any
  std::string help;                    ///< what it means
};

struct SectionDescription {
  std::string name;  ///< "sampler", "observation.NAME"
  std::string help;
  std::vector<KeyDescription> keys;
};

/// Every section once, in the order of the file; NAME and PART stand for names of the user's own.
std::vector<SectionDescription> describe_sections();

/// Every key with its default, its meaning and its range, as TOML with comments: a reference and a file to start from.
/// [guidance], [sampler] and [assimilation] are those of `quality`.
std::string describe_keys(Quality quality = Quality::good);

}  // namespace sda

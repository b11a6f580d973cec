/// What is fed with bytes of any kind: each reader must take them or refuse them by an error of ours, and do nothing
/// else. Run on seeds by tests/unit/fuzz_seeds_test.cpp, and by libFuzzer where SDA_FUZZ is on.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sda::fuzz {

/// The first byte chooses a system, the rest is a CSV of readings.
void csv(const std::uint8_t* data, std::size_t size);
/// TOML of an operator, or a formula alone; what is taken is made, reads and is written back.
void operator_text(const std::uint8_t* data, std::size_t size);
/// A recipe for a NetCDF file, which is then imported: bytes of a damaged file would try HDF5 and not our reader.
void user_data(const std::uint8_t* data, std::size_t size);

}  // namespace sda::fuzz

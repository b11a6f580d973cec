/// What is fed with bytes of any kind: each reader must take them or refuse them by an error of ours, and do nothing
/// else. Run on seeds by tests/unit/fuzz_seeds_test.cpp, and by libFuzzer where SDA_FUZZ is on.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sda::fuzz {

/// The first byte chooses a system, the rest is a CSV of observations, which must read the same in small blocks.
void csv(const std::uint8_t* data, std::size_t size);
/// TOML of an operator, or a formula alone; what is taken is made, reads and is written back.
void operator_text(const std::uint8_t* data, std::size_t size);
/// A recipe for a NetCDF file, which is then imported: bytes of a damaged file would try HDF5 and not our reader.
void user_data(const std::uint8_t* data, std::size_t size);

/// The same of a file with groups.
void user_data_groups(const std::uint8_t* data, std::size_t size);

/// A first byte as for csv, then a recipe for observations in NetCDF: IODA's groups, or variables on a grid.
void observations_netcdf(const std::uint8_t* data, std::size_t size);
/// The same with names of swaths, stations and profiles, perhaps in groups.
void observations_swath(const std::uint8_t* data, std::size_t size);
/// The same with names of ragged arrays, of times after a time and of IODA's version 1.
void observations_ragged(const std::uint8_t* data, std::size_t size);
/// An experiment's TOML; what is taken is written and read back.
void experiment(const std::uint8_t* data, std::size_t size);
/// What torch.save wrote. Checksums are not looked at where it is fuzzed, for no mutation would get past them.
void state_dict(const std::uint8_t* data, std::size_t size);

}  // namespace sda::fuzz

/// What work that saves itself and goes on says of it: the same words for every command.
#pragma once

#include <string>

namespace sda {

/// The end of the line that tells of a stop: "saved in p.checkpoint.nc (epoch 3 of 8); the same command with --resume
/// goes on"; "nothing was written" where `path` is empty.
std::string saved_in(const std::string& path, const std::string& how_far = "");

/// Throws UsageError where there is no file `path` to go on from.
void require_saved(const std::string& path);
/// The same of what `is_there` or not.
void require_saved(const std::string& path, bool is_there);

/// "p.checkpoint.nc is of an earlier run and will be replaced; --resume would have gone on from it".
std::string of_an_earlier_run(const std::string& path);

}  // namespace sda

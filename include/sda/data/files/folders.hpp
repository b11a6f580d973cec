/// Folders of results: the trajectories of one simulation or import in parts for training, validation and tests, each a
/// file or several, and folders that go again where the work that fills them fails.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace sda {

/// A part of the trajectories: those from `begin` on.
struct Part {
  std::string name;  ///< "train"
  std::int64_t begin, count;
};
/// Train, validation and test parts of `total` trajectories, by their shares in [0, 1]; without those whose share is 0.
/// Throws UsageError, naming `key`, where no trajectory is left for one.
std::vector<Part> split(std::int64_t total, double train_share, double valid_share, const std::string& key);

/// The file of a part, "train.nc", or the i-th of several, "train_0003.nc".
std::string part_file(const std::string& part);
std::string part_file(const std::string& part, std::int64_t i);
/// The files of a part in `folder`, in their order: train.nc, or train_0000.nc, train_0001.nc … Throws FileError where
/// there are both; that there is none shows when it is opened.
std::vector<std::string> files_of_part(const std::string& folder, const std::string& part);
/// Throws FileError where `folder` has files of an earlier run that would be taken for the part's beside those written
/// now: train_0000.nc …, or train.nc where the part is written as `several`.
void require_no_others(const std::string& folder, const std::string& part, bool several);

/// A folder for several results, made if it is missing. Unless `keep` is called, the files named by `file` go again,
/// and the folder with all that is in it if it was made here. Throws FileError where it cannot be made.
class OutputFolder {
 public:
  explicit OutputFolder(const std::string& path);
  ~OutputFolder();
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;
  std::string file(const std::string& name);
  void keep() { kept_ = true; }

 private:
  std::filesystem::path path_;
  bool made_ = false, kept_ = false;
  std::vector<std::filesystem::path> files_;
};

}  // namespace sda

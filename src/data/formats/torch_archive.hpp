/// A PyTorch `state_dict` without PyTorch: the zip archive of torch.save (1.6 and later) and the few opcodes of its
/// pickle. libtorch's own torch::pickle_load takes no OrderedDict, and a pickle may name any Python function to be
/// called: here only those that build a dictionary or a tensor are known, and none is ever run.
#pragma once

#include <string>
#include <vector>

#include "sda/core/tensor.hpp"

namespace sda::io {

struct ArchivedTensor {
  std::string name;
  Tensor value;
};

/// Tensors of the dictionary in `path`, in its order. Throws FileError for what is not such an archive, is damaged
/// or holds anything else.
std::vector<ArchivedTensor> read_state_dict(const std::string& path);

}  // namespace sda::io

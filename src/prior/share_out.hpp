/// Tasks shared out among the threads.
#pragma once

#include <algorithm>
#include <atomic>

#include "core/torch.hpp"

namespace sda {

/// f(task, thread) for tasks 0 … n − 1, each by the first thread that is free.
template <class Function>
void share_out(std::int64_t n, const Function& f) {
  std::atomic<std::int64_t> next{0};
  at::parallel_for(0, std::min<std::int64_t>(n, at::get_num_threads()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t thread = begin; thread < end; ++thread)
      for (std::int64_t task = next++; task < n; task = next++) f(task, thread);
  });
}

}  // namespace sda

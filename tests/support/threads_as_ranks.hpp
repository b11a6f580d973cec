/// Ranks that are threads of one process: what ranks do together, without MPI.
#pragma once

#include <barrier>
#include <exception>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "core/torch.hpp"
#include "sda/core/rank_grid.hpp"

namespace sda::testing {

class ThreadsAsRanks {
 public:
  explicit ThreadsAsRanks(int size) : size_(size), barrier_(size), slots_(static_cast<std::size_t>(size)) {}

  class Rank final : public Communicator {
   public:
    Rank(ThreadsAsRanks& all, int rank) : all_(all), rank_(rank) {}
    int rank() const override { return rank_; }
    int size() const override { return all_.size_; }
    Tensor sum(const Tensor& values) const override {
      const auto parts = shared({values});
      Tensor total = parts.front().front().clone();
      for (std::size_t r = 1; r < parts.size(); ++r) total.add_(parts[r].front());
      return total;
    }
    void exchange(const Tensor& to_before, const Tensor& to_after, Tensor& from_before,
                  Tensor& from_after) const override {
      const auto parts = shared({to_before, to_after});
      const auto rank = static_cast<std::size_t>(rank_);
      if (rank > 0) from_before.copy_(parts[rank - 1][1]);
      if (rank + 1 < parts.size()) from_after.copy_(parts[rank + 1][0]);
    }
    std::vector<Tensor> gather(const Tensor& part) const override {
      std::vector<Tensor> parts;
      for (const auto& given : shared({part})) parts.push_back(given.front());
      return rank_ == 0 ? parts : std::vector<Tensor>();
    }

   private:
    /// What all ranks give, on each of them.
    std::vector<std::vector<Tensor>> shared(const std::vector<Tensor>& given) const {
      std::vector<Tensor> copies;
      for (const auto& tensor : given) copies.push_back(tensor.clone());
      all_.slots_[static_cast<std::size_t>(rank_)] = copies;
      all_.barrier_.arrive_and_wait();
      const auto all = all_.slots_;
      all_.barrier_.arrive_and_wait();
      return all;
    }
    ThreadsAsRanks& all_;
    int rank_;
  };

  /// Calls `work(rank's communicator)` on each; throws what one of them threw, after all have ended. A rank that throws
  /// where others wait for it leaves them waiting: let all throw, or none.
  void run(const std::function<void(const Communicator&)>& work) {
    std::vector<std::exception_ptr> errors(static_cast<std::size_t>(size_));
    std::vector<std::thread> threads;
    for (int rank = 0; rank < size_; ++rank) {
      threads.emplace_back([&, rank] {
        try {
          work(Rank(*this, rank));
        } catch (...) {
          errors[static_cast<std::size_t>(rank)] = std::current_exception();
        }
      });
    }
    for (auto& thread : threads) thread.join();
    for (const auto& error : errors) {
      if (error) std::rethrow_exception(error);
    }
  }
  /// What each rank gives, joined along `axis`.
  Tensor joined(std::int64_t axis, const std::function<Tensor(const Communicator&)>& work) {
    std::vector<Tensor> parts(static_cast<std::size_t>(size_));
    run([&](const Communicator& ranks) { parts[static_cast<std::size_t>(ranks.rank())] = work(ranks); });
    return at::cat(parts, axis);
  }

 private:
  int size_;
  std::barrier<> barrier_;
  std::vector<std::vector<Tensor>> slots_;
};

/// Calls `work` on each rank of a grid.
inline void run_grid(int groups, int shards, const std::function<void(const RankGrid&)>& work) {
  std::vector<std::unique_ptr<ThreadsAsRanks>> of_states;
  for (int group = 0; group < groups; ++group) of_states.push_back(std::make_unique<ThreadsAsRanks>(shards));
  ThreadsAsRanks(groups * shards).run([&](const Communicator& all) {
    const ThreadsAsRanks::Rank states(*of_states[static_cast<std::size_t>(all.rank() / shards)], all.rank() % shards);
    work(RankGrid(all, states));
  });
}

}  // namespace sda::testing

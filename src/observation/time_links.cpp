/// Links of time: which states of a trajectory are read.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "observation/links.hpp"
#include "sda/core/error.hpp"

namespace sda::observation {
namespace {

std::string ordinal(std::int64_t n) {
  const bool teen = n % 100 / 10 == 1;
  const char* suffix = teen ? "th" : n % 10 == 1 ? "st" : n % 10 == 2 ? "nd" : n % 10 == 3 ? "rd" : "th";
  return fmt::format("{}{}", n, suffix);
}

class Every final : public TimeLink {
 public:
  explicit Every(std::int64_t n) : n_(n) {}
  std::vector<std::int64_t> choose(const std::vector<std::int64_t>& states) const override {
    std::vector<std::int64_t> chosen;
    for (std::size_t i = 0; i < states.size(); i += static_cast<std::size_t>(n_)) chosen.push_back(states[i]);
    return chosen;
  }
  std::string describe() const override { return n_ == 1 ? "every state" : fmt::format("every {} state", ordinal(n_)); }

 private:
  std::int64_t n_;
};

class Offset final : public TimeLink {
 public:
  explicit Offset(std::int64_t n) : n_(n) {}
  std::vector<std::int64_t> choose(const std::vector<std::int64_t>& states) const override {
    const auto left = std::ssize(states);
    if (n_ >= left) {
      throw ShapeError({.what = "an operator leaves out every state",
                        .where = fmt::format("operator link offset = {}", n_),
                        .found = fmt::format("{} states to choose from", left),
                        .expected = fmt::format("more than {}", n_)});
    }
    return {states.begin() + n_, states.end()};
  }
  std::string describe() const override { return fmt::format("all states but the first {}", n_); }

 private:
  std::int64_t n_;
};

/// The first or the last n.
class End final : public TimeLink {
 public:
  End(std::string kind, std::int64_t n) : kind_(std::move(kind)), n_(n) {}
  std::vector<std::int64_t> choose(const std::vector<std::int64_t>& states) const override {
    if (n_ > std::ssize(states)) {
      throw ShapeError({.what = "an operator reads a state that is not there",
                        .where = fmt::format("operator link {} = {}", kind_, n_),
                        .found = fmt::format("{} states to choose from", states.size()),
                        .expected = fmt::format("at least {}", n_)});
    }
    if (kind_ == "first") return {states.begin(), states.begin() + n_};
    return {states.end() - n_, states.end()};
  }
  std::string describe() const override {
    return n_ == 1 ? fmt::format("the {} state", kind_) : fmt::format("the {} {} states", kind_, n_);
  }

 private:
  std::string kind_;
  std::int64_t n_;
};

class Times final : public TimeLink {
 public:
  explicit Times(std::vector<std::int64_t> indices) : indices_(std::move(indices)) {}
  std::vector<std::int64_t> choose(const std::vector<std::int64_t>& states) const override {
    const auto left = std::ssize(states);
    std::vector<std::int64_t> chosen;
    for (const auto index : indices_) {
      const auto i = index < 0 ? index + left : index;
      if (i < 0 || i >= left) {
        throw ShapeError({.what = "an operator reads a state that is not there",
                          .where = where(),
                          .found = fmt::format("index {} among {} states", index, left),
                          .expected = fmt::format("{} … {}", -left, left - 1)});
      }
      const auto state = states[static_cast<std::size_t>(i)];
      if (!chosen.empty() && state <= chosen.back()) {
        throw ShapeError({.what = "an operator's times do not ascend",
                          .where = where(),
                          .found = fmt::format("state {} after state {}", state, chosen.back()),
                          .expected = "ascending states, each once, where negative indices count from the end"});
      }
      chosen.push_back(state);
    }
    return chosen;
  }
  std::string describe() const override {
    return fmt::format("state{} {}", indices_.size() == 1 ? "" : "s", fmt::join(indices_, ", "));
  }

 private:
  std::string where() const { return fmt::format("operator link times = [{}]", fmt::join(indices_, ", ")); }
  std::vector<std::int64_t> indices_;
};

}  // namespace

std::unique_ptr<TimeLink> make_time_link(const OperatorLink& link) {
  const auto& kind = link.kind;
  const auto& numbers = link.numbers;
  if (kind == "every") return std::make_unique<Every>(integers(numbers).front());
  if (kind == "offset") return std::make_unique<Offset>(integers(numbers).front());
  if (kind == "first" || kind == "last") return std::make_unique<End>(kind, integers(numbers).front());
  if (kind == "times") return std::make_unique<Times>(integers(numbers));
  return nullptr;
}

}  // namespace sda::observation

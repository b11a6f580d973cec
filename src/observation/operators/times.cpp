/// Links of time: which states of a trajectory are read.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "observation/operators/kinds.hpp"
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
  enum class Which { first, last };
  End(Which which, std::int64_t n) : which_(which), n_(n) {}
  std::vector<std::int64_t> choose(const std::vector<std::int64_t>& states) const override {
    if (n_ > std::ssize(states)) {
      throw ShapeError({.what = "an operator reads a state that is not there",
                        .where = fmt::format("operator link {} = {}", word(), n_),
                        .found = fmt::format("{} states to choose from", states.size()),
                        .expected = fmt::format("at least {}", n_)});
    }
    if (which_ == Which::first) return {states.begin(), states.begin() + n_};
    return {states.end() - n_, states.end()};
  }
  std::string describe() const override {
    return n_ == 1 ? fmt::format("the {} state", word()) : fmt::format("the {} {} states", word(), n_);
  }

 private:
  const char* word() const { return which_ == Which::first ? "first" : "last"; }
  Which which_;
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

std::vector<LinkKind> time_links() {
  using std::make_unique;
  return {
      {.name = "every",
       .help = "n: the first state and each n-th after it",
       .value = takes::integer(1),
       .make = [](const LinkSite& site) { return make_unique<Every>(site.integer()); },
       .example = {{{"every", {4}}}}},
      {.name = "offset",
       .help = "n: all states but the first n",
       .value = takes::integer(0),
       .make = [](const LinkSite& site) { return make_unique<Offset>(site.integer()); },
       .example = {{{"offset", {2}}}}},
      {.name = "first",
       .help = "n: the first n states",
       .value = takes::integer(1),
       .make = [](const LinkSite& site) { return make_unique<End>(End::Which::first, site.integer()); },
       .example = {{{"first", {3}}}}},
      {.name = "last",
       .help = "n: the last n states",
       .value = takes::integer(1),
       .make = [](const LinkSite& site) { return make_unique<End>(End::Which::last, site.integer()); },
       .example = {{{"last", {3}}}}},
      {.name = "times",
       .help = "[i, ...]: the states named, ascending; negative ones count from the end",
       .value = takes::integers(),
       .make = [](const LinkSite& site) { return make_unique<Times>(site.integers()); },
       .example = {{{"times", {0, 3, -1}}}}},
  };
}

}  // namespace sda::observation

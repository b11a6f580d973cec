/// Whether a link's value is what its kind takes.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "observation/operators/kinds.hpp"
#include "sda/core/error.hpp"

namespace sda::observation {
namespace {

[[noreturn]] void refuse_link(const LinkKind& kind, const std::string& where, const std::string& found,
                              const std::string& expected) {
  throw UsageError({.what = fmt::format("bad value of operator link {}", kind.name),
                    .where = where,
                    .found = found,
                    .expected = expected});
}

/// The names of a table: those of the kind once each, and any number of axes with so many numbers as it takes.
void check_names(const LinkKind& kind, const OperatorLink& link, const std::string& where) {
  const auto form = kind.value.form;
  if (form == LinkValue::Form::columns) {
    auto names = link.names;
    std::sort(names.begin(), names.end());
    if (std::adjacent_find(names.begin(), names.end()) != names.end())
      refuse_link(kind, where, "a name given twice", "each once");
    if (names.empty() || link.numbers.size() % names.size() != 0) {
      refuse_link(kind, where, fmt::format("{} numbers in {} lists", link.numbers.size(), names.size()),
                  "lists of one length: " + kind.help);
    }
    return;
  }
  if (form != LinkValue::Form::table) {
    if (!link.names.empty()) refuse_link(kind, where, "a table", "numbers without names");
    return;
  }
  const auto given = [&](const std::string& name) { return std::count(link.names.begin(), link.names.end(), name); };
  if (link.names.size() != link.numbers.size()) {
    refuse_link(kind, where, fmt::format("{} names for {} numbers", link.names.size(), link.numbers.size()),
                "a name for each number");
  }
  for (const auto& name : kind.value.names) {
    if (given(name) != 1) refuse_link(kind, where, fmt::format("{} of {}", given(name), name), "one number " + name);
  }
  for (const auto& name : link.names) {
    if (std::find(kind.value.names.begin(), kind.value.names.end(), name) != kind.value.names.end()) continue;
    if (kind.value.for_axis == 0)
      refuse_link(kind, where, name, fmt::format("{}", fmt::join(kind.value.names, " and ")));
    if (given(name) != kind.value.for_axis) {
      refuse_link(kind, where, fmt::format("{} numbers for {}", given(name), name),
                  kind.value.for_axis == 1 ? "one number" : fmt::format("{} numbers", kind.value.for_axis));
    }
  }
}

}  // namespace

void check_link(const OperatorLink& link, const std::string& where) {
  const auto& kind = find_kind(link.kind, where);
  const auto form = kind.value.form;
  const auto n = link.numbers.size();
  const auto refuse = [&](const std::string& found, const std::string& expected) {
    refuse_link(kind, where, found, expected);
  };
  if (form == LinkValue::Form::text) {
    if (link.text.empty() || n != 0) refuse(link.text.empty() ? "nothing" : "numbers", kind.help);
    if (kind.check) kind.check(link);
    return;
  }
  if (!link.text.empty()) refuse("a text", kind.help);
  if (form == LinkValue::Form::none && n != 0) refuse(fmt::format("{}", fmt::join(link.numbers, ", ")), "true");
  if (form == LinkValue::Form::one && n != 1) refuse(fmt::format("{} numbers", n), "one number");
  const bool is_list = form == LinkValue::Form::list || form == LinkValue::Form::one_or_list;
  if (is_list && n == 0) refuse("an empty list", "at least one number");
  if (form == LinkValue::Form::table && n == 0) refuse("an empty table", kind.help);
  check_names(kind, link, where);
  for (const auto number : link.numbers) {
    constexpr double exact_integers = 9007199254740992.0;  // 2⁵³
    const bool integer = std::trunc(number) == number && std::abs(number) < exact_integers;
    if (!std::isfinite(number) || (kind.value.whole && !integer) || number < kind.value.min) {
      const std::string noun = kind.value.whole ? "an integer" : "a finite number";
      refuse(fmt::format("{}", number),
             std::isfinite(kind.value.min) ? fmt::format("{} of at least {}", noun, kind.value.min) : noun);
    }
  }
  if (kind.check) kind.check(link);
}

}  // namespace sda::observation

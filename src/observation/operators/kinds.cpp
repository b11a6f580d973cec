/// The kinds of links: a line for each file of this folder, and what programs and plugins add.
#include "observation/operators/kinds.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "sda/core/code.hpp"
#include "sda/core/error.hpp"
#include "sda/core/fields.hpp"

namespace sda::observation {

/// The rows of a file. In this order help lists them.
using LinkRows = std::vector<LinkKind>();
LinkRows time_links, value_links, expression_links, function_links, average_links, region_links, vorticity_links,
    point_links;

namespace {

std::vector<LinkKind>& all_kinds() {
  static std::vector<LinkKind> kinds = [] {
    std::vector<LinkKind> all;
    for (LinkRows* rows : {time_links, value_links, expression_links, function_links, average_links, region_links,
                           vorticity_links, point_links}) {
      for (auto& kind : rows()) all.push_back(std::move(kind));
    }
    return all;
  }();
  return kinds;
}

}  // namespace

const std::vector<LinkKind>& link_kinds() {
  return all_kinds();
}

void add_link_kind(LinkKind kind) {
  for (const auto& known : all_kinds()) {
    if (known.name == kind.name) {
      throw UsageError({.what = "an operator link of this name is there already", .where = kind.name});
    }
  }
  all_kinds().push_back(std::move(kind));
}

const LinkKind& find_kind(const std::string& name, const std::string& where) {
  const auto& kinds = link_kinds();
  const auto kind = std::find_if(kinds.begin(), kinds.end(), [&](const LinkKind& k) { return k.name == name; });
  if (kind != kinds.end()) return *kind;
  std::vector<std::string> names;
  for (const auto& k : kinds) names.push_back(k.name);
  const auto nearest = nearest_name(name, names);
  throw UsageError({.what = "unknown kind of operator link",
                    .where = where,
                    .found = name,
                    .expected = fmt::format("{}", fmt::join(names, ", ")),
                    .hint = nearest.empty() ? "if it is of your own: --plugin FILE, which registers it"
                                            : fmt::format("did you mean {}?", nearest)});
}

void require_physical(const LinkSite& site, const std::string& what) {
  if (site.field.is_physical) return;
  throw UsageError({.what = what + " is of physical values",
                    .where = site.where,
                    .found = "normalised ones",
                    .expected = "{physical = true} before it"});
}

}  // namespace sda::observation

namespace sda {

void require_no_code(const std::vector<OperatorLink>& chain, const std::string& path) {
  for (const auto& link : chain) {
    if (observation::find_kind(link.kind, path).runs_code) require_code_allowed(path, link.text);
  }
}

std::vector<std::pair<std::string, std::string>> operator_kinds() {
  std::vector<std::pair<std::string, std::string>> kinds;
  for (const auto& kind : observation::link_kinds()) kinds.emplace_back(kind.name, kind.help);
  return kinds;
}

}  // namespace sda

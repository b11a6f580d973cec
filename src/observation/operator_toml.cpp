/// Operators to and from TOML: each link is a table of one key, its kind, and a value of the form that the kind takes.
#include "sda/observation/operator_toml.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <toml++/toml.h>
#include <algorithm>
#include <cmath>
#include <sstream>
#include <utility>

#include "observation/operators/kinds.hpp"
#include "observation/point_columns.hpp"
#include "sda/core/error.hpp"

namespace sda {
namespace {

using Form = observation::LinkValue::Form;

/// Shortest decimal that reads back to the same double; integers without a point.
std::string link_number_to_toml(double number) {
  constexpr double exact_integers = 9007199254740992.0;  // 2⁵³
  if (std::trunc(number) == number && std::abs(number) < exact_integers) {
    return fmt::format("{}", static_cast<std::int64_t>(number));
  }
  return fmt::format("{}", number);
}

double number_from_toml(const toml::node& node, const std::string& where) {
  if (const auto* integer = node.as_integer()) return static_cast<double>(integer->get());
  if (const auto* real = node.as_floating_point()) return real->get();
  std::ostringstream found;
  found << node.type();
  throw UsageError({.what = "not a number", .where = where, .found = found.str(), .expected = "a number"});
}

/// Puts a number, or those of a list, after the ones that a link has; under `name` if the kind takes names.
void append_numbers(OperatorLink& link, const toml::node& value, const std::string& where, const std::string& name) {
  const auto append = [&](const toml::node& node) {
    link.numbers.push_back(number_from_toml(node, where));
    if (!name.empty()) link.names.push_back(name);
  };
  if (const auto* list = value.as_array()) {
    for (const auto& element : *list) append(element);
  } else {
    append(value);
  }
}

std::size_t entries_of(const toml::node& value) {
  return value.is_array() ? value.as_array()->size() : 1;
}

/// The link of a kind with this value; the value's form (true, number, list, table) must be the kind's own.
OperatorLink link_from_toml(const observation::LinkKind& kind, const toml::node& value, const std::string& where) {
  const auto refuse = [&](const std::string& expected) {
    std::ostringstream found;
    value.visit([&](const auto& node) { found << node; });
    throw UsageError({.what = fmt::format("bad value of operator link {}", kind.name),
                      .where = where,
                      .found = found.str(),
                      .expected = expected,
                      .hint = kind.value.form == Form::none ? "leave the link out where it is not expected" : ""});
  };
  OperatorLink link{kind.name, {}};
  switch (kind.value.form) {
    case Form::none:
      if (value.value_exact<bool>() != true) refuse("true");
      return link;
    case Form::one:
      if (!value.is_number()) refuse("one number");
      break;
    case Form::list:
      if (!value.is_array()) refuse("a list of numbers in [ ]");
      break;
    case Form::one_or_list:
      if (!value.is_number() && !value.is_array()) refuse("a number or a list of numbers in [ ]");
      break;
    case Form::text:
      if (!value.is_string()) refuse(kind.help);
      link.text = value.value_or(std::string());
      return link;
    case Form::columns:
      if (!value.is_table()) refuse(kind.help);
      for (const auto& [name, node] : *value.as_table()) {
        if (!link.names.empty() && entries_of(node) != link.numbers.size() / link.names.size()) refuse(kind.help);
        append_numbers(link, node, where, "");
        link.names.emplace_back(name.str());
      }
      return link;
    case Form::table:
      if (!value.is_table()) refuse(kind.help);
      for (const auto& [name, node] : *value.as_table()) append_numbers(link, node, where, std::string(name.str()));
      return link;
  }
  append_numbers(link, value, where, "");
  return link;
}

std::string list_of_numbers(const std::vector<double>& numbers) {
  std::vector<std::string> texts;
  for (const auto number : numbers) texts.push_back(link_number_to_toml(number));
  return fmt::format("[{}]", fmt::join(texts, ", "));
}

std::string numbers_to_toml(const std::vector<double>& numbers) {
  return numbers.size() == 1 ? link_number_to_toml(numbers.front()) : list_of_numbers(numbers);
}

/// Quoted where TOML asks for it.
std::string key_to_toml(const std::string& name) {
  std::ostringstream key;
  key << toml::toml_formatter{toml::table{{name, true}}, toml::format_flags::none};
  return key.str().substr(0, key.str().rfind(" ="));
}

std::string text_to_toml(const std::string& text) {
  std::ostringstream value;
  value << toml::value<std::string>(text);
  return value.str();
}

/// "{time = [0, 2.5], x = [3, 1]}".
std::string columns_to_toml(const OperatorLink& link) {
  std::vector<std::string> entries;
  const auto rows = std::ssize(link.numbers) / std::ssize(link.names);
  auto first = link.numbers.begin();
  for (const auto& name : link.names) {
    entries.push_back(key_to_toml(name) + " = " + list_of_numbers({first, first + rows}));
    first += rows;
  }
  return fmt::format("{{{}}}", fmt::join(entries, ", "));
}

/// "{x = [1, 2], y = [0, 3]}": numbers of one name together, in the order of their first.
std::string table_to_toml(const OperatorLink& link) {
  std::vector<std::string> entries;
  std::vector<std::string> done;
  for (const auto& name : link.names) {
    if (std::find(done.begin(), done.end(), name) != done.end()) continue;
    done.push_back(name);
    std::vector<double> numbers;
    for (std::size_t i = 0; i < link.names.size(); ++i) {
      if (link.names[i] == name) numbers.push_back(link.numbers[i]);
    }
    entries.push_back(key_to_toml(name) + " = " + numbers_to_toml(numbers));
  }
  return fmt::format("{{{}}}", fmt::join(entries, ", "));
}

std::string value_to_toml(const OperatorLink& link) {
  switch (observation::find_kind(link.kind, "operator").value.form) {
    case Form::none:
      return "true";
    case Form::table:
      return table_to_toml(link);
    case Form::columns:
      return columns_to_toml(link);
    case Form::text:
      return text_to_toml(link.text);
    case Form::list:
      return list_of_numbers(link.numbers);
    default:
      return numbers_to_toml(link.numbers);
  }
}

std::string meaning_of_column(const std::string& name) {
  if (name == observation::component_column) return "variable read, from 0";
  if (name == observation::time_column) return "time read, in states from 0";
  return "place read along " + name + ", in points of the grid from 0";
}

bool has_columns(const OperatorLink& link) {
  return observation::find_kind(link.kind, "operator").value.form == Form::columns;
}

/// The link whose numbers may stand beside the text; null where there is none.
OperatorLink* find_columns(std::vector<OperatorLink>& chain) {
  const auto found = std::find_if(chain.begin(), chain.end(), has_columns);
  return found == chain.end() ? nullptr : &*found;
}

}  // namespace

std::string to_toml(const std::vector<OperatorLink>& chain) {
  std::vector<std::string> links;
  for (const auto& link : chain) links.push_back(fmt::format("{{{} = {}}}", link.kind, value_to_toml(link)));
  return fmt::format("[{}]", fmt::join(links, ", "));
}

std::vector<OperatorLink> read_operator(const std::string& text, const std::string& where) {
  const auto refuse = [&](const std::string& found) {
    throw UsageError({.what = "not an operator",
                      .where = where,
                      .found = found,
                      .expected = "a list of links such as [{every = 8}, {select = [0]}]"});
  };
  toml::table table;
  try {
    table = toml::parse("operator = " + text);
  } catch (const toml::parse_error& error) {
    refuse(fmt::format("{} ({})", text, error.description()));
  }
  const auto* links = table.get_as<toml::array>("operator");
  if (links == nullptr || table.size() != 1) refuse(text);
  std::vector<OperatorLink> chain;
  for (const auto& node : *links) {
    const auto* link = node.as_table();
    if (link == nullptr || link->size() != 1) refuse(text);
    const auto entry = link->begin();  // owns the pair that it points to
    const auto place = fmt::format("{}: link {}", where, chain.size() + 1);
    const auto& kind = observation::find_kind(std::string(entry->first.str()), place);
    chain.push_back(link_from_toml(kind, entry->second, place));
    observation::check_link(chain.back(), place);
  }
  return chain;
}

std::pair<std::string, std::vector<LinkColumn>> to_toml_and_columns(const std::vector<OperatorLink>& chain) {
  std::vector<LinkColumn> columns;
  std::vector<OperatorLink> without;
  for (const auto& link : chain) {
    const bool is_first = columns.empty() && has_columns(link);
    without.push_back({link.kind, is_first ? std::vector<double>() : link.numbers, link.names, link.text});
    for (const auto& name : is_first ? link.names : std::vector<std::string>()) {
      columns.push_back({name, meaning_of_column(name), observation::column_of(link, name)});
    }
  }
  return {to_toml(without), std::move(columns)};
}

std::vector<OperatorLink> read_operator(const std::string& text, const std::string& where,
                                        const std::function<std::vector<double>(const std::string&)>& column) {
  std::vector<OperatorLink> chain = read_operator(text, where);
  OperatorLink* link = find_columns(chain);
  if (link == nullptr || !link->numbers.empty()) return chain;
  std::size_t rows = 0;
  for (const auto& name : link->names) {
    const auto numbers = column(name);
    if (rows > 0 && numbers.size() != rows) {
      throw UsageError({.what = "columns of points are of different lengths",
                        .where = where,
                        .found = fmt::format("{} of {}", numbers.size(), name),
                        .expected = fmt::format("{}", rows)});
    }
    rows = numbers.size();
    link->numbers.insert(link->numbers.end(), numbers.begin(), numbers.end());
  }
  return chain;
}

}  // namespace sda

#include "usage_message.hpp"

#include <vector>

#include "sda/core/error.hpp"
#include "sda/core/fields.hpp"

namespace sda::app {

std::string usage_message(const CLI::App& program, const CLI::ParseError& error) {
  const CLI::App* innermost = &program;
  std::string where;
  while (!innermost->get_subcommands().empty()) {
    innermost = innermost->get_subcommands().front();
    where += (where.empty() ? "" : " ") + innermost->get_name();
  }
  const CLI::App& active = *innermost;
  const std::string help = "see `sda " + (where.empty() ? "" : where + " ") + "--help`";

  std::vector<std::string> flags, subcommands;
  for (const CLI::App* app : {&active, &program}) {
    for (const CLI::Option* option : app->get_options()) {
      for (const auto& name : option->get_lnames()) flags.push_back("--" + name);
    }
  }
  const auto known = active.get_subcommands([](const CLI::App* all) { return !all->get_group().empty(); });
  for (const CLI::App* app : known) subcommands.push_back(app->get_name());

  const auto with_nearest = [&](const std::string& what, const std::string& name,
                                const std::vector<std::string>& candidates) {
    const auto nearest = nearest_name(name, candidates);
    return to_string(
        {.what = what + " " + name, .where = where, .hint = nearest.empty() ? help : "did you mean " + nearest + "?"});
  };
  const auto unexpected = program.remaining(/*recurse=*/true);
  if (!known.empty() && !unexpected.empty() && !unexpected.front().starts_with("-")) {
    return with_nearest("unknown subcommand", unexpected.front(), subcommands);
  }
  for (const auto& word : unexpected) {
    if (word.starts_with("-")) return with_nearest("unknown flag", word.substr(0, word.find('=')), flags);
  }
  if (!unexpected.empty()) {
    return to_string({.what = "unexpected argument " + unexpected.front(), .where = where, .hint = help});
  }
  return to_string({.what = error.what(), .where = where, .hint = help});
}

}  // namespace sda::app

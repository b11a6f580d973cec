/// Operators as files write them: TOML of a chain of links, for those who read and write files.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "sda/observation/operator.hpp"

namespace sda {

/// TOML of a chain, "[{every = 8}, {select = [0]}]", and back; both exact. `points` may come without any, to be filled
/// in before make_operator.
std::string to_toml(const std::vector<OperatorLink>& chain);
/// `where` names the text in a message ("lo.toml: observation.lo.operator"). Throws UsageError for what is not an
/// array of tables of one link each, and for numbers that a link never takes.
std::vector<OperatorLink> read_operator(const std::string& toml, const std::string& where);

/// Numbers of the link `points`, of which there can be a million, so that our files hold them beside the text.
struct LinkColumn {
  std::string name;                 ///< "time", "variable" or an axis of space
  std::string meaning;              ///< for people
  std::span<const double> numbers;  ///< of the chain
};
/// TOML without the columns of points, "[{physical = true}, {points = {time = [], variable = []}}]", and these.
std::pair<std::string, std::vector<LinkColumn>> to_toml_and_columns(const std::vector<OperatorLink>& chain);
/// The chain again: `column` gives the numbers of each name that the text has without numbers. Throws UsageError also
/// for columns that are not equally long.
std::vector<OperatorLink> read_operator(const std::string& toml, const std::string& where,
                                        const std::function<std::vector<double>(const std::string& name)>& column);

}  // namespace sda

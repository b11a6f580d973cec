/// sda keys: every key of a configuration, as TOML to start from.
#include "command.hpp"

namespace sda::app {

Subcommand keys_command(CLI::App& program, Globals&) {
  CLI::App* flags = add_subcommand(program, "keys", "Print every key of a configuration with its default and meaning",
                                   "sda keys > experiment.toml");
  return {flags, [] { print(describe_keys()); }};
}

}  // namespace sda::app

/// sda inspect: what a file of ours holds.
#include "command.hpp"

namespace sda::app {

Subcommand inspect_command(CLI::App& program, Globals&) {
  auto path = std::make_shared<std::string>();
  CLI::App* flags =
      add_subcommand(program, "inspect", "Say what a file holds and where it came from", "sda inspect run/model.nc");
  flags->add_option("FILE", *path, "trajectories, observations, ensemble or model")->required()->type_name(value::file);
  return {flags, [path] {
            const std::string text = describe_file(*path);
            print(text.ends_with('\n') ? text : text + "\n");
          }};
}

}  // namespace sda::app

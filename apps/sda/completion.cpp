/// sda completion: what a shell needs to complete commands, flags, keys and their values. The scripts are whole: they
/// never run the program. Those of bash and zsh are in completion/, with @places@ that are filled here.
#include <fmt/format.h>

#include <functional>
#include <sstream>

#include "command.hpp"
#include "completion_scripts.hpp"
#include "reference.hpp"
#include "sda/experiment/keys.hpp"

namespace sda::app {
namespace {

/// Between single quotes, where a shell takes every character but the quote itself as it is.
std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

Words flags_of(const CommandDescription& command) {
  Words flags;
  for (const auto& option : command.options) flags.insert(flags.end(), option.flags.begin(), option.flags.end());
  return flags;
}

/// The last words of what stands below a command: "windows", "sampler".
Words names_below(const CommandDescription& command) {
  Words names;
  for (const auto& below : command.subcommands) names.push_back(below.path.back());
  return names;
}

/// Calls `visit` with each key's full name and what it may be; names of the user's own have none here.
void for_each_key(const std::function<void(const std::string& name, const Words& choices)>& visit) {
  for (const auto& section : describe_sections()) {
    if (section.name.find("NAME") != std::string::npos) continue;
    for (const auto& key : section.keys) {
      visit(section.name + "." + key.name, key.type == "true or false" ? Words{"true", "false"} : key.choices);
    }
  }
}

Words all_keys() {
  Words keys;
  for_each_key([&](const std::string& name, const Words&) { keys.push_back(name + "="); });
  return keys;
}

/// "    sampler.grid) LINE ;;" for each key with choices.
std::string cases_of_keys(const std::string& indent, const std::function<std::string(const Words&)>& line) {
  std::string cases;
  for_each_key([&](const std::string& name, const Words& choices) {
    if (!choices.empty()) cases += fmt::format("{}{}) {} ;;\n", indent, name, line(choices));
  });
  return cases;
}

// bash

/// What follows a flag, in the words of the script below.
std::string bash_kind(const OptionDescription& option) {
  if (!option.choices.empty()) return "kind=words words=" + quoted(joined(option.choices));
  if (option.type == value::file) return "kind=file";
  if (option.type == value::folder) return "kind=folder";
  if (option.type == value::setting) return "kind=setting";
  return "kind=other";
}

/// What follows each flag of a command; `pattern` matches the command.
std::string bash_values(const CommandDescription& command, const std::string& pattern) {
  std::string cases;
  for (const auto& option : command.options) {
    if (option.positional() || option.value.empty()) continue;
    Words patterns;
    for (const auto& flag : option.flags) patterns.push_back(pattern + "," + flag);
    cases += "    " + joined(patterns, " | ") + ") " + bash_kind(option) + " ;;\n";
  }
  return cases;
}

/// `text` with each @name@ replaced.
std::string filled(std::string text, const std::vector<std::pair<std::string, std::string>>& parts) {
  for (const auto& [name, part] : parts) {
    const std::string place = "@" + name + "@";
    for (auto at = text.find(place); at != std::string::npos; at = text.find(place, at + part.size())) {
      text.replace(at, place.size(), part);
    }
  }
  return text;
}

std::string complete_bash(const CommandDescription& program) {
  std::string values, words, nested, following;
  for (const auto& command : subcommands_of(program)) {
    const std::string name = quoted(joined(command.path));
    values += bash_values(command, name);
    words += fmt::format("    {}) words=\"{} $flags\" ;;\n", name, joined(flags_of(command)));
    if (command.path.size() > 1) {
      const Words above(command.path.begin(), command.path.end() - 1);
      nested += fmt::format("          {},{}) command={} ;;\n", quoted(joined(above)), command.path.back(), name);
    }
    Words follow = names_below(command);
    for (const auto& option : command.options) {
      if (option.positional()) follow.insert(follow.end(), option.choices.begin(), option.choices.end());
    }
    if (!follow.empty()) following += fmt::format("          {}) words={} ;;\n", name, quoted(joined(follow)));
  }
  Words with_value;
  for (const auto& option : program.options) {
    if (!option.value.empty()) with_value.insert(with_value.end(), option.flags.begin(), option.flags.end());
  }
  return filled(
      std::string(scripts::sda_bash),
      {{"values", values + bash_values(program, "*")},
       {"words", words},
       {"nested", nested},
       {"following", following},
       {"global_flags", joined(flags_of(program))},
       {"global_value_flags", joined(with_value, " | ")},
       {"commands", joined(names_below(program))},
       {"all_keys", joined(all_keys())},
       {"keys", cases_of_keys("    ", [](const Words& choices) { return "words=" + quoted(joined(choices)); })}});
}

// zsh

std::string zsh_action(const OptionDescription& option) {
  if (!option.choices.empty()) return "(" + joined(option.choices) + ")";
  if (option.type == value::file) return "_files";
  if (option.type == value::folder) return "_files -/";
  if (option.type == value::setting) return "_sda_setting";
  return " ";
}

/// A description for _arguments, which reads brackets and colons.
std::string zsh_text(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("[]:\\").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string zsh_specs(const CommandDescription& command, const std::string& indent) {
  std::string specs;
  for (const auto& option : command.options) {
    const std::string value = option.value.empty() ? "" : ":" + zsh_text(option.value) + ":" + zsh_action(option);
    if (option.positional()) {
      specs += indent + quoted((option.repeated ? "*" : "") + value) + "\n";
      continue;
    }
    for (const auto& flag : option.flags) {
      const std::string others = option.repeated ? "*" : "(" + joined(option.flags) + ")";
      const std::string equals = flag.starts_with("--") && !value.empty() ? "=" : "";
      specs += indent + quoted(others + flag + equals + "[" + zsh_text(option.help) + "]" + value) + "\n";
    }
  }
  return specs;
}

std::string zsh_function_name(const CommandDescription& command) {
  return command.path.empty() ? "_sda_commands" : "_sda_" + joined(command.path, "_");
}

/// "_arguments …" with the flags of a command, each on a line.
std::string zsh_arguments(const CommandDescription& command) {
  CommandDescription own = command;
  std::erase_if(own.options,
                [](const auto& option) { return !option.positional() && option.flags.back() == "--help"; });
  std::string text = "_arguments $shared";
  std::istringstream specs(zsh_specs(own, "            "));
  for (std::string spec; std::getline(specs, spec);) text += " \\\n" + spec;
  return text;
}

std::string zsh_functions(const CommandDescription& command) {
  std::string commands, cases, below_it;
  for (const auto& below : command.subcommands) {
    const std::string& name = below.path.back();
    commands += "    " + quoted(name + ":" + zsh_text(below.description)) + "\n";
    const bool leaf = below.subcommands.empty();
    cases += "        " + name + ") " + (leaf ? zsh_arguments(below) : zsh_function_name(below)) + " ;;\n";
    if (!leaf) below_it += zsh_functions(below);
  }
  const std::string what = command.path.empty() ? "sda" : "sda " + joined(command.path);
  return filled(std::string(scripts::commands_zsh),
                {{"name", zsh_function_name(command)}, {"commands", commands}, {"what", what}, {"cases", cases}}) +
         below_it;
}

std::string complete_zsh(const CommandDescription& program) {
  return filled(std::string(scripts::sda_zsh),
                {{"all_keys", joined(all_keys())},
                 {"keys", cases_of_keys("    ", [](const Words& choices) { return "compadd -- " + joined(choices); })},
                 {"functions", zsh_functions(program)},
                 {"shared", zsh_specs(program, "    ")}});
}

// fish

std::string fish_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

/// What follows, in flags of fish's `complete`.
std::string fish_value(const OptionDescription& option) {
  if (option.value.empty()) return "";
  const std::string follows = option.positional() ? "" : " -r";
  if (!option.choices.empty()) return follows + " -f -a " + fish_quoted(joined(option.choices));
  if (option.type == value::file) return follows + " -F";
  if (option.type == value::folder) return follows + " -f -a '(__fish_complete_directories)'";
  if (option.type == value::setting) return follows + " -f -a '(__sda_settings)'";
  return follows + " -f";
}

std::string fish_lines(const CommandDescription& command, const std::string& condition) {
  std::string lines;
  for (const auto& option : command.options) {
    std::string line = "complete -c sda" + condition;
    for (const auto& flag : option.flags) {
      line += flag.starts_with("--") ? " -l " + flag.substr(2) : " -s " + flag.substr(1);
    }
    lines += line + fish_value(option) + " -d " + fish_quoted(option.help) + "\n";
  }
  return lines;
}

/// The condition that all words of a path have been typed, for fish's `complete -n`.
std::string fish_seen(const Words& path) {
  if (path.empty()) return "__fish_use_subcommand";
  Words seen;
  for (const auto& word : path) seen.push_back("__fish_seen_subcommand_from " + word);
  return joined(seen, "; and ");
}

std::string complete_fish(const CommandDescription& program) {
  Words settings;
  for_each_key([&](const std::string& name, const Words& choices) {
    if (choices.empty()) settings.push_back(name + "=");
    for (const auto& choice : choices) settings.push_back(name + "=" + choice);
  });
  std::string text = "# Completion of sda for fish, written by `sda completion fish`.\n\nfunction __sda_settings\n";
  text += "  string split ' ' " + fish_quoted(joined(settings)) + "\nend\n\ncomplete -c sda -f\n";
  text += fish_lines(program, "");
  for (const auto& command : subcommands_of(program)) {
    const Words above(command.path.begin(), command.path.end() - 1);
    text += fmt::format("\ncomplete -c sda -n '{}' -a {} -d {}\n", fish_seen(above), command.path.back(),
                        fish_quoted(command.description));
    text += fish_lines(command, " -n '" + fish_seen(command.path) + "'");
  }
  return text;
}

}  // namespace

Subcommand completion_command(CLI::App& program, Globals&) {
  auto shell = std::make_shared<std::string>();
  CLI::App* flags = add_subcommand(program, "completion", "Print a script that completes commands in a shell",
                                   "sda completion zsh > ~/.zfunc/_sda\n"
                                   "  sda completion fish > ~/.config/fish/completions/sda.fish\n"
                                   "  eval \"$(sda completion bash)\"");
  flags->add_option("SHELL", *shell, "shell to complete in")
      ->required()
      ->check(CLI::IsMember(std::vector<std::string>{"bash", "zsh", "fish"}));
  return {flags, [shell, &program] {
            const CommandDescription whole = describe(program);
            if (*shell == "bash") print(complete_bash(whole));
            if (*shell == "zsh") print(complete_zsh(whole));
            if (*shell == "fish") print(complete_fish(whole));
          }};
}

}  // namespace sda::app

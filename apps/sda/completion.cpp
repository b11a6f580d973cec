/// sda completion: what a shell needs to complete commands, flags, keys and their values. The scripts are whole: they
/// never run the program.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <functional>

#include "command.hpp"
#include "reference.hpp"
#include "sda/io/keys.hpp"

namespace sda::app {
namespace {

using Words = std::vector<std::string>;

std::string joined(const Words& words, const std::string& separator = " ") {
  return fmt::format("{}", fmt::join(words, separator));
}

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

Words names_of(const std::vector<CommandDescription>& commands) {
  Words names;
  for (const auto& command : commands) names.push_back(command.name);
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

std::string bash_cases(const CommandDescription& command, const std::string& prefix) {
  std::string cases;
  for (const auto& option : command.options) {
    if (option.positional() || option.value.empty()) continue;
    Words patterns;
    for (const auto& flag : option.flags) patterns.push_back(prefix + flag);
    cases += fmt::format("    {}) {} ;;\n", joined(patterns, " | "), bash_kind(option));
  }
  return cases;
}

constexpr const char* bash_script = R"(# Completion of sda for bash, written by `sda completion bash`.

# What follows flag $2 of command $1: sets kind and words, which are _sda's.
_sda_value() {
  case "$1,$2" in
@values@  esac
}

# What may stand where no flag wants a value.
_sda_words() {
  local flags='@global_flags@'
  case $1 in
    '') words="@commands@ $flags" ;;
@words@  esac
}

# What key $1 may be.
_sda_choices() {
  case $1 in
@keys@    *) words='' ;;
  esac
}

_sda() {
  # Not COMP_WORDS: bash parts words at '=', and --set KEY=VALUE is one of ours.
  local -a line
  local current flag command='' kind=none words='' prefix='' i
  read -a line <<<"${COMP_LINE:0:COMP_POINT}"
  [[ ${COMP_LINE:0:COMP_POINT} == *[[:space:]] ]] && line+=('')
  current=${line[-1]} flag=${line[-2]-}
  for ((i = 1; i < ${#line[@]} - 1; ++i)); do
    case ${line[i]} in
      @global_value_flags@) ((++i)) ;;
      -*) ;;
      *) command=${line[i]} && break ;;
    esac
  done
  COMPREPLY=()
  if [[ $current == --*=* ]]; then
    prefix=${current%%=*}= flag=${current%%=*} current=${current#*=}
  fi
  _sda_value "$command" "$flag"
  case $kind in
    file) return ;;  # bash's own completion of files
    folder) compopt +o default -o dirnames 2>/dev/null && return ;;
    other) compopt +o default 2>/dev/null; return ;;
    setting)
      if [[ $current == *=* ]]; then
        _sda_choices "${current%%=*}"
        prefix+=${current%%=*}= current=${current#*=}
      else
        words='@all_keys@'
        compopt -o nospace 2>/dev/null
      fi
      compopt +o default 2>/dev/null
      ;;
    words) compopt +o default 2>/dev/null ;;
    none)
      _sda_words "$command"
      if [[ -n $command && $current != -* ]]; then
        words=''  # files, unless the command takes one of a few words
        case $command in
@positionals@        esac
      fi
      ;;
  esac
  # Where bash parts words at '=', what stands before it is no part of the reply.
  if [[ $COMP_WORDBREAKS == *=* ]]; then prefix=''; fi
  for i in $(compgen -W "$words" -- "$current"); do COMPREPLY+=("$prefix$i"); done
}

complete -o bashdefault -o default -F _sda sda
)";

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

std::string complete_bash(const ProgramDescription& description) {
  const CommandDescription& program = description.program;
  std::string values, words, positionals;
  for (const auto& command : description.subcommands) {
    values += bash_cases(command, command.name + ",");
    words += fmt::format("    {}) words=\"{} $flags\" ;;\n", command.name, joined(flags_of(command)));
    for (const auto& option : command.options) {
      if (!option.positional() || option.choices.empty()) continue;
      positionals += fmt::format("          {}) words={} ;;\n", command.name, quoted(joined(option.choices)));
    }
  }
  Words with_value;
  for (const auto& option : program.options) {
    if (!option.value.empty()) with_value.insert(with_value.end(), option.flags.begin(), option.flags.end());
  }
  return filled(
      bash_script,
      {{"values", values + bash_cases(program, "*,")},
       {"words", words},
       {"positionals", positionals},
       {"global_flags", joined(flags_of(program))},
       {"global_value_flags", joined(with_value, " | ")},
       {"commands", joined(names_of(description.subcommands))},
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

constexpr const char* zsh_script = R"(#compdef sda
# Completion of sda for zsh, written by `sda completion zsh`.

# KEY=VALUE of --set.
_sda_setting() {
  if ! compset -P '*='; then
    compadd -S '' -- @all_keys@
    return
  fi
  case ${${IPREFIX%=}##*=} in
@keys@  esac
}

_sda() {
  local curcontext=$curcontext state line
  local -a shared commands
  typeset -A opt_args
  shared=(
@shared@  )
  commands=(
@commands@  )
  _arguments -C $shared '1: :->command' '*:: :->arguments' && return
  case $state in
    command) _describe -t commands 'sda command' commands ;;
    arguments)
      case $words[1] in
@cases@      esac
      ;;
  esac
}

if [[ $funcstack[1] == _sda ]]; then
  _sda "$@"
else
  compdef _sda sda
fi
)";

std::string complete_zsh(const ProgramDescription& description) {
  std::string commands, cases;
  for (const auto& command : description.subcommands) {
    commands += "    " + quoted(command.name + ":" + zsh_text(command.description)) + "\n";
    CommandDescription own = command;
    std::erase_if(own.options,
                  [](const auto& option) { return !option.positional() && option.flags.back() == "--help"; });
    std::string specs = zsh_specs(own, "            ");
    for (auto at = specs.find('\n'); at != std::string::npos; at = specs.find('\n', at + 3))
      specs.replace(at, 1, " \\\n");
    cases +=
        fmt::format("        {})\n          _arguments $shared \\\n{}            && return ;;\n", command.name, specs);
  }
  return filled(zsh_script,
                {{"all_keys", joined(all_keys())},
                 {"keys", cases_of_keys("    ", [](const Words& choices) { return "compadd -- " + joined(choices); })},
                 {"shared", zsh_specs(description.program, "    ")},
                 {"commands", commands},
                 {"cases", cases}});
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

std::string complete_fish(const ProgramDescription& description) {
  Words settings;
  for_each_key([&](const std::string& name, const Words& choices) {
    if (choices.empty()) settings.push_back(name + "=");
    for (const auto& choice : choices) settings.push_back(name + "=" + choice);
  });
  std::string text = "# Completion of sda for fish, written by `sda completion fish`.\n\nfunction __sda_settings\n";
  text += "  string split ' ' " + fish_quoted(joined(settings)) + "\nend\n\ncomplete -c sda -f\n";
  text += fish_lines(description.program, "");
  for (const auto& command : description.subcommands) {
    text += fmt::format("\ncomplete -c sda -n __fish_use_subcommand -a {} -d {}\n", command.name,
                        fish_quoted(command.description));
    text += fish_lines(command, " -n '__fish_seen_subcommand_from " + command.name + "'");
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
            const ProgramDescription description = describe(program);
            print(*shell == "bash"  ? complete_bash(description)
                  : *shell == "zsh" ? complete_zsh(description)
                                    : complete_fish(description));
          }};
}

}  // namespace sda::app

/// Finds gnuplot, runs it on a script and renames what it drew into place.
#include "report/gnuplot.hpp"

#include <fcntl.h>
#include <fmt/ranges.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "report/png.hpp"
#include "sda/core/error.hpp"

namespace sda::report {

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out += '\'';
    out += c == '\n' ? ' ' : c;
  }
  return out + "'";
}

std::vector<std::string> wrapped(const std::string& text, std::size_t max) {
  std::vector<std::string> lines{""};
  std::size_t length = 0;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    const auto characters = static_cast<std::size_t>(
        std::count_if(word.begin(), word.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
    if (length > 0 && length + 1 + characters > max) lines.emplace_back(), length = 0;
    if (length > 0) lines.back() += ' ', ++length;
    lines.back() += word, length += characters;
  }
  return lines;
}

void Script::plot(const std::vector<std::string>& clauses) {
  line("plot {}", fmt::format("{}", fmt::join(clauses, ", ")));
}

namespace {

std::string find_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path != nullptr ? path : "");
  for (std::string folder; std::getline(folders, folder, ':');) {
    const auto candidate = (folder.empty() ? std::filesystem::path(".") : std::filesystem::path(folder)) / name;
    if (::access(candidate.c_str(), X_OK) == 0 && std::filesystem::is_regular_file(candidate))
      return candidate.string();
  }
  throw FileError({.what = "the picture program " + name + " is not installed",
                   .where = "PATH",
                   .expected = "an executable " + name,
                   .hint = "install it: apt-get install gnuplot-nox"});
}

/// Runs `program` on one argument, its output into the file `log`. Returns its exit status.
int run_program(const std::string& program, std::string argument, const std::string& log) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  std::string name = program;
  char* const arguments[] = {name.data(), argument.data(), nullptr};
  pid_t child = 0;
  const int failed = posix_spawn(&child, program.c_str(), &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return 127;
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string first_line(const std::string& path) {
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    if (line.find_first_not_of(" \t") != std::string::npos) return line;
  }
  return "no message";
}

}  // namespace

void run_gnuplot(const std::string& script, const TemporaryFile& output, const std::string& path) {
  const auto gnuplot = find_program("gnuplot");
  const TemporaryFile file(path + ".gp"), log(path + ".log");
  write_text(file.path(), script, path);
  const int status = run_program(gnuplot, file.path(), log.path());
  std::error_code error;
  if (status != 0 || std::filesystem::file_size(output.path(), error) == 0 || error) {
    throw FileError({.what = fmt::format("gnuplot could not draw the picture (exit status {})", status),
                     .where = path,
                     .found = first_line(log.path()),
                     .hint = "look whether the folder can be written and the disk has room"});
  }
}

void draw_png(const std::function<std::string(const std::string& png)>& script_into, const std::string& title,
              const Provenance& provenance, const std::string& path) {
  const TemporaryFile png(path);
  run_gnuplot(script_into(png.path()), png, path);
  const auto drawn = read_text(png.path(), path);
  write_text(png.path(),
             with_text(drawn,
                       {{"Title", title},
                        {"Software", "sda " + provenance.version},
                        {"Creation Time", provenance.created},
                        {"sda_command", provenance.command},
                        {"sda_seed", std::to_string(provenance.seed)},
                        {"sda_config", provenance.config}},
                       path),
             path);
  png.rename_to(path);
}

}  // namespace sda::report

/// Runs the built program as a user would: arguments in; exit code, stdout and stderr out; never longer than a limit.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "scratch_folder.hpp"

namespace sda::test {

struct Finished {
  int code = -1;  ///< exit code; 128 + N if signal N ended it; −1 if it took too long and was killed
  std::string out, err;
  std::int64_t peak_memory = 0;  ///< bytes
};

struct RunOptions {
  std::chrono::seconds timeout{120};
  std::int64_t largest_file = -1;  ///< bytes that any file may grow to (RLIMIT_FSIZE); −1: no limit
  bool terminal = false;           ///< stderr is a pseudo-terminal
  std::string out_file{};          ///< stdout goes here ("/dev/full") and not into Finished::out
  int signal = 0;                  ///< sent a moment after `signal_when` appears on stderr
  std::string signal_when{};
  std::chrono::milliseconds signal_after{-1};  ///< since the start, in place of signal_when; −1: not so
};

class Program {
 public:
  explicit Program(const std::vector<std::string>& arguments, RunOptions options = {}) : options_(std::move(options)) {
    start(arguments);
  }

  Finished wait() {
    const auto start = std::chrono::steady_clock::now(), deadline = start + options_.timeout;
    bool signalled = options_.signal == 0;
    int status = 0;
    rusage usage{};
    while (wait4(pid_, &status, WNOHANG, &usage) == 0) {
      drain_terminal();
      if (options_.signal_after.count() >= 0) {
        if (!signalled && std::chrono::steady_clock::now() - start >= options_.signal_after) {
          kill(pid_, options_.signal);
          signalled = true;
        }
      } else if (!signalled && error_text().find(options_.signal_when) != std::string::npos) {
        std::this_thread::sleep_for(std::chrono::milliseconds(300));
        kill(pid_, options_.signal);
        signalled = true;
      }
      if (std::chrono::steady_clock::now() > deadline) {
        kill(pid_, SIGKILL);
        waitpid(pid_, &status, 0);
        return {-1, read_bytes(out_path()), error_text(), 0};
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    drain_terminal();
    if (terminal_ >= 0) close(terminal_);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), read_bytes(out_path()), error_text(),
            std::int64_t{1024} * usage.ru_maxrss};
  }

 private:
  std::string out_path() const { return options_.out_file.empty() ? folder_.file("out") : "/dev/null"; }
  std::string error_text() const { return options_.terminal ? drawn_ : read_bytes(folder_.file("err")); }

  void start(const std::vector<std::string>& arguments) {
    std::vector<std::string> words{SDA_PROGRAM};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    const std::string out = options_.out_file.empty() ? folder_.file("out") : options_.out_file;
    int slave = -1;
    if (options_.terminal) {
      if (openpty(&terminal_, &slave, nullptr, nullptr, nullptr) != 0) throw std::runtime_error("no pseudo-terminal");
      fcntl(terminal_, F_SETFL, O_NONBLOCK);
    }
    const int out_file = open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    const int err_file =
        options_.terminal ? slave : open(folder_.file("err").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    pid_ = fork();
    if (pid_ < 0) throw std::runtime_error("no process can be made");
    if (pid_ == 0) {
      dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
      dup2(out_file, STDOUT_FILENO);
      dup2(err_file, STDERR_FILENO);
      if (options_.largest_file >= 0) {
        const auto bytes = static_cast<rlim_t>(options_.largest_file);
        const rlimit limit{bytes, bytes};
        setrlimit(RLIMIT_FSIZE, &limit);
      }
      execv(argv[0], argv.data());
      _exit(127);
    }
    close(out_file);
    close(err_file);
  }

  void drain_terminal() {
    if (terminal_ < 0) return;
    char bytes[4096];
    for (ssize_t n; (n = read(terminal_, bytes, sizeof bytes)) > 0;) drawn_.append(bytes, static_cast<std::size_t>(n));
  }

  RunOptions options_;
  ScratchFolder folder_;
  std::string drawn_;
  int terminal_ = -1;
  pid_t pid_ = -1;
};

inline Finished run_program(const std::vector<std::string>& arguments, RunOptions options = {}) {
  return Program(arguments, std::move(options)).wait();
}

}  // namespace sda::test

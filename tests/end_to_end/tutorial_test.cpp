/// What pages tell a reader to type is understood by the program, and what tutorials do works, in small.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "pages.hpp"
#include "program.hpp"
#include "tools.hpp"

namespace sda::test {
namespace {

namespace fs = std::filesystem;

std::set<std::string> matches(const std::string& text, const std::string& pattern) {
  const std::regex regex(pattern);
  std::set<std::string> found;
  for (auto match = std::sregex_iterator(text.begin(), text.end(), regex); match != std::sregex_iterator(); ++match) {
    found.insert((*match)[1]);
  }
  return found;
}

/// What there is to be typed, from what the program says of itself.
struct Vocabulary {
  Vocabulary() {
    const std::string everywhere = run_program({"--help"}).out;
    for (const auto& name : matches(everywhere, "\n  ([a-z]+) ")) {
      if (name == "sda") continue;
      const std::string help = run_program({name, "--help"}).out;
      flags[name] = matches(everywhere + help, "(--[a-z-]+)");
      const auto below = help.find("\nSubcommands:");
      if (below == std::string::npos) continue;
      for (const auto& one : matches(help.substr(below), "\n  ([a-z]+) ")) {
        flags[name + " " + one] = matches(everywhere + run_program({name, one, "--help"}).out, "(--[a-z-]+)");
      }
    }
    std::istringstream text(run_program({"keys"}).out);
    std::string section;
    for (std::string line; std::getline(text, line);) {
      if (line.starts_with("[")) section = line.substr(1, line.find(']') - 1);
      if (const auto equals = line.find(" = "); equals != std::string::npos && line.front() != '#') {
        keys.insert(section + "." + line.substr(0, equals));
      }
    }
  }
  std::map<std::string, std::set<std::string>> flags;  ///< of each subcommand, and of those below: "study noise"
  std::set<std::string> keys;
};

/// Lines that begin with `sda` where something is shown that one types, in pages and in the comments of experiments;
/// those that end in a backslash with the next.
std::vector<std::string> commands_in(const fs::path& page) {
  std::istringstream text(read_bytes(page));
  std::vector<std::string> commands;
  bool goes_on = false;
  for (std::string line; std::getline(text, line);) {
    line.erase(0, line.find_first_not_of("# "));
    if (!goes_on && !line.starts_with("sda ")) continue;
    if (!goes_on) commands.emplace_back();
    goes_on = line.ends_with('\\');
    if (goes_on) line.pop_back();
    commands.back() += line + " ";
  }
  return commands;
}

/// What a command says that is not known; empty if all is.
std::string unknown_in(const std::string& command, const Vocabulary& known) {
  std::istringstream words(command.substr(0, command.find(" #")));
  std::string word, name;
  words >> word >> name;
  if (name.starts_with("-") || name == "[flags]") return "";
  if (!known.flags.contains(name)) return "subcommand " + name;
  if (words >> word && known.flags.contains(name + " " + word)) {
    name += " " + word;
    words >> word;
  }
  const auto found = known.flags.find(name);
  for (bool set = false; words; set = word == "--set", words >> word) {
    if (word == "&&" || word == "|" || word == ">") break;
    const std::string flag = word.substr(0, word.find('='));
    if (flag.starts_with("--") && !found->second.contains(flag)) return flag + " of sda " + name;
    if (set) {
      std::string key = word.substr(0, word.find('='));
      key.erase(0, key.find_first_not_of("'\""));
      key = std::regex_replace(key, std::regex("^observation\\.[^.]*\\."), "observation.NAME.");
      if (!known.keys.contains(key)) return "key " + key;
    }
    for (const char* folder : {"experiments/", "models/", "examples/"}) {
      if (word.starts_with(folder) && !fs::exists(std::string(SDA_SOURCE_DIR) + "/" + word)) return word;
    }
  }
  return "";
}

TEST(Pages, NameOnlyCommandsFlagsAndKeysThatThereAre) {
  const Vocabulary known;
  ASSERT_GE(known.flags.size(), 10U);
  std::size_t count = 0;
  for (const char* extension : {".md", ".toml"}) {
    for (const auto& page : repository_files(extension)) {
      for (const auto& command : commands_in(page)) {
        EXPECT_EQ(unknown_in(command, known), "") << fs::relative(page, SDA_SOURCE_DIR) << ": " << command;
        ++count;
      }
    }
  }
  EXPECT_GT(count, 60U);
}

TEST(Pages, WhatThereIsNotIsSeen) {
  const Vocabulary known;
  EXPECT_EQ(unknown_in("sda train --data run/data -o run/model.nc --set network.order=4", known), "");
  EXPECT_EQ(unknown_in("sda trains --data run/data", known), "subcommand trains");
  EXPECT_EQ(unknown_in("sda train --dat run/data", known), "--dat of sda train");
  EXPECT_EQ(unknown_in("sda study noise -o run/noise --tails gaussian", known), "");
  EXPECT_EQ(unknown_in("sda study noise --delays 1", known), "--delays of sda study noise");
  EXPECT_EQ(unknown_in("sda train --set network.ordr=4", known), "key network.ordr");
  EXPECT_EQ(unknown_in("sda observe --set 'observation.xz.sigm=4'", known), "key observation.NAME.sigm");
  EXPECT_EQ(unknown_in("sda assimilate --model models/none.nc", known), "models/none.nc");
}

/// A folder like the repository's, for a reader who types what a page says. The program is the one of this build, and
/// takes less work upon itself than it is told.
class Reader : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"experiments", "models", "examples"}) {
      fs::create_directory_symlink(std::string(SDA_SOURCE_DIR) + "/" + name, folder_.file(name));
    }
    fs::create_directory(folder_.file("run"));
  }

  /// Types the commands of a page; `smaller` is what `sda simulate` is told beside.
  Outcome type(const std::string& page, const std::string& smaller) const {
    const std::string commands = text_of(std::string(SDA_SOURCE_DIR) + "/" + page, "sh");
    EXPECT_FALSE(commands.empty()) << page;
    write_bytes(folder_.file("typed.sh"), R"(set -e
cmake() { :; }
sda() {
  local less=()
  case $1 in
    simulate) less=()" + smaller + R"() ;;
    train) less=(--set training.epochs=2) ;;
    assimilate)
      less=(--keep-diverged --set sampler.steps=4)
      [[ "$*" == *part_* ]] || less+=(--set assimilation.members=4) ;;  # parts are joined by their members' numbers
    filter) less=(--set filter.particles=64 --set filter.members=8) ;;
    calibrate) less=(--set sampler.steps=4 --set filter.particles=64) ;;
  esac
  printf '$ sda %s\n' "$*"
  )" SDA_PROGRAM R"( "$@" "${less[@]}"
}
)" + commands);
    return run("cd " + folder_.file("") + " && timeout 500 bash typed.sh");
  }

  ScratchFolder folder_;
};

TEST_F(Reader, FollowsTheFirstTutorialAndTheRecipes) {
  const std::string smaller = "--set simulation.trajectories=50 --set simulation.length=80 --set simulation.spin_up=2";
  const auto tutorial = type("docs/tutorials/lorenz63.md", smaller);
  EXPECT_EQ(tutorial.status, 0) << tutorial.output;
  const auto recipes = type("docs/howto.md", smaller);
  EXPECT_EQ(recipes.status, 0) << recipes.output;
  for (const char* made : {"run/report/report.html", "run/both_posterior.nc", "run/split_0003.nc", "run/scores.json"}) {
    EXPECT_TRUE(fs::exists(folder_.file(made))) << made;
  }

  if (!is_installed("/usr/bin/python3 -c 'import xarray'")) GTEST_SKIP() << "Python's xarray is not installed";
  write_bytes(folder_.file("read.py"), text_of(SDA_SOURCE_DIR "/docs/howto.md", "python"));
  const auto read = run("cd " + folder_.file("") + " && /usr/bin/python3 read.py");
  EXPECT_EQ(read.status, 0) << read.output;
  EXPECT_THAT(read.output, testing::HasSubstr("P(z stays below 40 | y) = "));
}

TEST_F(Reader, FollowsTheTutorialOfObservations) {
  const auto tutorial = type("docs/tutorials/observations.md", "");
  EXPECT_EQ(tutorial.status, 0) << tutorial.output;
  const std::string page = read_bytes(SDA_SOURCE_DIR "/docs/tutorials/observations.md");
  for (const char* shown : {"masts.csv: 28 of 30 observations used: 16 of x, 8 of z, 4 of radius",
                            "observed masts: 28 observations of a trajectory of 57 states"}) {
    EXPECT_THAT(page, testing::HasSubstr(shown));
    EXPECT_THAT(tutorial.output, testing::HasSubstr(shown));
  }
  EXPECT_TRUE(fs::exists(folder_.file("run/masts_report/masts.png")));
}

TEST_F(Reader, FollowsTheTutorialOfTurbulence) {
  const auto tutorial = type("docs/tutorials/turbulence.md",
                             "--set simulation.trajectories=10 --set simulation.length=33 --set simulation.spin_up=0 "
                             "--set dynamics.solver_grid=64");
  EXPECT_EQ(tutorial.status, 0) << tutorial.output;
  EXPECT_TRUE(fs::exists(folder_.file("run/report/averages.gif")));
}

}  // namespace
}  // namespace sda::test

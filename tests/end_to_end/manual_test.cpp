/// Man pages as man reads them, and completions as the shells do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "program.hpp"
#include "tools.hpp"

namespace sda::test {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

const std::vector<std::string> commands{"simulate", "train",      "observe", "assimilate", "filter",
                                        "evaluate", "report",     "inspect", "import",     "keys",
                                        "manual",   "completion", "study",   "calibrate",  "baseline"};
const std::vector<std::string> studies{"windows", "sampler", "misspecified", "noise", "memory", "scaling"};

class Manual : public testing::Test {
 protected:
  void SetUp() override {
    const auto written = run_program({"manual", "-o", folder_.file("man")});
    ASSERT_EQ(written.code, 0) << written.err;
  }
  std::string page(const std::string& name) const { return folder_.file("man/" + name + ".1"); }
  std::vector<std::string> pages() const {
    std::vector<std::string> all{page("sda")};
    for (const auto& command : commands) all.push_back(page("sda-" + command));
    for (const auto& study : studies) all.push_back(page("sda-study-" + study));
    return all;
  }
  ScratchFolder folder_;
};

TEST_F(Manual, HasAPageForEverySubcommand) {
  for (const auto& path : pages()) EXPECT_THAT(read_bytes(path), StartsWith(".TH SDA")) << path;
}

TEST_F(Manual, PagesAreGoodRoff) {
  if (!is_installed("groff -v")) GTEST_SKIP() << "groff is not installed";
  for (const auto& path : pages()) {
    const auto formatted = run("groff -man -Tutf8 -ww -z " + path);
    EXPECT_EQ(formatted.status, 0);
    EXPECT_EQ(formatted.output, "") << path;
  }
}

TEST_F(Manual, PagesHaveNoFaultThatMandocKnows) {
  if (!is_installed("command -v mandoc")) GTEST_SKIP() << "mandoc is not installed";
  for (const auto& path : pages()) {
    // A date would be that of the build, and two builds of one source would differ.
    const auto lint = run("mandoc -Tlint -W style " + path + " | grep -v 'missing date'");
    EXPECT_EQ(lint.output, "") << path;
  }
}

TEST_F(Manual, PagesReadAsText) {
  if (!is_installed("groff -v")) GTEST_SKIP() << "groff is not installed";
  const auto text = run("GROFF_NO_SGR=1 groff -man -Tutf8 " + page("sda-assimilate") + " | col -bx | tr -s ' \\n' ' '");
  EXPECT_THAT(text.output,
              AllOf(HasSubstr("sda-assimilate - Sample the posterior of an observation with a trained prior"),
                    HasSubstr("sda assimilate [CONFIG] --model FILE --obs FILE -o FILE [flags]"),
                    HasSubstr("--quality {quick,good,best,paper}"), HasSubstr("(sampler.steps)"),
                    HasSubstr("OUTPUT_0000.nc, …"), HasSubstr("(sigma/mu)^2"), HasSubstr("--set KEY=VALUE"),
                    HasSubstr("sda assimilate --model run/model.nc")));
  EXPECT_THAT(read_bytes(page("sda")), HasSubstr(".BR sda\\-train (1)"));
}

TEST_F(Manual, WantsOneFormOrTheOther) {
  EXPECT_EQ(run_program({"manual"}).code, 2);
  EXPECT_EQ(run_program({"manual", "--markdown", "-o", folder_.file("other")}).code, 2);
}

TEST_F(Manual, LeavesNothingOfPagesThatCannotBeWritten) {
  const auto failed = run_program({"manual", "-o", folder_.file("full")}, {.largest_file = 100});
  EXPECT_EQ(failed.code, 1);
  EXPECT_THAT(failed.err, StartsWith("sda: error: " + folder_.file("full")));
  EXPECT_THAT(failed.err, HasSubstr(".1: cannot be written: "));
  EXPECT_THAT(folder_.names(), ElementsAre("man"));
}

class Completion : public testing::Test {
 protected:
  std::string script(const std::string& shell) {
    const auto printed = run_program({"completion", shell});
    EXPECT_EQ(printed.code, 0) << printed.err;
    write_bytes(folder_.file("sda." + shell), printed.out);
    return folder_.file("sda." + shell);
  }
  /// What follows `line`, in alphabetical order.
  std::vector<std::string> words(const Outcome& outcome) const {
    EXPECT_EQ(outcome.status, 0) << outcome.output;
    std::vector<std::string> lines;
    std::istringstream text(outcome.output);
    for (std::string one; std::getline(text, one);) lines.push_back(one);
    std::sort(lines.begin(), lines.end());
    return lines;
  }
  ScratchFolder folder_;
};

/// Asks the function for its replies, as bash does at a press of the tab key.
class BashCompletion : public Completion {
 protected:
  std::vector<std::string> after(const std::string& line, const std::string& breaks = " \t\n\"'><=;|&(:") {
    write_bytes(folder_.file("ask.bash"),
                "source " + script("bash") + "\nCOMP_WORDBREAKS=$'" + breaks_in_bash(breaks) + "'" + R"(
COMP_LINE=$1 COMP_POINT=${#1}
_sda
(( ${#COMPREPLY[@]} )) && printf '%s\n' "${COMPREPLY[@]}"
true
)");
    return words(run("bash --norc " + folder_.file("ask.bash") + " '" + line + "'"));
  }
  static std::string breaks_in_bash(const std::string& breaks) {
    std::string out;
    for (const char c : breaks) out += c == '\'' ? "\\'" : c == '\n' ? "\\n" : c == '\t' ? "\\t" : std::string(1, c);
    return out;
  }
};

TEST_F(BashCompletion, KnowsSubcommands) {
  EXPECT_THAT(after("sda ass"), ElementsAre("assimilate"));
  EXPECT_THAT(after("sda --seed 1 --quiet f"), ElementsAre("filter"));
  for (const auto& command : commands) EXPECT_THAT(after("sda "), Contains(command));
}

TEST_F(BashCompletion, KnowsFlags) {
  EXPECT_THAT(after("sda train --o"), ElementsAre("--order", "--output"));
  EXPECT_THAT(after("sda train --data data -o m.nc --res"), ElementsAre("--resume"));
  EXPECT_THAT(after("sda train --th"), ElementsAre("--threads"));
  EXPECT_THAT(after("sda train --qual"), IsEmpty());
}

TEST_F(BashCompletion, KnowsChoicesOfValues) {
  // Shells sort.
  EXPECT_THAT(after("sda assimilate --quality "), ElementsAre("best", "good", "paper", "quick"));
  EXPECT_THAT(after("sda assimilate --quality=g"), ElementsAre("good"));
  EXPECT_THAT(after("sda assimilate --rule m"), ElementsAre("mmps"));
  EXPECT_THAT(after("sda completion "), ElementsAre("bash", "fish", "zsh"));
  EXPECT_THAT(after("sda assimilate --members "), IsEmpty());
  EXPECT_THAT(after("sda assimilate --model "), IsEmpty());  // left to bash, which knows files
}

TEST_F(BashCompletion, KnowsKeysAndTheirChoices) {
  EXPECT_THAT(after("sda assimilate --set sampler.st"), ElementsAre("sampler.steps="));
  EXPECT_THAT(after("sda assimilate --set sampler.grid=p"), ElementsAre("power"));
  EXPECT_THAT(after("sda assimilate --set=sampler.grid=p"), ElementsAre("power"));
  EXPECT_THAT(after("sda assimilate --set guidance.detach="), ElementsAre("false", "true"));
  EXPECT_THAT(after("sda assimilate --set sampler.steps="), IsEmpty());
  // Where bash does not part words at '=', the whole word is replaced.
  EXPECT_THAT(after("sda assimilate --set sampler.grid=p", " \t\n"), ElementsAre("sampler.grid=power"));
}

/// A shell at a terminal, and the tab key.
TEST_F(BashCompletion, CompletesAsOneTypes) {
  if (!is_installed("command -v script")) GTEST_SKIP() << "script (bsdutils) is not installed";
  write_bytes(folder_.file("rc"), "PS1=''\nsda() { printf '<%s>' \"$@\"; echo; }\nsource " + script("bash") + "\n");
  write_bytes(folder_.file("observed.nc"), "");
  write_bytes(folder_.file("keys"), "sda assim\t--qual\tbe\t--set sampler.gri\tpow\t--obs obser\t\nexit\n");
  const auto typed =
      run("cd " + folder_.file("") + " && TERM=dumb script -qec 'bash --noprofile --rcfile rc -i' /dev/null < keys");
  EXPECT_THAT(typed.output, HasSubstr("<assimilate><--quality><best><--set><sampler.grid=power><--obs><observed.nc>"));
}

TEST_F(Completion, FishKnowsCommandsFlagsAndChoices) {
  if (!is_installed("fish --version")) GTEST_SKIP() << "fish is not installed";
  const std::string path = script("fish");
  EXPECT_EQ(run("fish -n " + path).output, "");
  const auto after = [&](const std::string& line) {
    const std::string home = "HOME=" + folder_.file("") + " XDG_CONFIG_HOME= XDG_DATA_HOME= ";
    return words(run(home + "fish -N -c 'source " + path + "; complete -C \"" + line + "\" | string split -f1 \\t'"));
  };
  EXPECT_THAT(after("sda ass"), ElementsAre("assimilate"));
  EXPECT_THAT(after("sda train --o"), ElementsAre("--order", "--output"));
  EXPECT_THAT(after("sda assimilate --quality "), ElementsAre("best", "good", "paper", "quick"));
  EXPECT_THAT(after("sda assimilate --set sampler.grid="), AllOf(Contains("sampler.grid=power"), Not(IsEmpty())));
}

TEST_F(Completion, ZshCompletesAsOneTypes) {
  if (!is_installed("zsh --version")) GTEST_SKIP() << "zsh is not installed";
  if (!is_installed("command -v script")) GTEST_SKIP() << "script (bsdutils) is not installed";
  const std::string path = script("zsh");
  const auto checked = run("zsh -n " + path);
  EXPECT_EQ(checked.status, 0);
  EXPECT_EQ(checked.output, "");
  write_bytes(
      folder_.file(".zshrc"),
      "PS1=''\nautoload -Uz compinit && compinit -u -D\nsda() { printf '<%s>' \"$@\"; echo }\nsource " + path + "\n");
  write_bytes(folder_.file("observed.nc"), "");
  write_bytes(folder_.file("keys"), "sda assim\t--quality be\t--set sampler.gri\tpow\t--obs obser\t\nexit\n");
  const auto typed =
      run("cd " + folder_.file("") + " && HOME=$PWD ZDOTDIR=$PWD TERM=dumb script -qec 'zsh -d -i' /dev/null < keys");
  EXPECT_THAT(typed.output, HasSubstr("<assimilate><--quality><best><--set><sampler.grid=power><--obs><observed.nc>"));
}

}  // namespace
}  // namespace sda::test

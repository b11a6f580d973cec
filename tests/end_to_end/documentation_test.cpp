/// What the program says of itself is what stands in docs/reference, and links between pages lead somewhere.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <regex>
#include <set>

#include "pages.hpp"
#include "program.hpp"
#include "sda/core/provenance.hpp"
#include "tools.hpp"

namespace sda::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::string source(const std::string& path) {
  return std::string(SDA_SOURCE_DIR) + "/" + path;
}

/// `page` is what the command prints.
void expect_generated(const std::string& page, const std::vector<std::string>& arguments) {
  const auto run = run_program(arguments);
  ASSERT_EQ(run.code, 0) << run.err;
  std::string command = "build/check/bin/sda";
  for (const auto& argument : arguments) command += " " + argument;
  const auto [there, printed] = first_difference(read_bytes(source(page)), run.out);
  EXPECT_TRUE(run.out == read_bytes(source(page))) << page << " is not what the program says; mend it by\n  " << command
                                                   << " > " << page << "\n  " << there << "\n  " << printed;
}

TEST(Documentation, KeysAreThoseOfTheProgram) {
  expect_generated("docs/reference/keys.md", {"keys", "--markdown"});
}

TEST(Documentation, CommandsAreThoseOfTheProgram) {
  expect_generated("docs/reference/commands.md", {"manual", "--markdown"});
}

/// A heading's anchor: letters and digits in lower case, hyphens for spaces, nothing else. Letters beyond ASCII stay.
std::string anchor(const std::string& heading) {
  std::string text;
  for (const char c : heading) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == ' ' || c == '-') text += '-';
    if (std::isalnum(byte) != 0 || c == '_' || byte >= 0x80) text += static_cast<char>(std::tolower(byte));
  }
  return text;
}

std::set<std::string> anchors(const fs::path& page) {
  std::set<std::string> found;
  std::istringstream text(text_of(page, "prose"));
  for (std::string line; std::getline(text, line);) {
    const auto level = line.find_first_not_of('#');
    if (level == 0 || level == std::string::npos || line[level] != ' ') continue;
    found.insert(anchor(line.substr(level + 1)));
  }
  return found;
}

/// Targets of [text](target) and ![text](target), but for code in backquotes.
std::vector<std::string> links(const fs::path& page) {
  static const std::regex code("`[^`]*`"), link(R"(\]\(([^)\s]+)\))");
  const std::string text = std::regex_replace(text_of(page, "prose"), code, "");
  std::vector<std::string> found;
  for (auto match = std::sregex_iterator(text.begin(), text.end(), link); match != std::sregex_iterator(); ++match) {
    found.push_back((*match)[1]);
  }
  return found;
}

/// What is wrong with a link; empty if it leads somewhere. Those to other sites are not followed.
std::string fault(const fs::path& page, const std::string& target) {
  if (target.find("://") != std::string::npos || target.starts_with("mailto:")) return "";
  const auto hash = target.find('#');
  const std::string path = target.substr(0, hash);
  const fs::path file = path.empty() ? page : page.parent_path() / path;
  if (!fs::exists(file)) return "there is no such file";
  if (hash == std::string::npos) return "";
  if (file.extension() != ".md") return "an anchor into what is no page";
  return anchors(file).contains(target.substr(hash + 1)) ? "" : "the page has no such heading";
}

TEST(Documentation, LinksLeadSomewhere) {
  std::size_t count = 0;
  for (const auto& page : repository_files(".md")) {
    for (const auto& target : links(page)) {
      EXPECT_EQ(fault(page, target), "") << fs::relative(page, SDA_SOURCE_DIR) << ": " << target;
      ++count;
    }
  }
  EXPECT_GT(count, 40U);
}

TEST(Documentation, DeadLinksAreSeen) {
  const ScratchFolder folder;
  const fs::path page = folder.file("page.md");
  write_bytes(page,
              "# One `heading`: two\n[a](page.md) ![b](none.png) [c](#one-heading-two)\n[d](page.md#three) `[e](f)`\n"
              "```\n# four\n[g](h)\n```\n[i](https://example.org/j) [k](#four)\n");
  std::vector<std::string> dead;
  for (const auto& target : links(page)) {
    if (!fault(page, target).empty()) dead.push_back(target);
  }
  EXPECT_THAT(dead, testing::ElementsAre("none.png", "page.md#three", "#four"));
}

/// Pages that people write; the references of keys and commands are printed by the program.
std::vector<fs::path> written_pages() {
  std::vector<fs::path> pages;
  for (const auto& page : repository_files(".md")) {
    const std::string name = page.filename();
    if (name != "keys.md" && name != "commands.md") pages.push_back(page);
  }
  return pages;
}

/// Characters, not bytes, of UTF-8.
std::size_t columns(const std::string& line) {
  return static_cast<std::size_t>(
      std::count_if(line.begin(), line.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

/// Lines of prose that are too long: tables, pictures, indented code and what is one word in backquotes cannot be
/// broken.
std::vector<std::string> long_lines(const fs::path& page) {
  static const std::regex one_word("^ *(- )?`[^`]*`.{0,3}$");
  std::vector<std::string> found;
  std::istringstream text(text_of(page, "prose"));
  for (std::string line; std::getline(text, line);) {
    const bool whole = line.starts_with("|") || line.starts_with("![") || line.starts_with("    ");
    if (!whole && columns(line) > 120 && !std::regex_match(line, one_word)) found.push_back(line);
  }
  return found;
}

TEST(Documentation, ProseHasLinesOfAtMost120Columns) {
  for (const auto& page : written_pages()) {
    EXPECT_THAT(long_lines(page), testing::IsEmpty()) << fs::relative(page, SDA_SOURCE_DIR);
  }
}

/// Words that the field has better ones for (docs/glossary.md); the changelog tells of 0.1 in those of 0.1.
TEST(Documentation, PagesSpeakTheFieldsWords) {
  static const std::regex ours(
      "\\b([Pp]ull-backs?|[Pp]ush-forward|[Rr]ooms|[Rr]eadings|[Ss]eams?|[Rr]ims?|[Mm]end(s|ed)?)\\b");
  for (const auto& page : written_pages()) {
    if (page.filename() == "CHANGELOG.md") continue;
    std::smatch found;
    const std::string text = text_of(page, "prose");
    EXPECT_FALSE(std::regex_search(text, found, ours)) << fs::relative(page, SDA_SOURCE_DIR) << ": " << found.str();
  }
}

TEST(Documentation, EveryHeaderIsNamed) {
  const std::string page = read_bytes(source("docs/reference/library.md"));
  for (const auto& header : repository_files(".hpp")) {
    const std::string path = fs::relative(header, SDA_SOURCE_DIR);
    if (path.starts_with("include/")) {
      EXPECT_THAT(page, HasSubstr("(../../" + path + ")"));
    }
  }
}

TEST(Documentation, EveryDecisionIsListed) {
  const std::string list = read_bytes(source("docs/decisions/README.md")), site = read_bytes(source("mkdocs.yml"));
  for (const auto& page : fs::directory_iterator(source("docs/decisions"))) {
    const std::string name = page.path().filename();
    if (name == "README.md") continue;
    EXPECT_THAT(list, HasSubstr("(" + name + ")"));
    EXPECT_THAT(site, HasSubstr("decisions/" + name));
  }
}

/// Anchors that links of a page of the site lead to and that are not there; links to what lies outside.
std::vector<std::string> faults_of_site(const fs::path& page) {
  static const std::regex link("(href|src)=\"([^\"]*)\"");
  const std::string text = read_bytes(page);
  std::vector<std::string> faults;
  for (auto match = std::sregex_iterator(text.begin(), text.end(), link); match != std::sregex_iterator(); ++match) {
    const std::string target = (*match)[2];
    if (target.find("://") != std::string::npos) {
      if ((*match)[1] == "src" || target.find(".css") != std::string::npos)
        faults.push_back(target + " from elsewhere");
      continue;
    }
    const auto hash = target.find('#');
    if (hash == std::string::npos || hash + 1 == target.size()) continue;
    fs::path other = hash == 0 ? page : page.parent_path() / target.substr(0, hash);
    if (fs::is_directory(other)) other /= "index.html";
    const bool there = read_bytes(other).find("id=\"" + target.substr(hash + 1) + "\"") != std::string::npos;
    if (!there) faults.push_back(target);
  }
  return faults;
}

/// The site's own builder holds its links and its table of contents to what is there, but not anchors.
TEST(Documentation, SiteBuildsWithoutAWarning) {
  if (!is_installed("mkdocs --version")) GTEST_SKIP() << "mkdocs is not installed";
  const ScratchFolder folder;
  const auto built = run("cd " + source("") + " && mkdocs build --strict --quiet --site-dir " + folder.file("site"));
  EXPECT_EQ(built.status, 0) << built.output;
  EXPECT_EQ(built.output, "");
  for (const char* page : {"index.html", "howto/index.html", "reference/keys/index.html", "method/index.html"}) {
    EXPECT_TRUE(fs::exists(folder.file(std::string("site/") + page))) << page;
  }
  for (const auto& entry : fs::recursive_directory_iterator(folder.file("site"))) {
    if (entry.path().extension() != ".html" || entry.path().filename() == "404.html") continue;
    EXPECT_THAT(faults_of_site(entry.path()), testing::IsEmpty()) << entry.path();
  }
}

}  // namespace
}  // namespace sda::test

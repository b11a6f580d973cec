"""A hook of mkdocs: the site takes pages from outside docs/, and files that pages link to.

Pages are written for the repository, where their links are relative to where they lie. In the site docs/ is the root, and
what lies outside it stands beside what lies in it. A link to a folder, of which the site has no page, becomes plain text.
"""

import glob
import os
import posixpath
import re

from mkdocs.structure.files import File

try:
    from nbconvert import MarkdownExporter
except ImportError:  # the site is then without notebooks
    MarkdownExporter = None

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAGES = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"]
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)|`[^`]*`")


def in_repository(page):
    """Where a page of the site lies in the repository."""
    return page if page in PAGES else "docs/" + page


def target_of(page, link):
    """The path in the repository that a link of a page leads to; None for other sites and places in the page itself."""
    path = link.partition("#")[0]
    if not path or "://" in path or path.startswith("mailto:"):
        return None
    return posixpath.normpath(posixpath.join(posixpath.dirname(in_repository(page)), path))


def lines_with_links(text):
    """(line, whether it is prose) of a page."""
    fenced = False
    for line in text.split("\n"):
        fence = line.startswith("```")
        yield line, not (fenced or fence)
        fenced ^= fence


def add_notebooks(files, config):
    """docs/notebooks/NAME.ipynb as a page NAME with its pictures, made in build/notebooks."""
    made = os.path.join(ROOT, "build")
    for path in sorted(glob.glob(os.path.join(ROOT, "docs", "notebooks", "*.ipynb"))):
        name = os.path.splitext(os.path.basename(path))[0]
        text, resources = MarkdownExporter().from_filename(path, resources={"unique_key": name})
        pages = {f"notebooks/{name}.md": text.encode()}
        for picture, contents in resources["outputs"].items():
            pages[f"notebooks/{picture}"] = contents
            pages[f"notebooks/{name}.md"] = pages[f"notebooks/{name}.md"].replace(b"(./", b"(")
        for page, contents in pages.items():
            os.makedirs(os.path.dirname(os.path.join(made, page)), exist_ok=True)
            with open(os.path.join(made, page), "wb") as file:
                file.write(contents)
            files.append(File(page, made, config["site_dir"], config["use_directory_urls"]))


def on_files(files, config):
    def add(path):
        files.append(File(path, ROOT, config["site_dir"], config["use_directory_urls"]))

    for path in PAGES:
        add(path)
    outside = set()
    for page in files.documentation_pages():
        with open(os.path.join(ROOT, in_repository(page.src_uri)), encoding="utf-8") as text:
            for line, prose in lines_with_links(text.read()):
                targets = [target_of(page.src_uri, link[3]) for link in LINK.finditer(line) if prose and link[3]]
                outside.update(t for t in targets if t and not t.startswith("docs/") and t not in PAGES)
    for path in sorted(outside):
        if os.path.isfile(os.path.join(ROOT, path)):
            add(path)
    if MarkdownExporter is not None:
        add_notebooks(files, config)
    return files


def on_page_markdown(markdown, page, config, files):
    here = posixpath.dirname(page.file.src_uri)

    def turned(match):
        if match[3] is None:
            return match[0]
        target = target_of(page.file.src_uri, match[3])
        if target is None:
            return match[0]
        if os.path.isdir(os.path.join(ROOT, target)):
            return match[2]
        place = target[len("docs/") :] if target.startswith("docs/") else target
        hash_and_anchor = match[3][len(match[3].partition("#")[0]) :]
        return f"{match[1]}[{match[2]}]({posixpath.relpath(place, here or '.')}{hash_and_anchor})"

    return "\n".join(LINK.sub(turned, line) if prose else line for line, prose in lines_with_links(markdown))

#!/usr/bin/python3
"""Opens a report in Chromium, uses it as a reader would, and prints what happened as one JSON object.

    browser.py report.html

Speaks WebDriver (https://www.w3.org/TR/webdriver2/) to chromedriver, with nothing beyond Python's own library.
"""

import base64
import hashlib
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.request

RIGHT, ESCAPE = "\ue014", "\ue00c"
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the standard's name of a reference to an element
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1200,900",
         "--hide-scrollbars", "--force-prefers-reduced-motion"]


class Browser:
    def __init__(self, driver, profile):
        port = next(found[1] for found in map(re.compile(r"successfully on port (\d+)").search, driver.stdout) if found)
        self.address = f"http://127.0.0.1:{port}/session"
        options = {"args": FLAGS + [f"--user-data-dir={profile}"]}
        wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        self.address += "/" + self.ask("POST", "", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]

    def ask(self, method, path, body=None):
        data = json.dumps(body if body is not None else {}).encode() if method == "POST" else None
        request = urllib.request.Request(self.address + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def open(self, url):
        self.ask("POST", "/url", {"url": url})

    def run(self, script, *arguments):
        return self.ask("POST", "/execute/sync", {"script": script, "args": arguments})

    def find(self, css):
        return [found[ELEMENT] for found in self.ask("POST", "/elements", {"using": "css selector", "value": css})]

    def click(self, element):
        self.ask("POST", f"/element/{element}/click")

    def press(self, element, keys):
        self.ask("POST", f"/element/{element}/value", {"text": keys})

    def move(self, element, *steps):
        """Steps of the pointer: (x, y) from the element's middle to go to, "down" or "up"."""
        actions = []
        for step in steps:
            if step in ("down", "up"):
                actions.append({"type": "pointer" + step.capitalize(), "button": 0})
            else:
                origin = {ELEMENT: element}
                actions.append({"type": "pointerMove", "duration": 20, "origin": origin, "x": step[0], "y": step[1]})
        pointer = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": actions}
        self.ask("POST", "/actions", {"actions": [pointer]})

    def picture(self, element):
        """What is seen of an element, as one number."""
        return hashlib.sha256(base64.b64decode(self.ask("GET", f"/element/{element}/screenshot"))).hexdigest()

    def complaints(self):
        return [entry["message"] for entry in self.ask("POST", "/se/log", {"type": "browser"})]


def use_plots(browser):
    """Of the first panel over time: whether switches, zoom and read-out change what is seen."""
    plot = browser.find(".plot.timed")[0]
    view = "return document.querySelector('.plot.timed svg.area').getAttribute('viewBox')"
    facts = {"switches": {}, "view": [browser.run(view)]}
    switches = "return [...document.querySelector('section.case').querySelectorAll('.controls input')]"
    for switch in browser.run(switches):
        name = browser.run("return arguments[0].value", switch)
        before = browser.picture(plot)
        browser.click(switch[ELEMENT])
        facts["switches"][name] = browser.picture(plot) != before
        browser.click(switch[ELEMENT])
    browser.move(plot, (-100, 0), "down", (100, 0), "up")
    facts["view"].append(browser.run(view))
    browser.press(plot, ESCAPE)
    facts["view"].append(browser.run(view))
    browser.move(plot, (30, 0))
    facts["read_out"] = browser.run("return document.querySelector('.plot.timed .tip').innerText")
    return facts


def use_animation(browser):
    """Of a case of fields: what the slider does, by arrow key and by dragging, and what pointing reads."""
    slider, window = browser.find(".player input")[0], browser.find(".window + .outline")[0]
    said = "return document.querySelector('.player output').textContent"
    facts = {"said": [browser.run(said)], "pictures": [browser.picture(window)]}

    def note():
        facts["said"].append(browser.run(said))
        facts["pictures"].append(browser.picture(window))

    browser.press(slider, RIGHT)
    note()
    width = browser.run("return document.querySelector('.player input').offsetWidth")
    browser.move(slider, (0, 0), "down", (width // 2 - 1, 0), "up")
    note()
    browser.move(window, (5, 5))
    facts["read_out"] = browser.run("return document.querySelector('.animation > .tip').innerText")
    facts["fields"] = browser.run("return [...document.querySelectorAll('.window image')].map(i => i.getBBox().width)")
    return facts


def look(browser, url):
    browser.open(url)
    facts = {
        "title": browser.run("return document.title"),
        "curves": browser.run(
            "return [...document.querySelectorAll('section.case svg path')].filter(p => p.getAttribute('d'))"
            ".map(p => [p.getAttribute('class'), p.getAttribute('d').length])"),
        "wide": browser.run("return document.documentElement.scrollWidth > document.documentElement.clientWidth"),
        "from_elsewhere": browser.run(
            "return performance.getEntriesByType('resource').map(e => e.name).filter(n => !n.startsWith('data:'))"),
    }
    if browser.find(".plot.timed"):
        facts["plots"] = use_plots(browser)
    if browser.find(".player"):
        facts["animation"] = use_animation(browser)
    facts["complaints"] = browser.complaints()
    return facts


def main():
    url = pathlib.Path(sys.argv[1]).resolve().as_uri()
    with tempfile.TemporaryDirectory() as profile:
        driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, text=True)
        browser = None
        try:
            browser = Browser(driver, profile)
            print(json.dumps(look(browser, url)))
        finally:
            if browser is not None:
                browser.ask("DELETE", "")
            driver.terminate()
            driver.wait()


if __name__ == "__main__":
    main()

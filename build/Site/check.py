"""Follows every link of the built site, and looks at three pages in Chromium where it is installed. Ends with 1 where one leads nowhere."""
import functools
import html.parser
import http.server
import os
import shutil
import subprocess
import sys
import threading
import urllib.parse

LOOKED_AT = {
    "README.html": ["Five minutes", "108,618"],
    "docs/results.html": ["FashionMNIST", "test %"],
    "api/MappingNets.MappingNetwork.html": ["SingleLatent", "Streamed"],
}


class Page(html.parser.HTMLParser):
    """The links out of a page, and the places in it that others can lead to."""

    def __init__(self):
        super().__init__()
        self.links, self.places = [], set()

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name == "id" or (tag == "a" and name == "name"):
                self.places.add(value)
            elif value and ((tag in ("a", "link") and name == "href") or (tag in ("img", "script") and name == "src")):
                self.links.append(value)


def read(path):
    page = Page()
    with open(path, encoding="utf-8") as file:
        page.feed(file.read())
    return page


def dead_links(site):
    pages = {}
    for folder, _, files in os.walk(site):
        for name in files:
            if name.endswith(".html"):
                path = os.path.join(folder, name)
                pages[os.path.relpath(path, site)] = read(path)
    followed, dead = 0, []
    for name, page in sorted(pages.items()):
        for link in page.links:
            parts = urllib.parse.urlsplit(link)
            if parts.scheme or link.startswith("//"):
                continue
            followed += 1
            path = urllib.parse.unquote(parts.path)
            target = os.path.normpath(os.path.join(os.path.dirname(name), path)) if path else name
            if os.path.isdir(os.path.join(site, target)):
                target = os.path.join(target, "index.html")
            if not os.path.exists(os.path.join(site, target)):
                dead.append(f"{name}: {link}")
            elif parts.fragment and target in pages and urllib.parse.unquote(parts.fragment) not in pages[target].places:
                dead.append(f"{name}: {link} (no such place)")
    print(f"{len(pages)} pages, {followed} links within the site, {len(dead)} dead")
    return dead


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def look(site):
    chromium = next((path for path in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if path), None)
    if chromium is None:
        print("No Chromium, so no page was looked at (Debian: apt-get install chromium).")
        return []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=site))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    faults = []
    for page, texts in LOOKED_AT.items():
        address = f"http://127.0.0.1:{server.server_port}/{page}"
        picture = os.path.join(os.path.dirname(site), f"site-{os.path.basename(page)[:-5]}.png")
        common = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=8000", "--window-size=1280,1600"]
        subprocess.run([*common, f"--screenshot={os.path.abspath(picture)}", address], capture_output=True, timeout=180, check=True)
        found = subprocess.run([*common, "--dump-dom", address], capture_output=True, text=True, timeout=180, check=True).stdout
        faults += [f"{page}: Chromium does not show '{text}'" for text in texts if text not in found]
        # The table of contents comes by script: without it the page is a dead end.
        if "Guides" not in found:
            faults.append(f"{page}: Chromium shows no table of contents")
        print(f"{page}: looked at, {picture}")
    return faults


if __name__ == "__main__":
    wrong = dead_links(sys.argv[1]) + look(sys.argv[1])
    print("\n".join(wrong))
    sys.exit(1 if wrong else 0)

#!/usr/bin/env python3
"""Looks at the pages of a storybook the way people do: 390 and 1280 px, light and dark.

Per page and view it wants: no axe finding (WCAG 2.0 to 2.2 A and AA, best practices), no console error, nothing fetched from elsewhere,
no sideways scrolling of the page. Pictures go to the output folder.

  check_pages.py DIRECTORY [--out DIR] [--chromium PATH]

Needs the packages playwright and axe-playwright-python and a Chromium. Ends with 1 when anything was found, 2 when it could not look.
"""
import argparse
import concurrent.futures
import functools
import http.server
import json
import os
import pathlib
import sys
import threading

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

import looking

POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
          "form-action 'self'; base-uri 'none'; frame-ancestors 'none'")


class Storybook(http.server.SimpleHTTPRequestHandler):
    """Serves a directory under the policy of the product."""

    def end_headers(self):
        self.send_header("Content-Security-Policy", POLICY)
        super().end_headers()

    def do_GET(self):
        if self.path == "/events":
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            self.wfile.write(b"event: beat\ndata: \n\n")
            return
        super().do_GET()

    def log_message(self, *_):
        pass


def serve(directory):
    handler = functools.partial(Storybook, directory=directory)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}"


def look(page, heard, axe, base, path, label, out):
    """What is wrong with one page; `heard` is what the browser complains of as it goes."""
    heard.clear()
    page.goto(base + path, wait_until="load")
    page.evaluate("document.fonts.ready.then(() => true)")
    found = looking.overflow(page) + looking.barriers(page, axe)
    if out:
        page.screenshot(path=str(out / f"{looking.file_name(path)}-{label}.png"), full_page=True)
    return heard + found


def walk(chromium, base, paths, width, scheme, out):
    """What is wrong with the pages in one view, by page."""
    failures, axe = {}, Axe()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": width, "height": looking.HEIGHTS[width]}, color_scheme=scheme,
                                      reduced_motion="reduce", bypass_csp=False)
        # One window for all: a new one for each page costs more than the looking.
        page, heard = context.new_page(), []
        looking.listen(page, base, heard)
        for path in paths:
            found = look(page, heard, axe, base, path, f"{width}-{scheme}", out)
            if found:
                failures[f"{path} at {width} px, {scheme}"] = found
        browser.close()
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory")
    parser.add_argument("--out")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    given = parser.parse_args()
    base = serve(given.directory)
    out = pathlib.Path(given.out) if given.out else None
    if out:
        out.mkdir(parents=True, exist_ok=True)
    paths = sorted("/" + page.name for page in pathlib.Path(given.directory).glob("*.html") if page.name != "index.html")
    views = [(width, scheme) for width in looking.WIDTHS for scheme in looking.SCHEMES]
    # A browser for each core: a look is mostly computing, and the views have nothing to do with each other.
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count()) as windows:
        done = windows.map(lambda view: walk(given.chromium, base, paths, *view, out), views)
        failures = {place: found for view in done for place, found in view.items()}
    looks = len(paths) * len(views)
    for place, found in failures.items():
        print(place)
        for line in found:
            print("   " + line)
    print(json.dumps({"pages": len(paths), "looks": looks, "withFindings": len(failures)}))
    return 1 if failures or not looks else 0


if __name__ == "__main__":
    sys.exit(looking.verdict(main))

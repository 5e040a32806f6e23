#!/usr/bin/env python3
"""Looks at console pages the way people do: 390 and 1280 px, light and dark.

Per page and view it wants: no axe finding (WCAG 2.0 to 2.2 A and AA, best practices), no console error, nothing fetched from elsewhere,
no sideways scrolling of the page. Pictures go to the output folder.

  check_pages.py TARGET [--paths FILE|PATH,PATH,…] [--email E --password P] [--out DIR] [--host-header NAME] [--chromium PATH]

TARGET is a base address (http://127.0.0.1:8080) or a directory with a storybook, which is served from here.
Needs the packages playwright and axe-playwright-python and a Chromium. Ends with 1 when anything was found, 2 when it could not look.
"""
import argparse
import functools
import http.server
import json
import pathlib
import re
import sys
import threading

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
          "form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
WIDTHS = (1280, 390)
SCHEMES = ("light", "dark")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


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


def read_paths(given, directory):
    if given and pathlib.Path(given).is_file():
        return [line.strip() for line in pathlib.Path(given).read_text().splitlines() if line.strip()]
    if given:
        return [path for path in given.split(",") if path]
    if directory:
        return sorted("/" + page.name for page in pathlib.Path(directory).glob("*.html") if page.name != "index.html")
    return ["/"]


def sign_in(page, base, email, password):
    page.goto(base + "/sign-in")
    page.fill("input[name=email]", email)
    page.fill("input[name=password]", password)
    with page.expect_navigation():
        page.press("input[name=password]", "Enter")
    if page.url.split("?")[0].endswith("/sign-in"):
        raise SystemExit(f"sign-in as {email} was refused: {page.inner_text('main')[:200]}")


def overflow(page):
    """Sideways scrolling of the page itself, and who causes it."""
    return page.evaluate("""() => {
      const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
      if (wide <= 0) return [];
      const edge = document.documentElement.clientWidth;
      return [`${wide} px`, ...[...document.querySelectorAll('body *')]
        .filter((e) => e.getBoundingClientRect().right > edge + 1 && e.checkVisibility()).slice(0, 5)
        .map((e) => e.tagName.toLowerCase() + '.' + String(e.className.baseVal ?? e.className))];
    }""")


def look(context, axe, base, path, label, out):
    page = context.new_page()
    found, origin = [], base.split("/")[2]
    page.on("console", lambda message: found.append(f"console: {message.text}") if message.type == "error" else None)
    page.on("pageerror", lambda error: found.append(f"script: {error}"))
    page.on("request", lambda request: found.append(f"fetched from elsewhere: {request.url}")
            if request.url.startswith("http") and request.url.split("/")[2] != origin else None)
    answer = page.goto(base + path, wait_until="load")
    if answer.status >= 400:
        # the browser reports the page's own status as an error; error pages are looked at on purpose
        found[:] = [line for line in found if "Failed to load resource" not in line]
    page.wait_for_function("document.fonts.status === 'loaded'")
    for line in overflow(page)[:6]:
        found.append(f"sideways scroll: {line}")
    results = axe.run(page, options={"runOnly": {"type": "tag", "values": TAGS}})
    for violation in results.response["violations"]:
        for node in violation["nodes"][:4]:
            summary = re.sub(r"\s+", " ", node.get("failureSummary", ""))[:220]
            found.append(f"axe {violation['id']}: {node['html'][:140]} ({summary})")
    if out:
        name = re.sub(r"[^a-z0-9]+", "-", path.lower().removesuffix(".html")).strip("-") or "home"
        page.screenshot(path=str(out / f"{name}-{label}.png"), full_page=True)
    page.close()
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target")
    parser.add_argument("--paths")
    parser.add_argument("--email")
    parser.add_argument("--password")
    parser.add_argument("--out")
    parser.add_argument("--host-header", help="name the browser should use for the server, which must resolve to it")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    given = parser.parse_args()
    directory = given.target if pathlib.Path(given.target).is_dir() else None
    base = serve(directory) if directory else given.target.rstrip("/")
    out = pathlib.Path(given.out) if given.out else None
    if out:
        out.mkdir(parents=True, exist_ok=True)
    paths, failures, looks = read_paths(given.paths, directory), {}, 0
    arguments = ["--no-sandbox"]
    if given.host_header:
        arguments.append(f"--host-resolver-rules=MAP {given.host_header} 127.0.0.1")
        base = re.sub(r"//[^:/]+", f"//{given.host_header}", base, count=1)
    axe = Axe()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=given.chromium, args=arguments)
        state = None
        if given.email:
            context = browser.new_context()
            sign_in(context.new_page(), base, given.email, given.password or "")
            state = context.storage_state()
            context.close()
        for width in WIDTHS:
            for scheme in SCHEMES:
                context = browser.new_context(viewport={"width": width, "height": 1000 if width > 500 else 844}, color_scheme=scheme,
                                              storage_state=state, reduced_motion="reduce", bypass_csp=False)
                for path in paths:
                    looks += 1
                    found = look(context, axe, base, path, f"{width}-{scheme}", out)
                    if found:
                        failures[f"{path} at {width} px, {scheme}"] = found
                context.close()
        browser.close()
    for place, found in failures.items():
        print(place)
        for line in found:
            print("   " + line)
    print(json.dumps({"pages": len(paths), "looks": looks, "withFindings": len(failures)}))
    return 1 if failures else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except SystemExit:
        raise
    except Exception as error:  # the check itself broke, which is not the same as a page that is wrong
        print(f"could not look: {error}", file=sys.stderr)
        sys.exit(2)

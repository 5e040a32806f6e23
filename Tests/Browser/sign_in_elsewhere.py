#!/usr/bin/env python3
"""Signs a person in with their organisation's identity provider (Tests/Peers/canaille_login.py), in a browser, and out again.

  sign_in_elsewhere.py --door ADDRESS --person NAME [--refused] [--chromium PATH] [--out DIR]

With --refused the way ends at the console's door again, and its words are part of what was seen. The person's password comes on standard input. Prints what was seen as one object of JSON; ends with 1 when the way was lost.
"""
import argparse
import json
import pathlib
import re
import sys
from urllib.parse import urlsplit

from playwright.sync_api import sync_playwright

STEPS_MAX = 6
# Besides it there may be a way to another account.
GO_ON = re.compile("^(sign in|continue|accept)$", re.IGNORECASE)


def there_and_back(page, console, person, password):
    """Through the provider's pages, whichever of them it shows, until the browser is back at the console."""
    pages = []
    for _ in range(STEPS_MAX):
        if page.url.startswith(console):
            return pages
        pages.append(urlsplit(page.url).path)
        if page.locator("input[name=login]").count():
            page.fill("input[name=login]", person)
        elif page.locator("input[name=password]").count():
            page.fill("input[name=password]", password)
        with page.expect_navigation():
            page.get_by_role("button", name=GO_ON).first.click()
    raise RuntimeError(f"still at {page.url}: {page.inner_text('body')[:300]}")


def walk(page, options, password, shot):
    parts = urlsplit(options.door)
    console = f"{parts.scheme}://{parts.netloc}"
    seen, backs = {}, []
    page.on("request", lambda request: backs.append(request.url) if "/sign-in/back?" in request.url else None)
    page.goto(options.door)
    shot("door")
    link = page.locator("a", has_text="Sign in with").first
    seen["door"] = link.inner_text()
    with page.expect_navigation():
        link.click()
    seen["asked"] = page.url
    shot("provider")
    seen["pages"] = there_and_back(page, console, options.person, password)
    seen["landed"] = urlsplit(page.url).path
    shot("landed")
    if options.refused:
        seen["words"] = page.locator("[role=alert]").inner_text()
        seen["me"] = page.request.get(console + "/api/v1/me").status
        return seen
    # The address that the browser was sent back to, once more.
    seen["replayed"] = page.request.get(backs[-1], max_redirects=0).status
    seen["me"] = page.request.get(console + "/api/v1/me").json()
    seen["cookies"] = sorted(
        cookie["name"] for cookie in page.context.cookies(console) if cookie["httpOnly"] and cookie["sameSite"] == "Lax")
    page.goto(console + "/account/proof?next=/account")
    seen["proof"] = page.locator("a", has_text="Prove it with").first.inner_text()
    with page.expect_navigation():
        page.locator("a", has_text="Prove it with").first.click()
    seen["again"] = there_and_back(page, console, options.person, password)
    seen["proved"] = urlsplit(page.url).path
    page.locator("form[action='/sign-out'] button").first.evaluate("button => button.form.submit()")
    page.wait_for_selector("text=You are signed out")
    shot("signed-out")
    seen["exit"] = page.locator("a", has_text="Sign out of").first.get_attribute("href")
    seen["after"] = page.request.get(console + "/api/v1/me").status
    return seen


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--door", required=True)
    parser.add_argument("--person", required=True)
    parser.add_argument("--refused", action="store_true")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--out")
    options = parser.parse_args()
    password = sys.stdin.readline().rstrip("\n")
    out = pathlib.Path(options.out) if options.out else None
    if out:
        out.mkdir(parents=True, exist_ok=True)

    def shot(name):
        if out:
            page.screenshot(path=out / f"{name}.png")

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=["--no-sandbox"])
        page = browser.new_context(viewport={"width": 1280, "height": 1000}).new_page()
        page.set_default_timeout(30_000)
        try:
            print(json.dumps(walk(page, options, password, shot)), flush=True)
        except Exception as trouble:
            shot("lost")
            print(json.dumps({"lost": str(trouble)[:600], "at": page.url, "text": page.inner_text("body")[:600]}), flush=True)
            sys.exit(1)
        finally:
            browser.close()


main()

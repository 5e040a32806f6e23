#!/usr/bin/env python3
"""Looks at the running product: every page that each kind of person can reach by links, then what people do there.

It starts `countersign demo` for itself, in a folder of its own. Every page is looked at with 390 and 1280 px, light and dark, and must
have no sideways scroll, no axe finding, no console error, no failed request, no link that this person may not follow, and no text of
a machine (identifiers, JSON) where a name belongs; `looking.py` lists what is meant to be seen. Then the deeds of `deeds.py`.

  check_live.py --programs DIR [--out DIR] [--chromium PATH] [--only WORD]

--only looks through the eyes of people with that word in their role or address, or does the deeds with `deed`.
Ends with 1 when anything was found, 2 when it could not look.
"""
import argparse
import collections
import json
import multiprocessing
import pathlib
import re
import sys
import time
import traceback
from urllib.parse import urljoin

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

import deeds
import looking
from demonstration import PASSWORD, Demonstration

# Of pages that differ only in their object, so many per person; some states look different.
ALIKE = 2
# No console has more kinds of pages; a page that links to ever new ones must not keep the check busy for ever.
PAGES_MAX = 60
BROWSERS = 2


def kind(address, path):
    """What pages are alike: the path without whose and which, and the names of its options."""
    path, _, options = path.partition("?")
    path = re.sub(r"^/t/[^/]+", "/t/{tenant}", re.sub(looking.IDENTIFIER, "{id}", path))
    return path + ("?" + "&".join(sorted(option.split("=")[0] for option in options.split("&"))) if options else "")


def sign_in(page, address, email):
    page.goto(address + "/sign-in")
    page.fill("input[name=email]", email)
    page.fill("input[name=password]", PASSWORD)
    with page.expect_navigation():
        page.press("input[name=password]", "Enter")
    if "/sign-in" in page.url:
        raise RuntimeError(f"sign-in as {email} was refused: {page.inner_text('main')[:200]}")


def views(page, axe, name, out):
    """All four views of an open page; rules that do not depend on colours are asked once per width."""
    found = []
    for width, first, second in ((1280, "light", "dark"), (390, "dark", "light")):
        page.set_viewport_size({"width": width, "height": looking.HEIGHTS[width]})
        for scheme, rules in ((first, None), (second, ["color-contrast"])):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            complaints = (looking.overflow(page) if rules is None else []) + barriers(page, axe, rules)
            found += [f"{width} px, {scheme}: {line}" for line in complaints]
            if out and rules is None:
                page.screenshot(path=str(out / f"{name}-{width}-{scheme}.png"), full_page=True)
    return found


def barriers(page, axe, rules):
    try:
        return looking.barriers(page, axe, rules)
    except Exception:
        # The live feed put a part of the page anew while it was being looked at; it rests for some time then.
        return looking.barriers(page, axe, rules)


def links(page):
    """Where the page leads, in the order of the page; files to download are no pages."""
    hrefs = page.eval_on_selector_all(
        "a[href]", "all => all.filter((a) => !a.hasAttribute('download')).map((a) => a.getAttribute('href'))")
    return [urljoin(page.url, href).split("#")[0] for href in hrefs]


def walk(job):
    """Everything that one person can reach. Answers the pages, what was found, and the seconds it took."""
    address, role, email, out, chromium = job
    began, found, pages = time.monotonic(), {}, []
    try:
        axe = Axe()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            page = browser.new_context(viewport={"width": 1280, "height": 1000}, reduced_motion="reduce").new_page()
            complaints = []
            looking.listen(page, address, complaints)
            sign_in(page, address, email)
            waiting, seen, alike = [page.url], set(), collections.Counter()
            while waiting and len(pages) < PAGES_MAX:
                url = waiting.pop(0)
                path = url.removeprefix(address)
                likeness = kind(address, path)
                most = ALIKE if "{id}" in likeness else 1
                if url in seen or not url.startswith(address + "/") or "/api/" in path or alike[likeness] >= most:
                    continue
                seen.add(url)
                alike[likeness] += 1
                if path.endswith(".json"):
                    # A file: it has to be there, and there is nothing to look at.
                    status = page.request.get(url).status
                    if status != 200:
                        found[f"{path} as {role} {email}"] = [f"a link that leads nowhere: status {status}"]
                    continue
                complaints.clear()
                page.set_viewport_size({"width": 1280, "height": 1000})
                answer = page.goto(url, wait_until="load")
                pages.append(likeness)
                name = f"{looking.file_name(email.split('@')[0])}-{looking.file_name(likeness)}-{alike[likeness]}"
                if answer.status >= 400:
                    complaints.append(f"a link that leads nowhere: status {answer.status}")
                told = views(page, axe, name, out) + looking.machine_text(page)
                waiting += links(page)
                if complaints or told:
                    found[f"{path} as {role} {email}"] = complaints + told
            browser.close()
    except Exception:
        found[f"the walk of {email}"] = [traceback.format_exc()]
    return pages, found, time.monotonic() - began


def act(job):
    """The deeds, each told with what went wrong."""
    demonstration, out, chromium = job
    began, found = time.monotonic(), {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for deed in deeds.ALL:
            try:
                deed(deeds.Stage(browser, demonstration, out))
            except Exception:
                found[f"deed: {deed.__doc__}"] = [traceback.format_exc(limit=-3)]
        browser.close()
    return [f"deed: {deed.__doc__}" for deed in deeds.ALL], found, time.monotonic() - began


def who(task):
    return f"{task[1][1]} {task[1][2]}" if task[0] is walk else "deeds"


def run(task):
    return task[0](task[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", required=True)
    parser.add_argument("--out")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    out = pathlib.Path(given.out) if given.out else None
    if out:
        out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with Demonstration(given.programs) as demonstration:
        started = time.monotonic() - began
        told = deeds.Told(demonstration.address, list(demonstration.lines))
        tasks = [(act, (told, out, given.chromium))]
        tasks += [(walk, (demonstration.address, role, email, out, given.chromium)) for role, email in chosen(demonstration)]
        tasks = [task for task in tasks if given.only in who(task)]
        with multiprocessing.get_context("spawn").Pool(BROWSERS) as pool:
            results = pool.map(run, tasks, chunksize=1)
    pages, failures = 0, {}
    for (made, job), (seen, found, seconds) in zip(tasks, results):
        print(f"  {who((made, job)):60} {len(seen):3} {'pages' if made is walk else 'deeds'} {seconds:6.1f} s {len(found)} with findings")
        pages += len(seen) if made is walk else 0
        failures.update(found)
    for place, found in failures.items():
        print(place)
        for line in found:
            print("   " + line)
    print(json.dumps({
        "people": sum(1 for made, _ in tasks if made is walk), "pages": pages, "looks": pages * len(looking.WIDTHS) * len(looking.SCHEMES), "deeds": len(deeds.ALL),
        "startSeconds": round(started), "seconds": round(time.monotonic() - began), "withFindings": len(failures)}))
    return 1 if failures or not results else 0


def chosen(demonstration):
    """One person of each role, so that each brand is among them; two people of one role see the same pages."""
    people = demonstration.people()
    first_tenant = next(tenant for _, _, tenant in people if tenant)
    out, roles = [], set()
    for role, email, tenant in people:
        is_new = (role, tenant) not in roles
        roles.add((role, tenant))
        if is_new and (not tenant or tenant == first_tenant or role == "approver"):
            out.append((role, email))
    return out + [(role, email) for role, email, tenant in people if role == "partner" and (role, email) not in out]


if __name__ == "__main__":
    sys.exit(looking.verdict(main))

"""What every check of a page has in common: views, what the browser complains of, and what people would complain of."""
import re
import sys

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WIDTHS = (1280, 390)
SCHEMES = ("light", "dark")
HEIGHTS = {1280: 1000, 390: 844}

IDENTIFIER = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"

# What a machine would write and a person should not have to read.
MACHINE_TEXT = {
    "an identifier": re.compile(IDENTIFIER, re.IGNORECASE),
    "an identifier in letters": re.compile(r"\b(?=[A-Z]*\d)(?=\d*[A-Z])[0-9A-HJKMNP-TV-Z]{26}\b"),
    "a part of an identifier or hash": re.compile(r"\b(?=[0-9a-f]*[a-f])(?=[0-9a-f]*\d)[0-9a-f]{8,}\b"),
    "JSON": re.compile(r'[{\[]\s*"|"\s*:\s*["\d{\[]|\{\}|\[\]'),
    "an instant for programs": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d"),
    "a value without a name": re.compile(r"\bOptional\(|\bundefined\b|\bNaN\b|\[object |\bnull\b|\bnil\b"),
    "markup": re.compile(r"\{\{|\}\}|&(?:amp|lt|gt|quot|#\d+);|</?[a-z]+>"),
}

# What looks so and is meant to be read: where it stands, what it must look like there, why.
MEANT_PLACES = [
    (".errorpage code", "", "the reference that support asks for"),
    ("[data-object], .facts dd", "^[a-z][a-z -]* [0-9a-f]{8}$",
     "the audit log names an object by its kind and the end of its identifier, whatever kinds there will be"),
    ("[data-part=details] dd", "", "what an audit entry recorded, as it was recorded"),
    (".facts code", "", "a whole hash that people compare with their own copy: of a contract's text, of a report's document"),
]
MEANT_WORDS = [
    (re.compile(r"\b(?:run|clock|invoice|document|task|incident|decision|exception|connection|secret|scope) [0-9a-f]{8}\b"),
     "the end of an identifier after what it is: the audit log names objects so, and so is a run called before people who may not see "
     "the invoice's number"),
]


def machine_text(page):
    """What of the visible text is a machine's, each with its kind and a few words around it."""
    text = page.evaluate("""(meant) => {
      const hidden = meant.flatMap(([selector, form]) =>
        [...document.querySelectorAll(selector)].filter((element) => new RegExp(form).test(element.textContent)));
      for (const element of hidden) element.hidden = true;
      const text = document.title + '\\n' + document.body.innerText;
      for (const element of hidden) element.hidden = false;
      return text;
    }""", [[selector, form] for selector, form, _ in MEANT_PLACES])
    for pattern, _ in MEANT_WORDS:
        text = pattern.sub("", text)
    return [f"{kind} to read: {around(text, found)}" for kind, pattern in MACHINE_TEXT.items() for found in first(pattern, text)]


def first(pattern, text, most=3):
    return [found for _, found in zip(range(most), pattern.finditer(text))]


def around(text, found):
    return plain(text[max(0, found.start() - 30):found.end() + 20])


def plain(text):
    """On one line."""
    return re.sub(r"\s+", " ", text)


def overflow(page):
    """Sideways scrolling of the page itself, and who causes it."""
    return [f"sideways scroll: {line}" for line in page.evaluate("""() => {
      const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
      if (wide <= 0) return [];
      const edge = document.documentElement.clientWidth;
      return [`${wide} px`, ...[...document.querySelectorAll('body *')]
        .filter((e) => e.getBoundingClientRect().right > edge + 1 && e.checkVisibility()).slice(0, 5)
        .map((e) => e.tagName.toLowerCase() + '.' + String(e.className.baseVal ?? e.className))];
    }""")]


def barriers(page, axe, rules=None):
    """What axe finds: all rules of WCAG 2.0 to 2.2 A and AA and best practices, or only those named."""
    only = {"type": "rule", "values": rules} if rules else {"type": "tag", "values": TAGS}
    # The details of what is in order are not asked for; making them takes longer than finding what is not.
    results = axe.run(page, options={"runOnly": only, "resultTypes": ["violations"]})
    return [f"axe {violation['id']}: {node['html'][:140]} ({plain(node.get('failureSummary', ''))[:220]})"
            for violation in results.response["violations"] for node in violation["nodes"][:4]]


def listen(page, origin, found):
    """Notes what the browser complains of while the page is open: errors, failed requests, anything fetched from elsewhere."""
    page.on("console", lambda message: found.append(f"console: {message.text} {message.location.get('url', '')}") if message.type == "error" else None)
    page.on("pageerror", lambda error: found.append(f"script: {error}"))
    page.on("request", lambda request: found.append(f"fetched from elsewhere: {request.url}")
            if request.url.startswith("http") and not request.url.startswith(origin + "/") else None)
    page.on("response", lambda answer: found.append(f"status {answer.status}: {answer.url}")
            if answer.status >= 400 and not answer.request.is_navigation_request() else None)
    # What the page itself gives up when it is left, such as its live feed, has not failed.
    page.on("requestfailed", lambda request: found.append(f"failed: {request.url} {request.failure}")
            if request.failure != "net::ERR_ABORTED" else None)


def file_name(path):
    return re.sub(r"[^a-z0-9]+", "-", path.lower().removesuffix(".html")).strip("-") or "home"


def verdict(main):
    """The exit code of a check: its own, or 2 when the check itself broke, which is not the same as a page that is wrong."""
    try:
        return main()
    except Exception as error:
        print(f"could not look: {error}", file=sys.stderr)
        return 2

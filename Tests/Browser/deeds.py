"""What people do in the console, one deed after another on the running product; each is seen through to what it changed.

A deed that does not end as its first line says raises, and the check fails with what it met. Every deed leaves a picture.
"""
import re
import time
import xml.etree.ElementTree as XML
from collections import namedtuple

import looking
from demonstration import PASSWORD

# The address of the server and what the demonstration said.
Told = namedtuple("Told", "address lines")

PATIENCE_SECONDS = 90
CBC = "{urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2}"
CAC = "{urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2}"


class Stage:
    """A browser of one's own for a deed."""

    def __init__(self, browser, told, out):
        self.browser, self.told, self.out = browser, told, out

    def visitor(self, email, width=1280, scheme="light", keyboard=False):
        """Somebody who has just signed in; `complaints` fills with what the browser finds wrong."""
        context = self.browser.new_context(
            viewport={"width": width, "height": looking.HEIGHTS[width]}, color_scheme=scheme, reduced_motion="reduce")
        page = context.new_page()
        page.complaints = []
        looking.listen(page, self.told.address, page.complaints)
        page.goto(self.told.address + "/sign-in")
        if keyboard:
            tab_to(page, "input[name=email]")
            page.keyboard.type(email)
            page.keyboard.press("Tab")
            page.keyboard.type(PASSWORD)
        else:
            page.fill("input[name=email]", email)
            page.fill("input[name=password]", PASSWORD)
        with page.expect_navigation():
            page.keyboard.press("Enter")
        return page

    def said(self, pattern):
        for line in self.told.lines:
            found = re.search(pattern, line)
            if found:
                return found[1]
        raise AssertionError(f"the demonstration never said {pattern!r}")

    def picture(self, page, name):
        if self.out:
            page.screenshot(path=str(self.out / f"deed-{name}.png"), full_page=True)


def tab_to(page, selector, most=60):
    for _ in range(most):
        if page.evaluate("(s) => document.activeElement?.matches(s) ?? false", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{selector} cannot be reached by the keyboard on {page.url}")


def expect(claim, what, page):
    assert claim, f"{what}; the page {page.url} says: {looking.plain(page.inner_text('main'))[:600]}"


def quiet(page, but=()):
    rest = [line for line in page.complaints if not any(word in line for word in but)]
    assert not rest, f"the browser complains on {page.url}: {rest}"


def patiently(page, claim, what, between=None):
    """Looks again until the claim holds; `between` is what a person would do meanwhile, such as loading the page again."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not claim():
        expect(time.monotonic() < until, f"waited in vain for {what}", page)
        page.wait_for_timeout(500)
        if between:
            between()


def first_waiting(page, address):
    """Opens the oldest request of the inbox at this address, as soon as there is one."""
    page.goto(address)
    patiently(page, lambda: page.locator(".inboxlist [data-row] a").count() > 0, "something to decide", page.reload)


def number_of(page):
    """The invoice's number on the open decision."""
    return page.locator(".paper .papertitle mark").inner_text().strip()


def run_state(page, link):
    """Opens the run of a decision and waits until it has ended; answers how."""
    page.goto(link)
    ended = ("posted", "rejected", "cancelled", "faulted")
    patiently(page, lambda: page.locator(".pill").first.inner_text().strip() in ended, "the end of the run", page.reload)
    return page.locator(".pill").first.inner_text().strip()


def approve_by_mouse(stage):
    """an approver signs with the mouse, reads the receipt, and the invoice is posted"""
    page = stage.visitor("jonas.weber@brightwater.example")
    first_waiting(page, f"{stage.told.address}/t/brightwater-foods/inbox")
    page.locator(".inboxlist [data-row] a").first.click()
    run = page.locator(".runlink").evaluate("(a) => a.href")
    number = number_of(page)
    page.get_by_role("button", name="Approve and sign").click()
    page.wait_for_selector(".receipt")
    receipt = page.locator(".receipt").inner_text()
    expect(number in receipt and "Jonas Weber" in receipt, "the receipt names neither the invoice nor the signer", page)
    stage.picture(page, "approved-by-mouse")
    expect(run_state(page, run) == "posted", "the approved invoice is not posted", page)
    quiet(page)


def approve_by_keyboard(stage):
    """an approver signs in, finds the oldest invoice and signs it with the keyboard alone"""
    page = stage.visitor("diego.santos@solara.example", keyboard=True, scheme="dark")
    patiently(page, lambda: page.locator(".inboxlist [data-row] a").count() > 0, "something to decide",
              lambda: page.keyboard.press("F5"))
    page.keyboard.press("j")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    run = page.locator(".runlink").evaluate("(a) => a.href")
    page.keyboard.press("a")
    expect(page.evaluate("document.activeElement.matches('[data-confirm]')"), "the key did not lead to the button", page)
    expect(page.locator(".receipt").count() == 0, "a single letter has signed", page)
    stage.picture(page, "before-signing-by-keyboard")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.locator(".receipt").count() == 1, "there is no receipt", page)
    stage.picture(page, "approved-by-keyboard")
    expect(run_state(page, run) == "posted", "the approved invoice is not posted", page)
    quiet(page)


def reject(stage):
    """an approver rejects with a reason, on a small screen, and nothing is posted"""
    page = stage.visitor("priya.nair@kestrel-labs.example", width=390)
    first_waiting(page, f"{stage.told.address}/t/kestrel-labs/inbox")
    page.locator(".inboxlist [data-row] a").first.click()
    run = page.locator(".runlink").evaluate("(a) => a.href")
    page.locator("details.reject summary").click()
    reject = page.get_by_role("button", name="Reject with this reason")
    reject.click()
    expect(page.locator(".receipt").count() == 0, "it was rejected without a reason", page)
    page.fill("#reason", "Ordered by nobody here.")
    stage.picture(page, "rejecting")
    reject.click()
    page.wait_for_selector(".receipt")
    stage.picture(page, "rejected")
    expect(run_state(page, run) == "rejected", "the invoice is not rejected", page)
    expect("Ordered by nobody here." in page.content(), "the reason is not told with the run", page)
    quiet(page)


def another_invoice(page, tenant, like, number):
    """The document that had the number `like`, as a new invoice: another number, and one more of everything."""
    listed = page.request.get(f"{page.url.split('/t/')[0]}/api/v1/tenants/{tenant}/documents?limit=200").json()["items"]
    known = next(item for item in listed if item["fileName"].startswith(like + "."))
    source = page.request.get(f"{page.url.split('/t/')[0]}/api/v1/tenants/{tenant}/documents/{known['id']}/content").body()
    for prefix, space in re.findall(rb'xmlns:?(\w*)="([^"]+)"', source):
        XML.register_namespace(prefix.decode(), space.decode())
    root = XML.fromstring(source.replace(like.encode(), number.encode()))

    def set_amount(element, cents):
        element.text = f"{cents // 100}.{cents % 100:02}"

    def cents(text):
        whole, _, part = text.partition(".")
        return int(whole) * 100 + int((part + "00")[:2])

    net = 0
    for line in root.findall(f"{CAC}InvoiceLine"):
        quantity = line.find(f"{CBC}InvoicedQuantity")
        quantity.text = str(int(quantity.text.split(".")[0]) + 1)
        amount = cents(line.find(f"{CAC}Price/{CBC}PriceAmount").text) * int(quantity.text)
        set_amount(line.find(f"{CBC}LineExtensionAmount"), amount)
        net += amount
    total = root.find(f"{CAC}TaxTotal")
    rate = int(total.find(f"{CAC}TaxSubtotal/{CAC}TaxCategory/{CBC}Percent").text.split(".")[0])
    tax = (net * rate + 50) // 100
    for name, value in ((f"{CBC}TaxAmount", tax), (f"{CAC}TaxSubtotal/{CBC}TaxAmount", tax),
                        (f"{CAC}TaxSubtotal/{CBC}TaxableAmount", net)):
        set_amount(total.find(name), value)
    sums = root.find(f"{CAC}LegalMonetaryTotal")
    for name, value in (("LineExtensionAmount", net), ("TaxExclusiveAmount", net), ("TaxInclusiveAmount", net + tax),
                        ("PayableAmount", net + tax)):
        set_amount(sums.find(f"{CBC}{name}"), value)
    return XML.tostring(root, encoding="utf-8", xml_declaration=True)


def hand_in_and_watch(stage):
    """a document is handed in by the form, another window hears of it without loading again, and who handed it in may not sign"""
    tenant, email = "brightwater-foods", "ruth.adler@brightwater.example"
    own = stage.said(r"The controller hands in (\S+),")
    watching = stage.visitor("maya.lund@brightwater.example")
    watching.goto(f"{stage.told.address}/t/{tenant}/documents")
    patiently(watching, lambda: "Live" in watching.locator("[data-live]").inner_text(), "the live feed")
    watching.evaluate("window.neverLoadedAgain = true")
    page = stage.visitor(email)
    page.goto(f"{stage.told.address}/t/{tenant}/documents")
    number = f"{own}-B"
    page.set_input_files("#document", {
        "name": f"{number}.xml", "mimeType": "application/xml", "buffer": another_invoice(page, tenant, own, number)})
    expect(f"{number}.xml" in page.inner_text(".upload"), "the chosen file is not told", page)
    stage.picture(page, "handing-in")
    page.get_by_role("button", name="Hand in documents").click()
    page.wait_for_selector(".notice")
    expect("The document is stored" in page.inner_text(".notice"), "the form does not say that the document is stored", page)
    stage.picture(page, "handed-in")

    watching.get_by_role("button", name=re.compile(r"\d+ new, show")).click(timeout=PATIENCE_SECONDS * 1000)
    expect(watching.evaluate("window.neverLoadedAgain"), "the other window was loaded again", watching)
    patiently(watching, lambda: shown_after_news(watching, f"{number}.xml"), "the new document in the other window")
    stage.picture(watching, "heard-by-another-window")

    page.goto(f"{stage.told.address}/t/{tenant}/inbox")
    item = page.locator(".inboxlist [data-row] a", has_text=number)
    patiently(page, lambda: item.count() > 0, "the request to approve it", page.reload)
    item.click()
    sentence = "You recorded this invoice, so someone else has to approve it."
    expect(sentence in page.inner_text(".act"), "the page does not say why she may not sign", page)
    approve = page.get_by_role("button", name="Approve and sign")
    expect(approve.is_disabled(), "the button can be pressed", page)
    stage.picture(page, "own-invoice")
    for approver in ("jonas.weber@brightwater.example", "petra.vogel@brightwater.example"):
        signing = stage.visitor(approver)
        signing.goto(page.url)
        signing.get_by_role("button", name="Approve and sign").click()
        signing.wait_for_selector(".receipt")
        quiet(signing)
    page.reload()
    expect(sentence in page.inner_text(".act"), "the page does not say any more why she may not sign", page)
    # Somebody who gets round the button meets the same sentence.
    approve.evaluate("(button) => { button.disabled = false; }")
    approve.click()
    page.wait_for_load_state()
    expect(sentence in page.inner_text("main"), "the server does not refuse with its sentence", page)
    stage.picture(page, "self-approval-refused")
    page.go_back()
    page.locator("details.reject summary").click()
    page.fill("#reason", "I recorded it myself.")
    page.get_by_role("button", name="Reject with this reason").click()
    page.wait_for_selector(".receipt")
    expect("Rejected" in page.inner_text(".receipt"), "she cannot take her own invoice back", page)
    quiet(page, but=("status of 403",))
    quiet(watching)


def shown_after_news(page, text):
    """Whether the text can be read; rows that wait behind their button are asked for."""
    if text in page.inner_text("main"):
        return True
    more = page.locator("[data-newrows] button")
    if more.count():
        more.click()
    return False


def incident(stage):
    """the engineer on call acknowledges an incident and resolves it with what ended it"""
    page = stage.visitor("tomas.reyl@northgate.example", scheme="dark")
    page.goto(f"{stage.told.address}/t/kestrel-labs/incidents")
    expect(page.locator("[data-row] .rowlink").count() > 0, "there is no incident", page)
    open_rows = page.locator("[data-row]", has=page.get_by_role("button", name=re.compile("Acknowledge")))
    if open_rows.count():
        number = open_rows.first.locator(".id").inner_text().split(",")[0]
        open_rows.first.get_by_role("button").click()
        page.wait_for_selector(".notice")
        expect("The incident is yours." in page.inner_text(".notice"), "the incident is not acknowledged", page)
        expect(number in page.inner_text("main"), "another incident was acknowledged", page)
    else:
        page.locator("[data-row]", has_text="acknowledged").first.locator(".rowlink").click()
    stage.picture(page, "acknowledged")
    page.fill("#note", "The ledger was being maintained.")
    page.get_by_role("button", name="Add the note").click()
    page.wait_for_selector(".notice")
    expect("The ledger was being maintained." in page.inner_text(".log"), "the note is not in the timeline", page)
    page.fill("#resolution", "The ledger answers again.")
    page.get_by_role("button", name="Resolve the incident").click()
    page.wait_for_selector(".notice")
    expect("The incident is resolved." in page.inner_text(".notice"), "the incident is not resolved", page)
    expect(page.locator(".pill").first.inner_text().strip() == "resolved", "the incident's state is not told", page)
    stage.picture(page, "resolved")
    quiet(page)


def sign_out(stage):
    """who signs out is out, in every window"""
    page = stage.visitor("nadja.frey@brightwater.example", width=390, scheme="dark")
    inside = page.url
    other = page.context.new_page()
    other.goto(inside)
    page.locator("a.menu").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_load_state()
    expect("signed out" in page.inner_text("main"), "it is not said that one is out", page)
    stage.picture(page, "signed-out")
    other.reload()
    expect("/sign-in" in other.url, "the other window still is inside", other)
    quiet(page)


def brand(stage):
    """a partner's two colours and a logo become the brand of its pages, in at most twelve interactions, by keyboard"""
    page = stage.visitor("clara.halden@halden-price.example", keyboard=True)
    page.goto(stage.told.address + "/studio/halden-price")
    stage.picture(page, "brand-before")
    acts = 0
    for field, value in (("#f-primary", "#1f5a3c"), ("#f-accent", "#c2571a")):
        page.locator(field).focus()
        page.fill(field, value)
        acts += 2
    drawing = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 24"><path d="M0 0h24v24H0zM32 8h64v8H32z" fill="#1f5a3c"/></svg>'
    page.set_input_files("#f-logoLight", {"name": "logo.svg", "mimeType": "image/svg+xml", "buffer": drawing.encode()})
    acts += 2
    page.get_by_role("button", name=re.compile("^Publish version")).focus()
    with page.expect_navigation():
        page.keyboard.press("Enter")
    acts += 2
    expect("Published." in page.inner_text(".notice"), "the brand is not published", page)
    expect(acts <= 12, f"it took {acts} interactions", page)
    color = page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--primary').trim()")
    expect(color == "#1f5a3c", f"the page wears {color}", page)
    expect(page.locator("a.brand img.logo.day").evaluate("image => image.complete && image.naturalWidth > 0"), "the logo is not shown", page)
    stage.picture(page, "brand-published")
    page.get_by_role("button", name="Share preview, 15 min").click()
    link = page.get_by_role("link", name="Sign-in", exact=True).get_attribute("href")
    stranger = stage.browser.new_context(java_script_enabled=False).new_page()
    stranger.goto(stage.told.address + link)
    expect("Nothing here is real" in stranger.inner_text(".notice"), "the preview does not say that it is one", stranger)
    stage.picture(stranger, "brand-preview")
    quiet(page)


def subscribe(stage):
    """a reader without script asks to be told of what a status page says, and its owner sees who asks and no address whole"""
    page = stage.browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": looking.HEIGHTS[390]}).new_page()
    page.complaints = []
    looking.listen(page, stage.told.address, page.complaints)
    page.goto(stage.told.address + stage.said(r"(/status/[0-9A-Za-z]{32})"))
    page.locator("summary", has_text="By mail").click()
    page.fill("#subscribe-mail", "a.reader@readers.example")
    page.locator("form:has(#subscribe-mail) input[name=component]").first.check()
    stage.picture(page, "subscribe")
    page.get_by_role("button", name="Subscribe").first.click()
    page.wait_for_load_state()
    expect("Almost done" in page.inner_text("main"), "it is not said that a mail is on its way", page)
    quiet(page)
    owner = stage.visitor("ines.okafor@northgate.example")
    owner.goto(stage.told.address + stage.said(r"(/status-desk/[a-z-]+/subscribers)"))
    expect("a…@readers.example" in owner.inner_text("main"), "the owner does not see who asks", owner)
    expect("a.reader" not in owner.content(), "the owner sees the whole address", owner)
    stage.picture(owner, "subscribers")
    quiet(owner)


ALL = [approve_by_mouse, approve_by_keyboard, reject, hand_in_and_watch, incident, brand, sign_out, subscribe]

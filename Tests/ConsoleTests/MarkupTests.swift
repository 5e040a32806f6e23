import Testing

@testable import Console

@Suite("what comes from outside stays text")
struct MarkupTests {
    @Test("a quote that wears an accent is still escaped")
    func combining() {
        let text = Markup(text: "\"\u{301} onfocus=\"x\" <\u{338}b> ' & \u{0}").html
        #expect(!text.unicodeScalars.contains("\""))
        #expect(!text.unicodeScalars.contains("<"))
        #expect(!text.unicodeScalars.contains("'"))
        #expect(text.contains("&amp;"))
        #expect(text.unicodeScalars.contains("\u{FFFD}"))
    }

    @Test("a supplier's name cannot leave the element or the attribute it stands in")
    func hostileName() throws {
        let console = try PageRenderer.load()
        let name = "\"><script>alert(1)</script><img src=x onerror=alert(1)>'\u{301}{{frame.csrf}}"
        let brand = Samples.brands[1]
        let page = ExceptionsPage(
            frame: Samples.frame(name, brand, current: "Exceptions", crumbs: [Crumb(label: name, href: name)]),
            head: PageHead(title: name, meta: name),
            rows: [
                ExceptionsPage.Row(
                    href: name, status: .needsPerson, hold: name, number: name, party: name, amount: name, owner: name,
                    initials: name, age: name,
                    opened: Stamp(iso: name, text: name))
            ])
        let html = console.html(page)
        #expect(!html.contains("<script>"))
        #expect(!html.contains("<img"))
        #expect(html.contains("{{frame.csrf}}"))
    }

    @Test(
        "emphasis is pairs of stars and everything else is text",
        arguments: [
            ("a **b** c", "a <strong>b</strong> c"), ("a ** b", "a ** b"), ("**<i>**", "<strong>&lt;i&gt;</strong>"),
            ("****", "****"),
        ])
    func emphasis(source: String, html: String) {
        #expect(Markup(emphasis: source).html == html)
    }

    @Test("a runbook's steps are numbered and its headings lie below the page's")
    func runbook() {
        let html = Markdown.html("# Why\nOne\ntwo\n\n1. List `held`.\n   - detail\n2. **Stop**, *then* look.\n\nAfter.").html
        #expect(html.hasPrefix("<h2>Why</h2><p>One two</p><ol class=\"stepper\"><li>List <code>held</code>.<br>detail</li><li>"))
        #expect(html.hasSuffix("<strong>Stop</strong>, <em>then</em> look.</li></ol><p>After.</p>"))
    }

    @Test("a runbook that begins with smaller headings leaves no hole in the page's outline")
    func outline() {
        let html = Markdown.html("## A\n### B\n```\n# no heading\n```", topLevel: 3).html
        #expect(html.hasPrefix("<h3>A</h3><h4>B</h4><pre>"))
    }

    @Test(
        "a runbook cannot carry tags, foreign schemes or an endless line",
        arguments: [
            "<script>x</script>", "[a](javascript:alert(1))", "[a](//evil.example)", "![x](https://e.example/x.png)", "`<b>`",
            "[a](https://e.example/\"onx=)",
            String(repeating: "**", count: 60_000), String(repeating: "[", count: 200_000), "```\n</code><script>",
        ])
    func hostileRunbook(source: String) {
        let html = Markdown.html(source).html
        for forbidden in ["<script", "javascript:alert(1)\"", "href=\"//", "<img", "<b>", "\"onx"] {
            #expect(!html.contains(forbidden))
        }
    }
}

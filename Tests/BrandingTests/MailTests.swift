import Testing

@testable import Branding

@Suite("names and mails of a brand")
struct MailTests {
    private let look = MailLook(theme: .standard, brand: "Halden & Price", logo: "", footer: ["Halden & Price Advisory GmbH"])

    private func flaw(_ subject: String, _ body: String) -> MailTemplate.Flaw? {
        do throws(MailTemplate.Flaw) {
            _ = try MailTemplate(.reportReady, subject: subject, body: body)
            return nil
        } catch { return error }
    }

    @Test("a template knows its own variables and nothing else")
    func variables() {
        #expect(flaw("Report {{period}}", "See {{link}}") == nil)
        #expect(flaw("Report {{perod}}", "See {{link}}")?.remedy == "Did you mean {{period}}?")
        #expect(flaw("Report", "{{7*7}} {{link}}")?.message.contains("no variable") == true)
        #expect(flaw("Report", "{{#each}} {{link}}")?.message.contains("no variable") == true)
        #expect(flaw("Report", "{{{{link}}}} {{link}}")?.message.contains("no variable") == true)
        #expect(flaw("Report", "{{ link }}")?.message.contains("no variable") == true)
        #expect(flaw("Report", "{{link")?.message.contains("never closed") == true)
        #expect(flaw("Report }}", "{{link}}")?.message.contains("closes nothing") == true)
        #expect(flaw("Report", "Nothing to open")?.message.contains("where to go") == true)
        #expect(flaw("Report {{link}}", "{{link}}")?.part == "subject")
    }

    @Test("a subject of two lines would be a header of its own and is refused")
    func lineBreaks() {
        #expect(flaw("Report\r\nBcc: all@evil.example", "{{link}}")?.message.contains("line break") == true)
        #expect(flaw("Report\nBcc: x", "{{link}}")?.part == "subject")
        #expect(flaw("Report", "One\u{202E}two {{link}}")?.part == "body")
    }

    @Test("what a value holds is text in both parts, whatever it looks like")
    func escaping() throws {
        let template = try MailTemplate(.reportReady, subject: "{{tenant}}", body: "For <b>{{tenant}}</b>\n\n{{link}}")
        let mail = template.rendered(
            [
                "tenant": "<script>alert(1)</script>{{link}}\r\nBcc: x", "link": "https://ledger.example/r?a=1&b=2",
            ], look: look, button: "Open", language: .en)
        #expect(!mail.html.contains("<script") && !mail.html.contains("<b>"))
        #expect(mail.html.contains("&lt;b&gt;&lt;script&gt;alert(1)&lt;/script&gt;{{link}}"))
        #expect(mail.html.contains("href=\"https://ledger.example/r?a=1&amp;b=2\""))
        #expect(!mail.subject.contains("\n") && !mail.subject.contains("\r"))
        #expect(mail.text.contains("<script>alert(1)</script>{{link}}") && mail.text.contains("https://ledger.example/r?a=1&b=2"))
    }

    @Test(
        "a mail leads to no other kind of address",
        arguments: ["javascript:alert(1)", "http://evil.example", "https://a\" x=\"", ""])
    func links(link: String) {
        let mail = MailTemplate.standard(.signInLink, .en).rendered(["link": link], look: look, button: "Go", language: .en)
        #expect(mail.html.contains("href=\"\""))
        #expect(!mail.html.contains("evil") && !mail.html.contains("javascript"))
    }

    @Test("every standard mail exists in every language, with both parts and the brand's footer")
    func standard() {
        for kind in MailKind.allCases {
            for language in BrandLanguage.allCases {
                let values = Dictionary(uniqueKeysWithValues: kind.variables.map { ($0, "[\($0)]") })
                    .merging(["link": "https://ledger.example/x"]) { $1 }
                let mail = MailTemplate.standard(kind, language).rendered(
                    values, look: look, button: kind.button(in: language), language: language)
                #expect(!mail.subject.isEmpty && !mail.subject.contains("{{") && !mail.html.contains("{{"))
                #expect(mail.text.contains("https://ledger.example/x") && mail.html.contains("lang=\"\(language.rawValue)\""))
                #expect(mail.text.contains("Advisory GmbH") && mail.html.contains("Halden &amp; Price Advisory GmbH"))
            }
        }
    }

    @Test(
        "a sender's name that could be taken for something else is refused",
        arguments: [
            ("Halden\r\nBcc: all@evil.example", "line break"), ("Halden\u{0}Price", "control"), ("help@northgate.example", "`@`"),
            ("Halden <pay@evil.example>", "`<`"), ("H\u{202E}nedlaH", "U+202E"), ("Hаlden", "look alike"), ("X", "2 to 60"),
            ("Northgate", "reads like"), ("N0rthgate", "reads like"), ("Nörthgate", "reads like"), ("NORTH GATE", "reads like"),
            ("🏦 Northgate", "U+1F3E6"), ("\"Northgate\"", "`\"`"),
        ])
    func hostileNames(name: String, said: String) {
        let flaw = SenderName.flaw(name, others: ["Northgate", "Vela"])
        #expect(flaw?.message.contains(said) == true, "\(name): \(String(describing: flaw))")
    }

    @Test(
        "names of firms are taken", arguments: ["Halden & Price", "L’Étoile S.A.", "Müller + Söhne", "Ελλάς", "Vela Group (EU)"])
    func goodNames(name: String) {
        #expect(SenderName.flaw(name, others: ["Northgate", "Vela"]) == nil)
    }
}

/// A mail of plain paragraphs in a brand's look, for texts that people write anew each time.
package struct MailLetter: Sendable {
    package let subject: String
    package let paragraphs: [String]
    /// What the button says and where it leads.
    package let button: String
    package let link: String
    /// The last line of the foot; an address in it can be followed in the HTML.
    package let goodbye: String

    package init(subject: String, paragraphs: [String], button: String, link: String, goodbye: String) {
        self.subject = subject
        self.paragraphs = paragraphs
        self.button = button
        self.link = link
        self.goodbye = goodbye
    }

    /// Both parts. Every text is escaped where it lands, and the link is followed only where a mail may lead.
    package func rendered(look: MailLook, language: BrandLanguage) -> RenderedMail {
        let link = MailTemplate.safe(link: link)
        var html = ""
        for paragraph in paragraphs where !paragraph.isEmpty {
            let lines = MailTemplate.escaped(paragraph).split(separator: "\n", omittingEmptySubsequences: false)
            html += "<p style=\"margin:12px 0\">\(lines.joined(separator: "<br>"))</p>\n"
        }
        if !link.isEmpty {
            html +=
                "<p style=\"margin:20px 0\"><a href=\"\(MailTemplate.escaped(link))\" style=\"display:inline-block;"
                + "padding:10px 16px;border-radius:6px;background:\(look.primary);color:\(look.onPrimary);"
                + "text-decoration:none;font-weight:600\">\(MailTemplate.escaped(button))</a></p>\n"
        }
        if !goodbye.isEmpty {
            html += "<p style=\"margin:12px 0;color:\(look.quiet);font-size:12px\">\(MailLetter.following(goodbye))</p>\n"
        }
        var text = paragraphs.filter { !$0.isEmpty } + (link.isEmpty ? [] : [link])
        if !goodbye.isEmpty { text.append(goodbye) }
        if !look.footer.isEmpty { text.append("-- \n" + look.footer.joined(separator: "\n")) }
        let line = String(subject.filter { !$0.isNewline })
        return RenderedMail(
            subject: line, text: text.joined(separator: "\n\n") + "\n", html: MailTemplate.page(html, line, look, language))
    }

    /// The words with an address at their end made one that can be followed.
    private static func following(_ words: String) -> String {
        guard let blank = words.lastIndex(of: " ") else { return MailTemplate.escaped(words) }
        let link = MailTemplate.safe(link: String(words[words.index(after: blank)...]))
        guard !link.isEmpty else { return MailTemplate.escaped(words) }
        let shown = MailTemplate.escaped(link)
        return MailTemplate.escaped(String(words[...blank])) + "<a href=\"\(shown)\">\(shown)</a>"
    }
}

import Kernel
import Testing

@testable import Incidents

@Suite("letters to subscribers of status pages")
struct StatusLetterTests {
    private func letter(_ kind: StatusLetter.Kind, _ language: StatusLanguage = .en, title: String = "Late") -> StatusLetter {
        StatusLetter(
            kind: kind, page: "Brightwater", language: language,
            notice: StatusLetter.Notice(
                id: "n1", number: 2, kind: .incident, title: title, impact: .major, phase: .identified,
                components: ["Posting"], text: "Postings wait.\nNone is lost.", at: Moment(microseconds: 0), isEdited: false,
                startsAt: nil, endsAt: nil, times: ""),
            link: "https://console.example/status/x", stop: "https://console.example/status-mail/t")
    }

    @Test("they speak the page's language, and a question says nothing of what was told")
    func languages() {
        #expect(letter(.update).subject == "Identified: Late (Brightwater)")
        #expect(letter(.update, .de).paragraphs[1] == "Erheblich. Betrifft: Posting")
        #expect(letter(.reminder, .fr).subject == "Bientôt : Late (Brightwater)")
        for language in StatusLanguage.allCases {
            let asked = letter(.confirm, language)
            #expect(asked.goodbye.isEmpty && !asked.paragraphs.joined().contains("Postings"))
            #expect(letter(.update, language).goodbye.hasSuffix("https://console.example/status-mail/t"))
        }
        #expect(letter(.confirm).event(at: Moment(microseconds: 0))["data"]?["notice"] == nil)
        #expect(letter(.update).event(at: Moment(microseconds: 0))["data"]?["notice"]?["update"]?.int == 2)
    }

    @Test("a mail has both parts and the way out in its headers, and no text of a person becomes a header")
    func mail() {
        let evil = "Late\r\nBcc: all@reader.example"
        func lines(stop: String) -> [String] {
            let message = MailMessage(
                id: "status-1", from: MailMessage.Sender(name: "B\r\nCc: x@y.example", address: "status@b.example"),
                to: "maya@reader.example", subject: letter(.update, title: evil).subject, text: "Text", html: "<p>Text</p>",
                stop: stop)
            return String(decoding: message.bytes(at: Moment(microseconds: 0)), as: UTF8.self).split(separator: "\r\n")
                .map(String.init)
        }
        let good = lines(stop: "https://console.example/status-mail/t")
        #expect(!good.contains { $0.hasPrefix("Bcc") || $0.hasPrefix("Cc") })
        #expect(good.contains("List-Unsubscribe: <https://console.example/status-mail/t>"))
        #expect(good.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click"))
        #expect(good.contains("Content-Type: multipart/alternative; boundary=\"status-1-both\""))
        #expect(good.filter { $0 == "--status-1-both" }.count == 2 && good.last == "--status-1-both--")
        #expect(good.filter { $0.hasPrefix("Content-Type: text/") }.count == 2)
        #expect(!lines(stop: "https://x.example/>\r\nBcc: y").contains { $0.hasPrefix("List-") || $0.hasPrefix("Bcc") })
    }

    @Test("tries come further and further apart, over some hours in all")
    func pauses() {
        let pauses = (1..<StatusSubscriptionBounds.attemptsMax).map { StatusSubscriptionBounds.pause(after: $0) }
        #expect(pauses == [15, 30, 60, 120, 240, 480, 960, 1920, 3600])
    }
}

import Kernel
import TestBasics
import Testing

@testable import Incidents

@Suite("what a page says")
struct PageMessageTests {
    private func message(_ title: String, kind: PageMessage.Kind = .page) throws -> PageMessage {
        let at = try #require(Moment("2026-01-05T09:00:00Z"))
        return PageMessage(
            kind: kind, id: "0190", tenant: "Brightwater", number: "INC-7", incident: "0191", alert: "worker-missing",
            fingerprint: "f", title: title, severity: .sev2, openedAt: at, decidedAt: at, layer: "Platform",
            reason: "it was opened", person: "Tomas")
    }

    private func lines(_ message: PageMessage) throws -> [String] {
        let at = try #require(Moment("2026-01-05T09:00:00Z"))
        let text = String(
            decoding: message.mail(from: "pager@northgate.example", to: "t@northgate.example", at: at), as: UTF8.self)
        return text.split(separator: "\r\n", omittingEmptySubsequences: false).map(String.init)
    }

    private func body(_ lines: [String]) throws -> String {
        let blank = try #require(lines.firstIndex(of: ""))
        let bytes = try #require(Base64.decode(lines[(blank + 1)...].joined()))
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test("a mail has a date, an id by which repetitions are one, a subject that tells the trouble, and how to take it on")
    func mail() throws {
        let lines = try lines(try message("The worker does not answer"))
        #expect(lines[0] == "Date: Mon, 05 Jan 2026 09:00:00 +0000")
        #expect(lines.contains("Subject: [sev2] INC-7 Brightwater: The worker does not answer"))
        #expect(lines.contains("Message-ID: <page-0190@northgate.example>"))
        #expect(lines.allSatisfy { $0.utf8.count <= 78 })
        let body = try body(lines)
        #expect(body.contains("countersign acknowledge incident 0191") && body.contains("You are    Platform"))
    }

    @Test("no title can add a header, whatever characters it has, and every one of them arrives")
    func hostile() throws {
        var dice = Seeded("titles in mails")
        let odd = ["ü", "\r\n", "\n", "Bcc: x@y.example", "💶", "\u{2028}", "=?utf-8?B?", "é", " ", "a", "\u{0}", "漢"]
        for _ in 0..<300 {
            let title = (0..<dice.int(0...60)).map { _ in odd[dice.int(0...(odd.count - 1))] }.joined()
            let lines = try lines(try message(title))
            let blank = try #require(lines.firstIndex(of: ""))
            let heads = lines[..<blank].filter { !$0.hasPrefix(" ") }.map { $0.prefix { $0 != ":" } }
            #expect(heads.count == 9 && Set(heads).count == 9, "\(heads), seed \(dice.seed)")
            #expect(lines[..<blank].allSatisfy { $0.utf8.allSatisfy { $0 < 0x80 } && $0.utf8.count <= 300 })
            let words = lines[..<blank].drop { !$0.hasPrefix("Subject:") }
            let subject = [words.first ?? ""] + words.dropFirst().prefix { $0.hasPrefix(" ") }
            #expect(decoded(subject) == "[sev2] INC-7 Brightwater: " + String(title.map { $0.isNewline ? " " : $0 }))
        }
    }

    private func decoded(_ lines: [String]) -> String {
        let text = lines.enumerated().map { $0.offset == 0 ? String($0.element.dropFirst(9)) : String($0.element.dropFirst()) }
        guard text.allSatisfy({ $0.hasPrefix("=?utf-8?B?") && $0.hasSuffix("?=") }) else { return text.joined() }
        let bytes = text.flatMap { Base64.decode($0.dropFirst(10).dropLast(2)) ?? [] }
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test("an event service keeps one incident for all pages of one, and hears of its end under the same key")
    func service() throws {
        let page = try message("T").serviceEvent(routingKey: "k")
        #expect(page["event_action"]?.string == "trigger" && page["dedup_key"]?.string == "Brightwater/0191")
        #expect(page["payload"]?["severity"]?.string == "error")
        let end = try message("T", kind: .over).serviceEvent(routingKey: "k")
        #expect(end["event_action"]?.string == "resolve" && end["dedup_key"] == page["dedup_key"] && end["payload"] == nil)
        #expect(try message("T", kind: .answered).serviceEvent(routingKey: "k")["event_action"]?.string == "acknowledge")
        #expect(try message("T", kind: .test).serviceEvent(routingKey: "k")["dedup_key"]?.string == "test-0190")
    }
}

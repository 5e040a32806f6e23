import Kernel
import Testing

@testable import Incidents

@Suite("A mail in the name of a brand")
struct MailMessageTests {
    private func lines(_ sender: MailMessage.Sender) -> [String] {
        let message = MailMessage(
            id: "report-1", from: sender, to: "ines@alpha.example", subject: "Report", text: "Words.\n", attachment: nil)
        return String(decoding: message.bytes(at: Moment(seconds: 1_784_000_000)), as: UTF8.self)
            .split(separator: "\r\n").map(String.init)
    }

    @Test(
        "the name stands before the address and can hold none of its own",
        arguments: [
            ("", "From: <post@harbour.example>"), ("Harbour 7", "From: Harbour 7 <post@harbour.example>"),
            ("Hale, Price (Ltd.)", "From: \"Hale, Price (Ltd.)\" <post@harbour.example>"),
            ("a\" <x@evil.example>, \"b", "From: \"a\\\" <x@evil.example>, \\\"b\" <post@harbour.example>"),
            ("Häfen", "From: =?utf-8?B?SMOkZmVu?= <post@harbour.example>"),
            ("Two\nBcc: x@evil.example", "From: \"Two Bcc: x@evil.example\" <post@harbour.example>"),
        ])
    func sender(name: String, header: String) {
        let lines = lines(MailMessage.Sender(name: name, address: "post@harbour.example"))
        #expect(lines.contains(header), "\(lines)")
        #expect(!lines.contains { $0.hasPrefix("Bcc") || $0.hasPrefix("Reply-To") })
    }

    @Test("answers go where the brand wants them")
    func replies() {
        let sender = MailMessage.Sender(name: "Harbour", address: "post@harbour.example", replyTo: "help@harbour.example")
        #expect(lines(sender).contains("Reply-To: <help@harbour.example>"))
        #expect(lines(sender).contains("Message-ID: <report-1@harbour.example>"))
    }
}

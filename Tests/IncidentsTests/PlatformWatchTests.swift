import Kernel
import Testing

@testable import Incidents

@Suite("what the watchdog says and when")
struct PlatformWatchTests {
    private static let start = Moment(seconds: 1_793_500_000)

    private func ill(_ subject: String = "server a", _ text: String = "it does not answer") -> [PlatformWatch.Finding] {
        [.init(subject, trouble: text)]
    }
    private func well(_ subject: String = "server a") -> [PlatformWatch.Finding] { [.init(subject, trouble: nil)] }

    /// One look, at so many seconds; what is said reaches people.
    private func look(
        _ watch: inout PlatformWatch, _ findings: [PlatformWatch.Finding], _ second: Int64, isDelivered: Bool = true
    ) -> [String] {
        let now = Self.start.adding(seconds: second)
        let messages = watch.take(findings, at: now)
        if isDelivered { for message in messages { watch.said(message, at: now) } }
        return messages.map { "\($0.kind.rawValue) \($0.subject)" }
    }

    @Test("one failed look wakes nobody, the second does, once, and the first good look says that it is over, once")
    func wholeStory() {
        var watch = PlatformWatch()
        #expect(look(&watch, ill(), 0) == [])
        #expect(look(&watch, ill(), 15) == ["ill server a"])
        #expect(watch.isIll)
        #expect(look(&watch, ill(), 30) == [])
        #expect(look(&watch, well(), 45) == ["over server a"])
        #expect(look(&watch, well(), 60) == [])
        #expect(!watch.isIll)
    }

    @Test("a blink that nobody was told of needs no word that it is over, and counts anew")
    func blink() {
        var watch = PlatformWatch()
        for second in stride(from: Int64(0), to: 300, by: 30) {
            #expect(look(&watch, ill(), second) == [])
            #expect(look(&watch, well(), second + 15) == [])
        }
    }

    @Test("what stays ill is said again after a while, with the first instant")
    func again() {
        var watch = PlatformWatch(.init(failuresMin: 1, repeatSeconds: 60))
        #expect(look(&watch, ill(), 0) == ["ill server a"])
        #expect(look(&watch, ill(), 59) == [])
        let messages = watch.take(ill("server a", "it is worse"), at: Self.start.adding(seconds: 60))
        #expect(messages.map(\.kind) == [.still])
        #expect(messages.first?.since == Self.start && messages.first?.text == "it is worse")
    }

    @Test("what no channel takes comes again with every look, the all-clear too")
    func undelivered() {
        var watch = PlatformWatch(.init(failuresMin: 1, repeatSeconds: 900))
        #expect(look(&watch, ill(), 0, isDelivered: false) == ["ill server a"])
        #expect(look(&watch, ill(), 15, isDelivered: true) == ["ill server a"])
        #expect(look(&watch, ill(), 30) == [])
        #expect(look(&watch, well(), 45, isDelivered: false) == ["over server a"])
        #expect(look(&watch, well(), 60) == ["over server a"])
        #expect(look(&watch, well(), 75) == [])
    }

    @Test("subjects are told of each by itself, and one that is not looked at stays as it was")
    func several() {
        var watch = PlatformWatch(.init(failuresMin: 1, repeatSeconds: 900))
        #expect(look(&watch, ill("a") + ill("b"), 0) == ["ill a", "ill b"])
        #expect(look(&watch, well("a"), 15) == ["over a"])
        #expect(look(&watch, well("b"), 30) == ["over b"])
    }

    @Test("messages name the installation, the subject and the times, and fit one line of a mail's subject")
    func words() {
        let message = PlatformWatch.Message(kind: .ill, subject: "the database", text: "it does not answer", since: Self.start)
        #expect(message.title(site: "North") == "[North] the database is ill: it does not answer")
        let mail = String(
            decoding: PageMessage.mail(
                id: "w-1", subject: message.title(site: "North"), text: message.body(site: "North", at: Self.start),
                from: "watch@north.example", to: "duty@north.example", at: Self.start), as: UTF8.self)
        #expect(mail.contains("Subject: [North] the database is ill: it does not answer\r\n"))
        #expect(mail.contains("Message-ID: <w-1@north.example>"))
    }
}

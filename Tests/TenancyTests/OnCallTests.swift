import Kernel
import ServiceLevels
import Testing

@testable import Tenancy

@Suite("rotas as documents")
struct OnCallTests {
    private func document(_ change: (inout JSONObject) -> Void = { _ in }) -> JSONValue {
        var object: JSONObject = [
            "kind": "on-call", "name": "platform", "title": "Platform", "timezone": "Europe/Berlin", "start": "2026-01-05",
            "handOver": "09:00", "rotation": "weekly", "people": ["ada", "ben"], "dutyManager": "ines",
            "hours": ["days": ["mon", "tue", "wed", "thu", "fri"], "from": "08:00", "to": "18:00"],
            "turns": [["people": ["cleo"], "rotation": "daily", "hours": ["from": "18:00", "to": "08:00"]]],
            "layers": [["title": "Second line", "people": ["dora"], "tell": "everyone", "escalateAfterMinutes": 5]],
            "repeats": 1,
            "overrides": [["from": "2026-12-24T18:00", "to": "2026-12-27T09:00", "person": "ben", "layer": 2]],
        ]
        change(&object)
        return .object(object)
    }

    private func parsed(_ change: (inout JSONObject) -> Void = { _ in }) -> (OnCallDocument?, [AssetIssue]) {
        var issues: [AssetIssue] = []
        return (OnCallDocument.parse(document(change), issues: &issues), issues)
    }

    @Test("what a layer leaves out is as in the rota, and a later turn wins while its hours last")
    func layers() throws {
        let (read, issues) = parsed()
        let rota = try #require(read, "\(issues)")
        #expect(rota.layers.map(\.title) == ["Platform", "Second line"])
        #expect(rota.layers.map(\.answerSeconds) == [900, 300] && rota.layers[1].telling == .everyone)
        #expect(rota.layers[1].turns[0].handOverSecond == 9 * 3600 && rota.layers[1].turns[0].rotation == .weekly)
        let zone = try ZoneRules.load(rota.timeZone)
        func answering(_ text: String, _ layer: Int = 0) throws -> String? {
            rota.rota(ofLayer: layer, zone: zone).onCall(at: try #require(Moment(text)))
        }
        // Tuesday noon is the office's, its night Cleo's; a Saturday at noon is nobody's of this layer.
        #expect(try answering("2026-01-06T11:00:00Z") == "ada")
        #expect(try answering("2026-01-06T22:00:00Z") == "cleo")
        #expect(try answering("2026-01-10T11:00:00Z") == nil)
        // The override begins and ends by the clock on the wall in Berlin.
        #expect(try answering("2026-12-24T16:59:59Z", 1) == "dora")
        #expect(try answering("2026-12-24T17:00:00Z", 1) == "ben")
        #expect(try answering("2026-12-27T08:00:00Z", 1) == "dora")
        #expect((0...4).map { rota.layer(atStep: $0) } == [0, 1, 0, 1, nil])
    }

    @Test("quiet hours end by the clock on the wall, also over midnight, and what comes outside of them waits for nothing")
    func quiet() throws {
        let rota = try #require(parsed { $0["quietHours"] = ["from": "22:00", "to": "07:00"] }.0)
        let zone = try ZoneRules.load(rota.timeZone)
        func until(_ text: String) throws -> String? {
            rota.quietUntil(try #require(Moment(text)), zone: zone)?.text(fraction: 0)
        }
        #expect(try until("2026-07-14T12:00:00Z") == "2026-07-14T12:00:00Z")
        #expect(try until("2026-07-14T20:00:00Z") == "2026-07-15T05:00:00Z", "22:00 in Berlin is within")
        #expect(try until("2026-07-14T19:59:59Z") == "2026-07-14T19:59:59Z")
        #expect(try until("2026-07-15T04:59:59Z") == "2026-07-15T05:00:00Z")
        #expect(try until("2026-07-15T05:00:00Z") == "2026-07-15T05:00:00Z", "the end is outside")
        #expect(try until("2026-03-28T23:30:00Z") == "2026-03-29T05:00:00Z", "the night of the change is an hour shorter")
        let daytime = try #require(parsed { $0["quietHours"] = ["from": "12:00", "to": "13:00"] }.0)
        let noon = try #require(Moment("2026-07-14T10:30:00Z"))
        #expect(daytime.quietUntil(noon, zone: zone)?.text(fraction: 0) == "2026-07-14T11:00:00Z")
        let loud = try #require(parsed().0)
        #expect(loud.quietUntil(noon, zone: zone) == nil)
    }

    @Test(
        "what is wrong is told where",
        arguments: [
            ("overrides", [["from": "2026-12-27T09:00", "to": "2026-12-24T18:00", "person": "ben"]], "/overrides/0/to"),
            (
                "overrides", [["from": "2026-12-24T18:00", "to": "2026-12-27T09:00", "person": "ben", "layer": 3]],
                "/overrides/0/layer"
            ),
            ("overrides", [["from": "2026-12-24T18:00Z", "to": "2026-12-27T09:00", "person": "ben"]], "/overrides/0/from"),
            ("hours", ["from": "08:00", "to": "08:00"], "/hours/to"),
            ("quietHours", ["from": "08:00", "to": "08:00"], "/quietHours/to"),
            ("channels", ["console", "mail"], "/channels/1"), ("people", [], "/people"), ("repeats", 9, "/repeats"),
            ("mail", ["server": "smtp://mail.example:25", "from": "a@b.example", "tls": "none"], "/mail/tls"),
            ("mail", ["server": "smtps://mail.example:465", "from": "a@b.example", "user": "u"], "/mail"),
            ("mail", ["server": "https://mail.example", "from": "a@b.example"], "/mail/server"),
            ("webhook", ["url": "https://hooks.example/x"], "/webhook"),
            ("chat", ["url": "http://chat.example/x"], "/chat/url"),
        ] as [(String, JSONValue, String)])
    func wrong(member: String, value: JSONValue, pointer: String) {
        let (read, issues) = parsed { $0[member] = value }
        #expect(issues.contains { $0.pointer == pointer && $0.severity == .error }, "\(issues)")
        #expect(read == nil)
    }

    @Test("a channel with its settings is taken, and its ports are known to the worker that dials them")
    func channels() throws {
        let (read, issues) = parsed {
            $0["channels"] = ["console", "mail", "webhook"]
            $0["mail"] = [
                "server": "smtps://mail.example:465", "from": "pager@b.example", "user": "pager", "secret": "pager-mail",
            ]
            $0["webhook"] = ["url": "http://127.0.0.1:9009/hook", "secret": "hook", "allow": ["127.0.0.1:9009"]]
        }
        let rota = try #require(read, "\(issues)")
        #expect(rota.channels == [.console, .mail, .webhook])
        #expect(rota.settings.mail?.isEncrypted == true && rota.settings.mail?.secret == "pager-mail")
        #expect(Set(rota.settings.places) == ["smtps://mail.example:465", "http://127.0.0.1:9009/hook", "127.0.0.1:9009"])
    }
}

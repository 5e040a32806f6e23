import Kernel
import ServiceLevels
import Testing

@testable import Tenancy

@Suite("who is told of what can wait, and when")
struct DigestRuleTests {
    @Test("an exclusion beats everything, and without names it is about all that are not excluded")
    func selection() {
        let all = TenantSelection.everybody
        #expect(all.includes(tenant: "meridian", partner: "harbour") && all.includes(tenant: "meridian", partner: nil))
        let group = TenantSelection(tenants: ["ostwerk"], partners: ["harbour"], except: ["quiet"])
        #expect(group.includes(tenant: "ostwerk", partner: "else"))
        #expect(group.includes(tenant: "meridian", partner: "harbour"))
        #expect(!group.includes(tenant: "meridian", partner: "else") && !group.includes(tenant: "meridian", partner: nil))
        #expect(!group.includes(tenant: "quiet", partner: "harbour"))
        #expect(!TenantSelection(except: ["quiet"]).includes(tenant: "quiet", partner: nil))
        #expect(TenantSelection(except: ["quiet"]).includes(tenant: "loud", partner: nil))
    }

    @Test("its times are wall times of the rota's zone on the days that it names, in summer and in winter")
    func times() throws {
        let berlin = try ZoneRules.load("Europe/Berlin")
        let rule = DigestRule(title: "Morning", people: ["ines"], times: [16 * 3600, 7 * 3600 + 1800], days: Set(1...5))
        func last(_ text: String) throws -> String? {
            rule.lastDue(at: try #require(Moment(text)), zone: berlin).map { $0.text(fraction: 0) }
        }
        // Tuesday the 14th of July: 07:30 is 05:30 UTC.
        #expect(try last("2026-07-14T05:29:59Z") == "2026-07-13T14:00:00Z")
        #expect(try last("2026-07-14T05:30:00Z") == "2026-07-14T05:30:00Z")
        #expect(try last("2026-07-14T23:00:00Z") == "2026-07-14T14:00:00Z")
        // Over the weekend the last is Friday's.
        #expect(try last("2026-07-19T12:00:00Z") == "2026-07-17T14:00:00Z")
        // In winter it is 06:30 UTC.
        #expect(try last("2026-12-01T06:29:00Z") == "2026-11-30T15:00:00Z")
        #expect(try last("2026-12-01T06:31:00Z") == "2026-12-01T06:30:00Z")
        func next(_ text: String) throws -> String? {
            rule.nextDue(after: try #require(Moment(text)), zone: berlin).map { $0.text(fraction: 0) }
        }
        #expect(try next("2026-07-14T05:29:59Z") == "2026-07-14T05:30:00Z")
        #expect(try next("2026-07-14T05:30:00Z") == "2026-07-14T14:00:00Z", "the one that has come is not the next")
        #expect(try next("2026-07-17T14:00:00Z") == "2026-07-20T05:30:00Z", "after Friday's last comes Monday's first")
        // At a place that is a day ahead of UTC its morning has come.
        let far = try ZoneRules.load("Pacific/Kiritimati")
        #expect(
            rule.lastDue(at: try #require(Moment("2026-07-13T18:00:00Z")), zone: far)?.text(fraction: 0)
                == "2026-07-13T17:30:00Z")
    }

    private func issues(_ adding: [(String, JSONValue)]) -> (OnCallDocument?, [String]) {
        var json: JSONObject = [
            "kind": "on-call", "name": "platform", "title": "Platform", "timezone": "Europe/London", "start": "2026-07-13",
            "handOver": "09:00", "rotation": "weekly", "people": ["tomas"], "dutyManager": "ines",
        ]
        for (name, value) in adding { json[name] = value }
        var found: [AssetIssue] = []
        let document = OnCallDocument.parse(.object(json), issues: &found)
        return (document, found.map(\.pointer))
    }

    @Test("a rota says whom it serves and whom it gathers for, and a digest without a mail server is a located mistake")
    func document() throws {
        let digest: JSONValue = ["title": "Morning", "people": ["ines", "bela"], "at": ["07:30"], "except": ["quiet"]]
        let mail: JSONValue = ["server": "smtps://mail.example.com:465", "from": "pager@example.com"]
        #expect(issues([("digests", [digest])]).1 == ["/digests"])
        let (document, found) = issues([
            ("digests", [digest, ["title": "Second", "people": ["bela"], "at": ["12:00"], "tenants": ["meridian"]]]),
            ("mail", mail), ("serves", ["partners": ["harbour"]]),
        ])
        #expect(found.isEmpty)
        let rota = try #require(document)
        #expect(rota.serves?.includes(tenant: "any", partner: "harbour") == true)
        #expect(rota.digested(tenant: "meridian", partner: nil) == ["ines", "bela"])
        #expect(rota.digested(tenant: "quiet", partner: nil).isEmpty)
        #expect(
            issues([("digests", [["title": "x", "people": ["ines"], "at": ["25:00"]]]), ("mail", mail)]).1 == ["/digests/0/at/0"])
        #expect(
            issues([("digests", [["title": "x", "people": [], "at": ["07:00"]]]), ("mail", mail)]).1 == ["/digests/0/people"])
    }
}

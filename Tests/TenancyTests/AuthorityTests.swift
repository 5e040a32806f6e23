import Kernel
import Tenancy
import Testing

private let kestrel = Scope.tenant("kestrel-labs", partner: "vela")
private let solara = Scope.tenant("solara-energia", partner: "vela")
private let now = Moment(seconds: 1_780_000_000)

private let roles = [
    Role(name: "approver", title: "Approver", level: .tenant, permissions: [.runsRead, .approvalsRead, .approvalsDecide]),
    Role(name: "partner-admin", title: "Partner administrator", level: .partner, permissions: [.fleetRead, .serviceRead]),
    Role(name: "on-call", title: "On-call engineer", level: .operator, permissions: [.incidentsManage, .tasksRetry]),
    Role(name: "broken", title: "Broken", level: .operator, permissions: [.runsRead]),
    Role(name: "changer", title: "Changer", level: .tenant, permissions: [.configurationApply]),
]

private func authority(_ grants: Grant...) -> Authority {
    Authority(person: PersonID(high: 1, low: 2), grants: grants, roles: roles)
}

@Suite("Who may do what where")
struct AuthorityTests {
    @Test("a scope covers itself and what is below it")
    func covers() {
        #expect(Scope.operator.covers(kestrel))
        #expect(Scope.partner("vela").covers(kestrel))
        #expect(!Scope.partner("halden-price").covers(kestrel))
        #expect(!kestrel.covers(.partner("vela")))
        #expect(!kestrel.covers(solara))
    }

    @Test("an approver of one tenant decides there and nowhere else")
    func ownTenantOnly() {
        let approver = authority(Grant(role: "approver", scope: kestrel))
        #expect(approver.permits(.approvalsDecide, in: kestrel, at: now))
        #expect(!approver.permits(.approvalsDecide, in: solara, at: now))
        #expect(!approver.permits(.tasksRetry, in: kestrel, at: now))
    }

    @Test("a partner sees the service of its own tenants only")
    func partnerReachesDown() {
        let partner = authority(Grant(role: "partner-admin", scope: .partner("vela")))
        #expect(partner.permits(.serviceRead, in: kestrel, at: now))
        #expect(!partner.permits(.serviceRead, in: .tenant("brightwater-foods", partner: "halden-price"), at: now))
        #expect(!partner.permits(.serviceRead, in: .operator, at: now))
    }

    @Test("no role of the operator opens a tenant's documents, whatever its file says")
    func payloadNeedsAGrantOnTheTenant() {
        let verdict = authority(Grant(role: "broken", scope: .operator)).verdict(.runsRead, in: kestrel, at: now)
        #expect(!verdict.isAllowed)
        #expect(verdict.explanation.contains("does not open a tenant's documents"))
    }

    @Test("a visit ends at its instant, to the microsecond")
    func visitEnds() {
        let visitor = authority(Grant(role: "approver", scope: kestrel, until: now))
        #expect(visitor.permits(.runsRead, in: kestrel, at: Moment(microseconds: now.microseconds - 1)))
        let verdict = visitor.verdict(.runsRead, in: kestrel, at: now)
        #expect(!verdict.isAllowed)
        #expect(verdict.explanation.contains("ended on"))
        #expect(visitor.roleNames(in: kestrel, at: now).isEmpty)
    }

    @Test("a role limited to an entity does not decide for another")
    func entities() {
        let limited = authority(Grant(role: "approver", scope: solara, entities: ["ES01"]))
        #expect(limited.permits(.approvalsDecide, in: solara, entity: "ES01", at: now))
        #expect(!limited.permits(.approvalsDecide, in: solara, entity: "US01", at: now))
        #expect(limited.roleNames(in: solara, entity: "US01", at: now).isEmpty)
    }

    @Test("a refusal says which permission was missing, and where")
    func refusal() {
        #expect {
            try authority().require(.peopleRead, in: kestrel, at: now)
        } throws: { error in
            let refusal = error as? Refusal
            return refusal?.code == .forbidden && refusal?.facts["permission"] == "people.read"
                && refusal?.facts["scope"] == "tenant/kestrel-labs"
        }
    }

    @Test("who sets thresholds and who approves under them must not be one person")
    func staticConflict() {
        let both = authority(Grant(role: "approver", scope: kestrel), Grant(role: "changer", scope: kestrel))
        #expect(both.staticConflicts().map(\.conflict.rule) == ["P18"])
        let apart = authority(Grant(role: "approver", scope: kestrel), Grant(role: "changer", scope: solara))
        #expect(apart.staticConflicts().isEmpty)
    }

    @Test("grants survive the way through a row of the database")
    func grantCoding() throws {
        for grant in [
            Grant(role: "on-call", scope: .operator), Grant(role: "partner-admin", scope: .partner("vela")),
            Grant(role: "approver", scope: kestrel, entities: ["GB01"], until: now),
        ] {
            #expect(try Grant(json: try JSONValue(parsing: grant.json.text)) == grant)
            #expect(!grant.json.text.contains("null"))
        }
        #expect(throws: Refusal.self) { try Grant(json: ["role": "x", "scope": "tenant/../etc"]) }
        #expect(throws: Refusal.self) { try Grant(json: ["role": "x", "scope": "operator", "until": "soon"]) }
    }

    @Test("default deny: for every permission, nobody without a grant has it")
    func defaultDeny() {
        for permission in Permission.allCases { #expect(!authority().permits(permission, in: kestrel, at: now)) }
    }

    @Test("derived ids are stable, distinct, and of version 8")
    func derivedIDs() {
        // A stand-in for SHA-256: any function with 32 bytes shows the layout.
        let hash: ([UInt8]) -> [UInt8] = { bytes in
            (0..<32).map { UInt8(truncatingIfNeeded: bytes.reduce($0 * 31) { $0 &* 33 &+ Int($1) }) }
        }
        let one = kestrel.id(sha256: hash)
        #expect(one == TenantID.derived(from: "tenant/kestrel-labs", sha256: hash))
        #expect(one != solara.id(sha256: hash))
        let text = Array(one.text)
        #expect(text[14] == "8")
        #expect("89ab".contains(text[19]))
    }
}

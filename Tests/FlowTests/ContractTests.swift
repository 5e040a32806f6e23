import Kernel
import Postgres
import Records
import Seals
import Tenancy
import Testing

@testable import Flow

@Suite("contracts between two sides")
struct ContractTests {
    private static let day: Int64 = 86_400
    private static let signing = SigningRing(.ephemeral())

    private func contracting(_ stage: Stage) async -> Contracting {
        let house = await stage.house
        return Contracting(platform: house.platform, assets: house.assets, signing: Self.signing)
    }

    private func watch(_ stage: Stage) async -> ContractWatch {
        let house = await stage.house
        return ContractWatch(platform: house.platform, scopes: house.scopes, desk: house.desk)
    }

    /// The operator's head of service, who is nobody of the tenant's.
    private func ines(_ firm: Firm, isMachine: Bool = false) -> Actor {
        Actor(
            tenant: firm.id, person: PersonID(high: 7, low: 7), natural: PersonID(high: 7, low: 8), name: "Ines Okafor",
            roles: ["operator-admin"], approvalLimit: nil, isMachine: isMachine)
    }

    private func terms(_ version: String, isSigned: Bool = true) -> SampleConfiguration.ContractTerms {
        var terms = SampleConfiguration.ContractTerms()
        (terms.version, terms.isSigned) = (version, isSigned)
        return terms
    }

    private func publish(_ stage: Stage, _ terms: SampleConfiguration.ContractTerms, target: String = "4h") async throws {
        let slug = await stage.firm.scope.slug
        try await stage.publish(
            SampleConfiguration.tenant(slug, approvalTarget: target, settleSeconds: 25, contract: terms))
    }

    private func version(_ stage: Stage, _ number: String) async throws -> Contracting.Version {
        try #require(try await contracting(stage).all(await stage.firm.id).first { $0.row.version == number })
    }

    private func refusal(_ body: () async throws -> Void) async throws -> Refusal {
        do {
            try await body()
        } catch let refusal as Refusal {
            return refusal
        }
        throw Fault("being refused", "it went through", isRetryable: false)
    }

    private func start(_ stage: Stage, _ number: String) async throws -> RunRow {
        try await stage.receive(SampleDocument(number: number, gross: "4800.00", order: "PO-\(number)"))
        try await stage.work()
        return try #require(try await stage.runs().first { $0.subject == number })
    }

    private func pinned(_ run: RunRow) -> String? { run.pinned["contract"]?["version"]?.string }

    @Test("a version governs once one person of each side has signed its hash, and clocks that run keep theirs")
    func signedByBoth() async throws {
        let stage = try await Stage.make()
        let (firm, desk) = (await stage.firm, await contracting(stage))
        let first = try await start(stage, "R-1")
        try await publish(stage, terms("2", isSigned: false))
        let draft = try await version(stage, "2")
        #expect(draft.standing(at: stage.now) == .drafted)
        #expect(pinned(try await start(stage, "R-2")) == "1", "a draft promises nothing")

        let (id, hash) = (draft.row.asset, draft.row.hash)
        let maya = try firm.actor("maya")
        func sign(_ side: ContractSide, _ actor: Actor, _ hash: String) async throws -> Contracting.Version {
            try await desk.act(.sign(hash: hash), on: id, side: side, as: actor, scope: firm.scope)
        }
        #expect(try await refusal { _ = try await sign(.tenant, maya, hash) }.reason == "contract.phase")
        _ = try await desk.act(.submit, on: id, side: .provider, as: ines(firm), scope: firm.scope)
        let stale = try await refusal { _ = try await sign(.tenant, maya, String(repeating: "0", count: 64)) }
        #expect(stale.reason == "contract.hash")
        #expect(
            try await refusal { _ = try await sign(.provider, ines(firm, isMachine: true), hash) }.reason == "contract.machine")
        _ = try await sign(.tenant, maya, hash)
        #expect(try await refusal { _ = try await sign(.provider, maya, hash) }.reason == "contract.two-people")
        #expect(try await refusal { _ = try await sign(.tenant, try firm.actor("jonas"), hash) }.reason == "contract.signed")
        #expect(pinned(try await start(stage, "R-3")) == "1", "one side's signature promises nothing")
        stage.move(seconds: 60)
        let signed = try await sign(.provider, ines(firm), hash)

        #expect(signed.standing(at: stage.now) == .inForce)
        #expect(signed.periods.map(\.from) == [stage.now], "not before the second signature, whatever the text says")
        #expect(try await version(stage, "1").standing(at: stage.now) == .over)
        #expect(pinned(try await start(stage, "R-4")) == "2")
        let kept = try await stage.house.looking.clocks(firm.id, run: first.id)
        #expect(kept.map(\.contractVersion) == ["1"] && kept.map(\.targetSeconds) == [72_000])
        let seals = signed.life.signatures
        #expect(seals.count == 2 && seals.allSatisfy { Contracting.isSealGood($0, of: signed.row) })
        // The same seal over another text is none.
        let other = ContractSignature(
            side: .tenant, person: maya.person, natural: maya.natural, name: maya.name, at: seals[0].at,
            hash: String(repeating: "1", count: 64), seal: seals[0].seal)
        #expect(!Contracting.isSealGood(other, of: signed.row))
        let audit = try await stage.store.withTenant(firm.id) { tx in
            try await tx.query(
                "SELECT action FROM audit_entry WHERE object_type = 'contract' AND tenant_id = \(firm.id) ORDER BY at, id"
            )
            .column(as: String.self)
        }
        #expect(audit.sorted() == ["contract.recorded", "contract.signed", "contract.signed", "contract.submitted"])
    }

    @Test("two contracts for the same runs at once are refused with their names and days, by the database too")
    func overlap() async throws {
        let stage = try await Stage.make()
        let firm = await stage.firm
        func other(from: String, workflow: String? = nil) -> Applying.Asset {
            let text = JSONValue.object([
                "kind": "contract", "name": "second", "version": "1", "title": "Second", "calendar": "every-hour",
                "effectiveFrom": .string(from), "effectiveTo": "2027-01-01T00:00:00Z", "workflow": workflow.map(JSONValue.string),
                "objectives": [["name": "posting", "title": "Posting", "target": "5h", "warnPercents": []]],
            ])
            return Applying.Asset(
                scope: .tenant(firm.scope.slug, partner: SampleConfiguration.partner), kind: "contract", name: "second",
                version: "1", content: SampleConfiguration.signed(text))
        }
        let base = SampleConfiguration.tenant(firm.scope.slug, approvalTarget: "20h", settleSeconds: 25)
        let refused = try await refusal { try await stage.publish(base + [other(from: "2026-09-01T00:00:00Z")]) }
        #expect(refused.reason == "contract.overlap")
        #expect(refused.facts["contract"] == "managed-ap" && refused.facts["from"] == "2026-09-01T00:00:00Z")
        #expect(refused.facts["to"] == "2027-01-01T00:00:00Z")
        #expect(try await contracting(stage).all(firm.id).map(\.row.name) == ["managed-ap"], "nothing of the folder was taken")
        let period = ContractPeriodRow(
            asset: try await version(stage, "1").row.asset, name: "managed-ap", version: "1", workflow: "",
            from: stage.now, to: nil)
        await #expect(throws: PostgresFailure.self) {
            try await stage.store.withTenant(firm.id) { tx in
                _ = try await tx.execute(ContractQueries.begin(period, tenant: firm.id))
            }
        }
        // For one workflow it stands before the general one, which goes on for all others.
        try await stage.publish(base + [other(from: "2026-01-01T00:00:00Z", workflow: "accounts-payable")])
        let run = try await start(stage, "R-1")
        #expect(try await stage.house.looking.context(of: run)?.contract?.name == "second")
    }

    @Test("a file that was changed after it was signed on paper is refused")
    func editedPaper() async throws {
        let stage = try await Stage.make()
        let slug = await stage.firm.scope.slug
        let bundle = SampleConfiguration.tenant(slug, approvalTarget: "4h", settleSeconds: 25, contract: terms("2")).map {
            asset in
            guard asset.kind == "contract", var content = asset.content.object else { return asset }
            content["title"] = "Another text"
            return Applying.Asset(
                scope: asset.scope, kind: asset.kind, name: asset.name, version: asset.version, content: .object(content))
        }
        let refused = try await refusal { try await stage.publish(bundle) }
        #expect(refused.reason == "contract.paper" && refused.facts["field"] == "/signed/hash")
        #expect(try await version(stage, "1").standing(at: stage.now) == .inForce)
    }

    @Test("a contract ends when both sides have named the same instant; the gap is told once and clears itself")
    func endAndGap() async throws {
        let stage = try await Stage.make()
        let (firm, desk) = (await stage.firm, await contracting(stage))
        _ = try await start(stage, "R-1")
        #expect(try await watch(stage).look(at: firm.scope).isEmpty)
        let id = try await version(stage, "1").row.asset
        let last = stage.now.adding(seconds: 20 * Self.day)
        func end(_ at: Moment, _ side: ContractSide, _ actor: Actor) async throws -> Contracting.Version {
            try await desk.act(.end(at: at, reason: "Moves away"), on: id, side: side, as: actor, scope: firm.scope)
        }
        let past = try await refusal { _ = try await end(stage.now.adding(seconds: -1), .tenant, try firm.actor("ruth")) }
        #expect(past.reason == "contract.end-past")
        let asked = try await end(last, .tenant, try firm.actor("ruth"))
        #expect(asked.periods.map(\.to) == [nil], "one side's wish ends nothing")
        let ended = try await end(last, .provider, ines(firm))
        #expect(ended.periods.map(\.to) == [last] && ended.standing(at: stage.now) == .inForce)

        #expect(try await watch(stage).look(at: firm.scope).isEmpty, "twenty days are further than two weeks")
        stage.move(seconds: 7 * Self.day)
        for _ in 0..<2 {
            #expect(
                try await watch(stage).look(at: firm.scope) == [ContractWatch.Gap(workflow: "accounts-payable", from: last)])
            try await stage.pump()
        }
        let open = try await stage.incidents().filter { $0.alert == "contract-gap" }
        #expect(open.count == 1 && open.first?.occurrences == 1, "told once")
        try await publish(stage, terms("2"), target: "20h")
        #expect(try await watch(stage).look(at: firm.scope).isEmpty)
        try await stage.pump()
        #expect(try await stage.incidents().first { $0.alert == "contract-gap" }?.state == "resolved")
    }

    @Test("what ended by its folder governs again from the day on which the folder has it again")
    func broughtBack() async throws {
        let stage = try await Stage.make()
        let firm = await stage.firm
        let bundle = SampleConfiguration.tenant(firm.scope.slug, approvalTarget: "20h", settleSeconds: 25)
        stage.move(seconds: Self.day)
        let gone = stage.now
        try await stage.publish(bundle.filter { $0.kind != "contract" })
        #expect(try await version(stage, "1").standing(at: stage.now) == .over)
        #expect(pinned(try await start(stage, "R-1")) == nil)
        stage.move(seconds: Self.day)
        try await stage.publish(bundle)
        let back = try await version(stage, "1")
        #expect(back.periods.map(\.to) == [gone, nil] && back.periods.last?.from == stage.now)
        #expect(pinned(try await start(stage, "R-2")) == "1")
    }
}

import Incidents
import Kernel
import Postgres
import Records
import Tenancy
import TestKit
import Testing

@testable import Flow

@Suite("work that is stopped")
struct StopTests {
    private func reason(_ act: () async throws -> some Any) async throws -> String {
        do {
            _ = try await act()
            return ""
        } catch let refusal as Refusal { return refusal.reason }
    }

    private func place(
        _ kind: Halting.Kind, connection: String? = nil, _ stage: Stage, firm: Firm? = nil
    ) async throws -> WorkStopRow {
        let (halting, other) = (await stage.house.guiding.halting, await stage.firm)
        let firm = firm ?? other
        return try await halting.place(
            kind, connection: connection, reason: "Their upgrade went wrong.", as: try firm.actor("ruth"), scope: firm.scope)
    }

    private func release(_ row: WorkStopRow, _ stage: Stage) async throws {
        let (halting, firm) = (await stage.house.guiding.halting, await stage.firm)
        _ = try await halting.release(row.id, reason: "They are back.", as: try firm.actor("ruth"), scope: firm.scope)
    }

    @Test("nothing is sent to a connection that is stopped, other work goes on, and what waited is sent when it is let go on")
    func connection() async throws {
        let stage = try await Stage.make()
        let stop = try await place(.connection, connection: "erp", stage)
        try await stage.receive(SampleDocument(number: "R-1", gross: "480.00", order: "PO-480.00"))
        try await stage.work()
        let waiting = try await stage.lease()
        #expect(waiting.isEmpty)
        let tenant = await stage.firm.id
        #expect(stage.ledger.bills(of: tenant).isEmpty)
        #expect(try await stage.run().phase != "finished", "the document was read, for that goes to no connection")
        // Another server finds the stop as the first has left it.
        try await stage.restart()
        #expect(try await stage.lease().isEmpty)
        try await release(stop, stage)
        let granted = try await stage.lease()
        #expect(!granted.isEmpty, "what waited goes out")
    }

    @Test("a tenant that is stopped begins nothing and loses nothing, while its neighbour in the same lane works")
    func tenant() async throws {
        try await TestDatabase.with(template: .flow) { database in
            let stage = Stage(store: database.store, laneCount: 1)
            try await stage.open()
            let other = try await stage.open()
            let stop = try await place(.tenant, stage)
            let document = SampleDocument(number: "R-1", gross: "480.00", order: "PO-480.00")
            try await stage.receive(document)
            try await stage.receive(document, firm: other)
            try await stage.work()
            #expect(try await stage.runs().isEmpty)
            #expect(try await stage.runs(other).count == 1)
            try await release(stop, stage)
            try await stage.pump()
            try await stage.work()
            #expect(try await stage.runs().count == 1)
        }
    }

    @Test("a worker that is sent home is named to whoever keeps workers, and gets nothing")
    func worker() async throws {
        let stage = try await Stage.make()
        try await stage.receive(SampleDocument(number: "R-1", gross: "480.00", order: "PO-480.00"))
        let stop = try await place(.worker, stage)
        let (store, tenant) = (stage.store, await stage.firm.id)
        func home() async throws -> Bool {
            try await store.withReport { tx in
                try await tx.query(WorkStopQueries.sentHome()).contains { try $0.get("tenant_id", as: TenantID.self) == tenant }
            }
        }
        #expect(try await home())
        #expect(try await stage.lease().isEmpty)
        try await release(stop, stage)
        #expect(try await !home())
        #expect(try await !stage.lease().isEmpty)
    }

    @Test("a stop has a reason, a connection that exists, stands once and ends once, and belongs to one tenant")
    func refusals() async throws {
        let stage = try await Stage.make()
        let (halting, firm) = (await stage.house.guiding.halting, await stage.firm)
        let ruth = try firm.actor("ruth")
        #expect(try await reason { try await halting.place(.tenant, reason: " ", as: ruth, scope: firm.scope) } == "stop.reason")
        #expect(try await reason { try await place(.connection, connection: "nowhere", stage) } == "stop.no-connection")
        #expect(try await reason { try await place(.connection, stage) } == "stop.no-connection")
        #expect(try await reason { try await place(.worker, connection: "erp", stage) } == "stop.connection")
        let stop = try await place(.connection, connection: "erp", stage)
        #expect(try await reason { try await place(.connection, connection: "erp", stage) } == "stop.standing")
        let stranger = try await Stage.make().firm
        #expect(try await reason { try await halting.find(stop.id, in: stranger.id) } == "not-found")
        try await release(stop, stage)
        #expect(try await reason { try await release(stop, stage) } == "stop.released")
        _ = try await place(.connection, connection: "erp", stage)
        let audit = try await stage.books().audit
        #expect(audit.contains("stop.placed × 2") && audit.contains("stop.released × 1"))
    }

    @Test("work that waits behind a stop is not counted as waiting too long, and its age begins when it may go on")
    func age() async throws {
        let stage = try await Stage.make()
        try await stage.receive(SampleDocument(number: "R-1", gross: "480.00", order: "PO-480.00"))
        let (store, tenant) = (stage.store, await stage.firm.id)
        func oldest() async throws -> Moment? {
            let now = stage.now
            return try await store.withTenant(tenant) { tx in
                _ = try await tx.execute(OverviewQueries.refresh(tenant: tenant, dayStart: now, now: now))
                return try await tx.query(OverviewQueries.one(tenant: tenant)).first.map(TenantSummaryRow.init)?.oldestReadyAt
            }
        }
        let since = try #require(try await oldest())
        let stop = try await place(.tenant, stage)
        stage.move(seconds: 900)
        #expect(try await oldest() == nil)
        try await release(stop, stage)
        #expect(try await oldest() == stage.now && stage.now > since)
    }
}

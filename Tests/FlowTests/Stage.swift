import Handoff
import Kernel
import Logging
import Postgres
import Records
import Seals
import Telemetry
import Tenancy
import TestKit
import Testing

@testable import Flow

extension TestTemplate {
    /// The schema with what the operator and the partner publish.
    static let flow = TestTemplate(name: "flow") { dsn in
        let store = Store(directDSN: dsn)
        do {
            _ = try await Migrator(store).migrate()
            let house = House(store: store, clock: WallClock { Stage.start }, owner: "template", laneCount: Stage.laneCount)
            _ = try await house.applying.apply(try SampleConfiguration.upper(), by: nil)
        } catch {
            await store.close()
            throw error
        }
        await store.close()
    }
}

/// One server as the program builds it, without HTTP, processes and loops of its own; the story turns the crank.
struct House: Sendable {
    /// The key ring lies in a file and outlives every server.
    private static let secrets = SecretBox(ring: .ephemeral())

    let platform: Platform
    let assets: AssetLibrary
    let scopes: ScopeDirectory
    let desk: CommandDesk
    let workers: WorkerDesk
    let engine: LaneEngine
    let intake: Intake
    let posting: Posting
    let approving: Approving
    let operating: Operating
    let releasing: Releasing
    let watch: ConnectionWatch
    let alerting: Alerting
    let onCalling: OnCalling
    let holding: Holding
    let inbound: Inbound
    let applying: Applying
    let looking: Looking
    let guiding: Guiding

    init(store: Store, clock: WallClock, owner: String, laneCount: Int32) {
        var settings = FlowSettings(replica: owner)
        settings.laneCount = laneCount
        // Stories apply batches themselves, so nobody waits for an answer that only they can bring about.
        settings.answerWaitMilliseconds = 0
        settings.publicAddress = "https://console.example"
        var quiet = Logger(label: "stage") { _ in SwiftLogNoOpLogHandler() }
        quiet.logLevel = .critical
        platform = Platform(
            store: store, clock: clock, entropy: .system, secrets: House.secrets, metrics: MetricsRegistry(), spans: SpanBuffer(),
            logger: quiet, settings: settings)
        assets = AssetLibrary(store: store, clock: clock, hash: { (try? ObjectHash.hexText(of: $0)) ?? "" })
        scopes = ScopeDirectory(store: store, clock: clock)
        let factory = LeaseFactory(platform: platform, assets: assets)
        let desk = CommandDesk(platform: platform) { _ in }
        self.desk = desk
        workers = WorkerDesk { _ in }
        engine = LaneEngine(
            platform: platform, assets: assets, workers: workers, leaseFactory: factory, resolve: { desk.resolve($0) },
            changed: { _ in },
            wanted: { _ in })
        intake = Intake(platform: platform, desk: desk)
        posting = Posting(platform: platform, desk: desk, assets: assets, scopes: scopes)
        approving = Approving(platform: platform, desk: desk)
        watch = ConnectionWatch(platform: platform, desk: desk, assets: assets)
        operating = Operating(platform: platform, desk: desk, assets: assets)
        releasing = Releasing(platform: platform, desk: desk, assets: assets)
        alerting = Alerting(platform: platform, desk: desk)
        onCalling = OnCalling(platform: platform, assets: assets)
        holding = Holding(platform: platform)
        inbound = Inbound(platform: platform, scopes: scopes, desk: desk)
        applying = Applying(platform: platform, assets: assets, scopes: scopes)
        looking = Looking(platform: platform, assets: assets)
        guiding = Guiding(
            platform: platform, desk: desk, assets: assets, alerting: alerting, operating: operating, applying: applying,
            asking: Asking(platform: platform, leaseFactory: factory, wanted: { _ in }))
    }
}

/// A tenant of a story with its people.
struct Firm: Sendable {
    let scope: ScopeRow
    let people: [String: PersonRow]

    var id: TenantID { scope.id }

    func actor(_ name: String) throws -> Actor {
        let person = try #require(people[name])
        let roles = (person.roles["grants"]?.array ?? []).compactMap { $0["role"]?.string }
        return Actor(
            tenant: id, person: person.id, natural: person.natural, name: person.name, roles: Set(roles),
            approvalLimit: try ApprovalLimit.read(person.roles["approvalLimit"] ?? .null))
    }
}

/// A lane, its tenants, their worker and their ERP, on a clock that only the story moves.
actor Stage {
    static let start = Moment("2026-07-14T08:30:00Z") ?? Moment(seconds: 0)
    /// So many lanes that every story has one of its own.
    static let laneCount: Int32 = 1_000_000

    /// Looks behind the scenes and does housekeeping; never fails on purpose.
    let store: Store
    let ledger = ScriptedLedger()
    nonisolated let time: Locked<Moment>
    private(set) var house: House
    private(set) var firms: [Firm] = []
    private(set) var lane: Int32 = 0
    private(set) var epoch: Int64 = 0
    private(set) var owner: String
    private(set) var incarnation = "worker-1"
    private var starts = 1
    private let laneCount: Int32
    private let productStore: Store

    /// `productStore` is what the product works through, when it is not the story's own.
    init(store: Store, through productStore: Store? = nil, laneCount: Int32 = Stage.laneCount) {
        self.store = store
        self.productStore = productStore ?? store
        self.laneCount = laneCount
        let time = Locked(Stage.start)
        self.time = time
        owner = "replica-\(Entropy.system.next())"
        house = House(store: productStore ?? store, clock: WallClock { time.withLock { $0 } }, owner: owner, laneCount: laneCount)
    }

    nonisolated var now: Moment { time.withLock { $0 } }
    nonisolated var clock: WallClock { WallClock { [time] in time.withLock { $0 } } }

    nonisolated func move(seconds: Int64) { time.withLock { $0 = $0.adding(seconds: seconds) } }
    nonisolated func move(to moment: Moment) { time.withLock { $0 = max($0, moment) } }

    /// A story of its own on the suite's database.
    static func make(
        approvalTarget: String = "20h", settleSeconds: Int = 25, limits: [String: (String, String)] = [:],
        workflow: String = "accounts-payable"
    ) async throws -> Stage {
        let database = try await TestDatabase.shared(by: "flow", template: .flow)
        let stage = Stage(store: await shared.store(of: database))
        try await stage.open(approvalTarget: approvalTarget, settleSeconds: settleSeconds, limits: limits, workflow: workflow)
        return stage
    }

    private static let shared = SharedStore()

    /// Adds a tenant and takes its lane.
    @discardableResult
    func open(
        approvalTarget: String = "20h", settleSeconds: Int = 25, limits: [String: (String, String)] = [:],
        workflow: String = "accounts-payable", contract terms: SampleConfiguration.ContractTerms = .init()
    ) async throws -> Firm {
        let slug = "firm-" + String(Entropy.system.next(), radix: 36)
        let direct = House(store: store, clock: clock, owner: owner, laneCount: laneCount)
        _ = try await direct.applying.apply(
            SampleConfiguration.tenant(
                slug, approvalTarget: approvalTarget, settleSeconds: settleSeconds, limits: limits, workflow: workflow,
                contract: terms), by: nil)
        try await direct.applying.setSecret(
            "s3cret", name: "erp-token", in: try #require(try await direct.scopes.scope(slug: slug)).id, by: nil)
        let scope = try #require(try await direct.scopes.scope(slug: slug))
        let people = try await direct.looking.people(scope.id)
        let firm = Firm(scope: scope, people: Dictionary(people.map { ($0.slug, $0) }, uniquingKeysWith: { first, _ in first }))
        firms.append(firm)
        if epoch == 0 {
            lane = scope.lane
            let number = lane
            try await store.withLane(lane) { tx in
                _ = try await tx.execute("INSERT INTO queue.lane (lane) VALUES (\(number)) ON CONFLICT (lane) DO NOTHING")
            }
            try await claim()
        }
        precondition(scope.lane == lane, "a stage has one lane")
        house.scopes.invalidate()
        house.assets.invalidate()
        return firm
    }

    var firm: Firm { firms[0] }

    /// Publishes the first firm's folder anew, as `apply` does, and reads its people again.
    func publish(_ bundle: [Applying.Asset]) async throws {
        _ = try await house.applying.apply(bundle, by: nil)
        let people = try await house.looking.people(firm.id)
        firms[0] = Firm(
            scope: firm.scope, people: Dictionary(people.map { ($0.slug, $0) }, uniquingKeysWith: { first, _ in first }))
    }

    // MARK: The server

    /// Takes the stage's lane, and no other story's, the way a replica does.
    private func claim() async throws {
        let (lane, owner, now) = (lane, owner, now)
        let row = try await store.withLane(lane) { tx in
            try await tx.query(
                """
                UPDATE queue.lane SET owner = \(owner), epoch = epoch + 1, expires_at = \(now.adding(seconds: 10))
                WHERE lane = \(lane) RETURNING epoch
                """
            ).only()
        }
        epoch = try row.get("epoch", as: Int64.self)
    }

    /// The server ends without a word and another takes over: nothing in memory survives.
    func restart() async throws {
        starts += 1
        owner = "replica-\(starts)-\(Entropy.system.next())"
        house = House(store: productStore, clock: clock, owner: owner, laneCount: laneCount)
        try await claim()
    }

    /// The worker ends without a word; another incarnation comes.
    func replaceWorker() { incarnation = "worker-\(Int(incarnation.dropFirst(7)).map { $0 + 1 } ?? 2)" }

    /// Applies what waits, until nothing more is due at this instant.
    func pump() async throws {
        for _ in 0..<200 {
            let outcome = try await house.engine.applyBatch(lane: lane, epoch: epoch)
            if !outcome.hasMore { return }
        }
        Issue.record("the lane never came to rest")
    }

    // MARK: The world

    @discardableResult
    func receive(_ document: SampleDocument, by person: String? = "maya", firm: Firm? = nil) async throws -> Intake.Receipt {
        try await receive(bytes: document.bytes, by: person, firm: firm)
    }

    @discardableResult
    func receive(bytes: [UInt8], by person: String? = "maya", firm: Firm? = nil) async throws -> Intake.Receipt {
        let firm = firm ?? self.firm
        let receipt = try await house.intake.receive(
            bytes, fileName: "r.xml", channel: .upload, scope: firm.scope, recordedBy: person.flatMap { firm.people[$0]?.id },
            trace: nil)
        try await pump()
        return receipt
    }

    func identity(_ firm: Firm) -> WorkerIdentity {
        WorkerIdentity(tenant: firm.id, slug: firm.scope.slug, lane: firm.scope.lane, incarnation: incarnation)
    }

    /// One poll of the firm's worker.
    func lease(
        _ firm: Firm? = nil, capacity: Int = 16, kinds: [WorkKind] = [.documentRead, .erpRead, .erpWrite, .notify]
    ) async throws -> [WorkLease] {
        let worker = identity(firm ?? self.firm)
        let (desk, lane) = (house.workers, lane)
        let poll = Task { await desk.lease(worker, kinds: kinds.map(\.rawValue), capacity: capacity, waitMilliseconds: 60_000) }
        while !desk.hasWaiters(lane: lane) { await Task.yield() }
        do {
            try await pump()
        } catch {
            desk.interrupt(worker.tenant)
            _ = await poll.value
            throw error
        }
        desk.interrupt(worker.tenant)
        return await poll.value
    }

    /// The worker's attempt, with its effect in the ledger.
    func attempt(_ lease: WorkLease, firm: Firm? = nil) async throws -> WorkReport {
        let firm = firm ?? self.firm
        var bytes: [UInt8] = []
        if lease.kind == .documentRead {
            bytes = try await house.posting.document(leaseToken: lease.token, worker: identity(firm))
        }
        return WorkReport(
            token: lease.token, outcome: ledger.answer(lease, tenant: firm.id, document: bytes, at: now), telemetry: [])
    }

    @discardableResult
    func report(_ report: WorkReport, firm: Firm? = nil) async throws -> ReportVerdict {
        let verdicts = try await house.posting.receive([report], from: identity(firm ?? self.firm))
        try await pump()
        return verdicts[0]
    }

    /// Lets the workers work until nothing is ready at this instant.
    func work() async throws {
        for _ in 0..<100 {
            var isIdle = true
            for firm in firms {
                for lease in try await lease(firm) {
                    isIdle = false
                    try await report(try await attempt(lease, firm: firm), firm: firm)
                }
            }
            if isIdle { return }
        }
        Issue.record("the workers never came to rest")
    }

    /// Moves the clock to the next wake-up of the lane, or a little when there is none; what is due then is applied, `late` or at
    /// once.
    func rest(atMost seconds: Int64 = 3600, otherwise idleSeconds: Int64 = 5, late lateSeconds: Int64 = 0) async throws {
        let lane = lane
        let next = try await store.withLane(lane) { tx in
            try await tx.query(TimerQueries.next(lane: lane)).first?.get("due_at", as: Moment.self)
        }
        move(to: min(next ?? now.adding(seconds: idleSeconds), now.adding(seconds: seconds)))
        move(seconds: 1 + lateSeconds)
        try await pump()
    }

    /// Works and waits until the condition holds; the story fails when it never does.
    func workUntil(_ what: Comment, restsMax: Int = 60, _ condition: () async throws -> Bool) async throws {
        for _ in 0..<restsMax {
            try await work()
            if try await condition() { return }
            try await rest()
        }
        Issue.record("never came: \(what)")
    }

    // MARK: People

    func requests(_ kind: String, firm: Firm? = nil) async throws -> [TaskRow] {
        try await house.looking.requests((firm ?? self.firm).id, kinds: [kind], limit: 100)
    }

    /// Sends a decision, lets the lane apply it, and reads the answer the way a repeated request does.
    @discardableResult
    func decide(
        _ verdict: String, on task: TaskRow, by person: String, reason: String? = nil, hash: String? = nil, key: String? = nil,
        firm: Firm? = nil
    ) async throws -> CommandDesk.Answer {
        let firm = firm ?? self.firm
        let decision = Approving.Decision(
            task: task.id, verdict: verdict, reason: reason, objectHash: hash ?? task.objectHash ?? "",
            key: key ?? "\(Entropy.system.next())")
        let first = try await house.approving.decide(decision, as: try firm.actor(person), scope: firm.scope)
        guard first == .pending else { return first }
        try await pump()
        return try await house.approving.decide(decision, as: try firm.actor(person), scope: firm.scope)
    }

    /// Asks for the payment of what a run posted, and lets the lane begin with it.
    @discardableResult
    func askForPayment(_ run: RunRow, by person: String) async throws -> Releasing.Asked {
        let asked = try await house.releasing.ask(run.id, as: try firm.actor(person), scope: firm.scope)
        try await pump()
        return asked
    }

    // MARK: Books

    func runs(_ firm: Firm? = nil) async throws -> [RunRow] {
        let id = (firm ?? self.firm).id
        return try await store.withTenant(id) { tx in
            let listed = try await tx.query(RunQueries.page(tenant: id, phases: [], search: nil, before: nil, limit: 200))
            var whole: [RunRow] = []
            for run in try listed.map(RunSummary.init) {
                whole += try await tx.query(RunQueries.find(tenant: id, id: run.id)).map(RunRow.init)
            }
            return whole
        }
    }

    func run(_ firm: Firm? = nil) async throws -> RunRow { try #require(try await runs(firm).first) }

    func history(_ run: RunRow) async throws -> [String] {
        try await house.looking.history(run.tenant, run: run.id, limit: 500).map(\.type)
    }

    func incidents(_ firm: Firm? = nil) async throws -> [IncidentRow] {
        try await house.looking.incidents((firm ?? self.firm).id, openOnly: false, limit: 100)
    }

    func task(_ kind: String, firm: Firm? = nil) async throws -> TaskRow {
        let id = (firm ?? self.firm).id
        return try #require(
            try await store.withTenant(id) { tx in
                try await tx.query(TaskQueries.ofRun(tenant: id, run: try await self.run(firm).id, limit: 100)).map(TaskRow.init)
                    .last { $0.kind == kind }
            })
    }

    func books(_ firm: Firm? = nil) async throws -> Books {
        let firm = firm ?? self.firm
        let ledger = ledger
        return try await store.withTenant(firm.id) { tx in
            let runs = try await tx.query(
                """
                SELECT subject, phase, coalesce(outcome, '') AS outcome FROM run WHERE tenant_id = \(firm.id)
                ORDER BY subject, workflow, id
                """
            )
            let audit = try await tx.query(
                "SELECT action, count(*) AS n FROM audit_entry WHERE tenant_id = \(firm.id) GROUP BY action ORDER BY action")
            let clocks = try await tx.query(
                "SELECT objective, state, outcome FROM clock WHERE tenant_id = \(firm.id) ORDER BY objective")
            let tasks = try await tx.query("SELECT count(*) AS n FROM task WHERE tenant_id = \(firm.id) AND finished_at IS NULL")
                .only()
            let commands = try await tx.query(
                "SELECT count(*) AS n FROM command WHERE tenant_id = \(firm.id) AND applied_at IS NULL"
            ).only()
            let leases = try await tx.query("SELECT count(*) AS n FROM lease WHERE tenant_id = \(firm.id)").only()
            return Books(
                runs: try runs.map {
                    "\(try $0.get(0, as: String.self)) \(try $0.get(1, as: String.self)) \(try $0.get(2, as: String.self))"
                },
                bills: ledger.bills(of: firm.id).map(\.number).sorted(),
                audit: try audit.map { "\(try $0.get(0, as: String.self)) × \(try $0.get(1, as: Int64.self))" },
                clocks: try clocks.map {
                    "\(try $0.get(0, as: String.self)) \(try $0.get(1, as: String.self)) \(try $0.get(2, as: String.self))"
                },
                unfinished: [
                    try tasks.get(0, as: Int64.self), try commands.get(0, as: Int64.self), try leases.get(0, as: Int64.self),
                ])
        }
    }
}

/// What has to come out the same, whatever happened on the way.
struct Books: Sendable, Equatable {
    let runs: [String]
    let bills: [String]
    var audit: [String]
    let clocks: [String]
    /// Open tasks, unapplied commands, live leases.
    let unfinished: [Int64]

    /// Without the entries that a repetition rightly adds: the same bytes were handed in again.
    var withoutRepetitions: Books {
        var copy = self
        copy.audit = audit.filter { !$0.hasPrefix("document.repeated") }
        return copy
    }
}

/// One store for all stories that run at the same time: a batch holds a connection and may need a second one meanwhile, so there
/// are two for each story.
private actor SharedStore {
    private var opened: Store?

    func store(of database: TestDatabase) -> Store {
        if let opened { return opened }
        let limits = ConnectionPool.Limits(connectionsMax: 80, waitMilliseconds: 60_000)
        let store = Store(Store.Settings(directDSN: database.dsn, direct: limits))
        opened = store
        return store
    }
}

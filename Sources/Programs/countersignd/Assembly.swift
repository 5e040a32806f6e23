import API
import Assets
import Console
import Flow
import Glibc
import Handoff
import Kernel
import Logging
import Postgres
import Records
import Seals
import ServiceLifecycle
import Supervision
import Telemetry
import Tenancy
import WebKernel

/// The whole server, built once.
struct Assembly: Sendable {
    let supervisor: WorkerSupervisor
    let services: [any Service]

    init(database: Database, settings: ServerSettings, events: ClusterEvents, logger: Logger) throws {
        let store = database.store
        let platform = try Assembly.platform(store, settings, logger)
        // A value without canonical form has the empty hash, which equals nothing that was signed.
        let assets = AssetLibrary(store: store, clock: .system, hash: { (try? ObjectHash.hexText(of: $0)) ?? "" })
        let scopes = ScopeDirectory(store: store, clock: .system)
        let factory = LeaseFactory(platform: platform, assets: assets)
        let lanes = LaneWaker(store: store)
        let desk = CommandDesk(platform: platform) { lanes.wake($0) }
        let workers = WorkerDesk { lanes.wake($0) }
        let staff = Staff(settings: settings, scopes: scopes, assets: assets, platform: platform)
        supervisor = staff.supervisor
        let asking = Assembly.asking(platform, factory, staff, workers, runsWork: settings.role.runsWork)
        let (reporting, alerting) = (Reporting(platform: platform, scopes: scopes), Alerting(platform: platform, desk: desk))
        let pager = PageDelivery(
            platform: platform, assets: assets, scopes: scopes, alerting: alerting, send: Assembly.sending(asking))
        let webhooks = Assembly.webhooks(platform, assets, scopes, desk, asking)
        let engine = Assembly.engine(platform, assets, workers, factory, desk, staff) { tenants in
            reporting.noteChange(tenants)
            pager.wake()
            webhooks.wake()
        }
        let timekeeper = Timekeeper(platform: platform, engine: engine)
        lanes.attach(timekeeper)
        let sealing = try Assembly.sealing(platform, scopes, alerting, settings)
        let posting = Posting(platform: platform, desk: desk, assets: assets, scopes: scopes)
        Assembly.tellEnds(of: staff, workers, posting, platform.logger)
        let (waker, signingIn) = (ReportWaker(), Assembly.signingIn(platform, assets, scopes, asking))
        let keeping = Keeping(platform: platform, scopes: scopes, assets: assets, alerting: alerting)
        let watch = ConnectionWatch(platform: platform, desk: desk, assets: assets)
        let operating = Operating(platform: platform, desk: desk, assets: assets)
        let applying = Applying(platform: platform, assets: assets, scopes: scopes) { lanes.wake($0) }
        let web = Services(
            console: try PageRenderer.load(), access: Assembly.access(signingIn, scopes, assets),
            looking: Looking(platform: platform, assets: assets), proving: AuditProving(platform: platform),
            approving: Approving(platform: platform, desk: desk),
            operating: operating, rolling: RollingOut(platform: platform, assets: assets, desk: desk),
            scheduling: Scheduling(platform: platform, assets: assets, desk: desk, scopes: scopes),
            releasing: Releasing(platform: platform, desk: desk, assets: assets), watch: watch, alerting: alerting,
            onCalling: OnCalling(platform: platform, assets: assets),
            guiding: Assembly.guiding(platform, desk, assets, alerting, operating, applying, asking),
            digesting: Assembly.digesting(platform, assets, scopes, alerting, asking),
            postmortems: Postmortems(platform: platform, assets: assets, scopes: scopes),
            holding: Holding(platform: platform),
            promises: Promises(platform, assets, scopes, desk, try settings.paths.signing()),
            jobs: Jobs(platform: platform, scopes: scopes),
            reports: ReportDesk(platform: platform, assets: assets, wake: { waker.wake() }), press: staff.pressing,
            keeping: keeping, inbound: Inbound(platform: platform, scopes: scopes, desk: desk),
            intake: Intake(platform: platform, desk: desk), applying: applying,
            brands: BrandStudio(platform: platform, assets: assets, scopes: scopes), status: .init(platform, scopes, assets),
            signingIn: signingIn, webhooks: WebhookDesk(platform: platform, assets: assets) { webhooks.wake() },
            evidence: EvidenceDesk(platform: platform), tenants: TenantDesks(platform, assets, scopes, desk),
            idempotency: Idempotency(platform: platform), scopes: scopes, assets: assets, asking: asking,
            metrics: platform.metrics, clock: .system, entropy: .system, logger: logger, isSecure: settings.isSecure,
            checkBundle: Assembly.checkBundle, auditKeys: { sealing.publicKeys($0) },
            isReady: { (try? await store.check()) != nil })  // readiness is a question, and "no" is its answer
        let handoff = HandoffRoutes(posting: posting, desk: workers, asking: asking, gate: staff.gate, watch: watch)
        let book = try Assembly.book(web)
        let site = Site(book: book, services: web, handoff: handoff, platform: platform, settings: settings, logger: logger)
        let watchdog = Watchdog(
            platform: platform, scopes: scopes, looking: Looking(platform: platform, assets: assets), alerting: alerting,
            staff: staff, timekeeper: timekeeper, events: events)
        services = Assembly.parts(
            database: database, settings: settings, platform: platform, timekeeper: timekeeper, lanes: lanes,
            reporting: reporting, site: site, staff: staff, workers: workers, watchdog: watchdog, sealing: sealing,
            keeping: keeping, pager: pager, scheduling: web.scheduling, lookouts: Lookouts(web, platform),
            reports: try Assembly.reports(platform, web, waker, settings) + [Part(name: "webhooks") { await webhooks.run() }],
            export: try TelemetryExport(platform: platform, asking: asking, scopes: scopes),
            drop: settings.dropFolder.map { DropFolder(path: $0, intake: web.intake, scopes: scopes, logger: logger) })
    }

    private static func access(_ signingIn: SigningIn, _ scopes: ScopeDirectory, _ assets: AssetLibrary) -> Access {
        Access(signingIn: signingIn, scopes: scopes, assets: assets, clock: .system, formKey: Entropy.system.bytes(32))
    }

    private static func engine(
        _ platform: Platform, _ assets: AssetLibrary, _ workers: WorkerDesk, _ factory: LeaseFactory, _ desk: CommandDesk,
        _ staff: Staff, changed: @escaping @Sendable (Set<TenantID>) -> Void
    ) -> LaneEngine {
        LaneEngine(
            platform: platform, assets: assets, workers: workers, leaseFactory: factory, resolve: { desk.resolve($0) },
            changed: changed, wanted: { staff.want($0) })
    }

    /// Events for tenants' own systems leave by the tenant's own worker.
    private static func webhooks(
        _ platform: Platform, _ assets: AssetLibrary, _ scopes: ScopeDirectory, _ desk: CommandDesk, _ asking: Asking
    ) -> WebhookDelivery {
        WebhookDelivery(platform: platform, assets: assets, scopes: scopes, desk: desk) { input, tenant in
            try await asking.webhook(input, tenant: tenant)
        }
    }

    private static func signingIn(
        _ platform: Platform, _ assets: AssetLibrary, _ scopes: ScopeDirectory, _ asking: Asking
    ) -> SigningIn {
        let providers = IdentityProviders(platform: platform, assets: assets, scopes: scopes) { question, tenant in
            try await asking.provider(question, tenant: tenant)
        }
        return SigningIn(platform: platform, hasher: PasswordHasher(), providers: providers)
    }

    /// What reads the packs that auditors ask for, and signs them with the keys of the audit log.
    private static func packs(_ platform: Platform, _ web: Services, _ settings: ServerSettings) throws -> any Service {
        let building = EvidenceBuilding(
            platform: platform, scopes: web.scopes, signing: try settings.paths.signing(), waker: web.evidence.waker)
        return Part(name: "evidence") { await building.run() }
    }

    /// How pages and reports leave: by the worker of whoever keeps the channel.
    private static func sending(_ asking: Asking) -> @Sendable (PageDispatch, TenantID) async throws -> Asking.Answer {
        { dispatch, tenant in try await asking.page(dispatch, tenant: tenant) }
    }

    /// All routes; none that does not say who may call it.
    private static func book(_ web: Services) throws -> RouteBook {
        let book = RouteBook(web, handoff: nil)
        try RouteBook.check(book.routes)
        return book
    }

    private static func platform(_ store: Store, _ settings: ServerSettings, _ logger: Logger) throws -> Platform {
        let replica = "\(hostName())-\(getpid())-\(String(Entropy.system.next() & 0xFFFF_FFFF, radix: 36))"
        var flow = FlowSettings(replica: replica)
        flow.publicAddress = settings.publicAddress
        flow.sessionIdleSeconds = settings.sessions.idle
        flow.sessionSeconds = settings.sessions.absolute
        flow.proofSeconds = settings.sessions.proof
        return Platform(
            store: store, clock: .system, entropy: .system,
            secrets: SecretBox(ring: try KeyRing.loadOrCreate(settings.paths.keys)),
            metrics: MetricsRegistry(), spans: SpanBuffer(), logger: logger, settings: flow)
    }

    /// A process that runs no work has no worker to start; another one's answers, or nobody does.
    private static func asking(
        _ platform: Platform, _ factory: LeaseFactory, _ staff: Staff, _ workers: WorkerDesk, runsWork: Bool
    ) -> Asking {
        Asking(platform: platform, leaseFactory: factory) { tenant in
            if runsWork { staff.want(tenant) }
            workers.interrupt(tenant)
        }
    }

    /// What drafts monthly reports, builds them and mails them, with the letter that the pages' parts make.
    private static func reports(
        _ platform: Platform, _ web: Services, _ waker: ReportWaker, _ settings: ServerSettings
    ) throws -> [any Service] {
        let drafting = ReportDrafting(platform: platform, scopes: web.scopes, desk: web.reports)
        let sending = ReportSending(
            platform: platform, assets: web.assets, scopes: web.scopes,
            building: ReportBuilding(platform: platform, assets: web.assets), waker: waker,
            write: { shown, scope in
                try await ReportFiles.letter(shown, scope: scope, site: platform.settings.publicAddress, services: web)
            },
            send: sending(web.asking))
        return [
            Part(name: "reports") { await sending.run() }, Part(name: "months") { await drafting.run() },
            statusMail(platform, web), try packs(platform, web, settings),
        ]
    }

    /// What tells subscribers of status pages, in letters that the pages' parts write.
    private static func statusMail(_ platform: Platform, _ web: Services) -> any Service {
        let telling = StatusTelling(
            platform: platform, assets: web.assets, scopes: web.scopes, pages: web.status,
            write: { letter, scope in
                try await StatusLetters.mail(letter, scope: scope, site: platform.settings.publicAddress, services: web)
            },
            send: sending(web.asking))
        return Part(name: "status subscriptions") { await telling.run() }
    }

    /// Work of a worker that ended is told to the engine at once, and not when its leases lapse.
    private static func tellEnds(of staff: Staff, _ workers: WorkerDesk, _ posting: Posting, _ logger: Logger) {
        staff.onEnd { tenant, incarnation in
            workers.dismiss(incarnation)
            Task {
                do {
                    try await posting.workerEnded(incarnation, of: tenant)
                } catch {
                    // Its leases end by themselves then.
                    logger.warning(
                        "the end of a worker was not told", metadata: ["tenant_id": "\(tenant)", "error": "\(error)"])
                }
            }
        }
    }

    private static func guiding(
        _ platform: Platform, _ desk: CommandDesk, _ assets: AssetLibrary, _ alerting: Alerting, _ operating: Operating,
        _ applying: Applying, _ asking: Asking
    ) -> Guiding {
        Guiding(
            platform: platform, desk: desk, assets: assets, alerting: alerting, operating: operating, applying: applying,
            asking: asking)
    }

    private static func digesting(
        _ platform: Platform, _ assets: AssetLibrary, _ scopes: ScopeDirectory, _ alerting: Alerting, _ asking: Asking
    ) -> Digesting {
        Digesting(platform: platform, assets: assets, scopes: scopes, alerting: alerting) { dispatch, tenant in
            try await asking.page(dispatch, tenant: tenant)
        }
    }

    private static func sealing(
        _ platform: Platform, _ scopes: ScopeDirectory, _ alerting: Alerting, _ settings: ServerSettings
    ) throws -> Sealing {
        Sealing(
            platform: platform, scopes: scopes, alerting: alerting, signing: try settings.paths.signing(),
            sinks: settings.auditFolders.map { CheckpointFolder(path: $0) })
    }

    /// The parts in the order of their start; they stop in the reverse order, so the database is first.
    private static func parts(
        database: Database, settings: ServerSettings, platform: Platform, timekeeper: Timekeeper, lanes: LaneWaker,
        reporting: Reporting, site: Site, staff: Staff, workers: WorkerDesk, watchdog: Watchdog, sealing: Sealing,
        keeping: Keeping, pager: PageDelivery, scheduling: Scheduling, lookouts: Lookouts, reports: [any Service],
        export: TelemetryExport,
        drop: DropFolder?
    ) -> [any Service] {
        let store = database.store
        var parts: [any Service] = []
        if let cluster = database.cluster { parts.append(Part(name: "database") { await cluster.run() }) }
        parts.append(Part(name: "store") { try await Assembly.untilCancelled { await store.close() } })
        if settings.role.runsWork {
            parts += workParts(
                timekeeper: timekeeper, lanes: lanes, reporting: reporting, site: site, staff: staff, workers: workers,
                watchdog: watchdog, sealing: sealing, keeping: keeping, pager: pager, scheduling: scheduling,
                lookouts: lookouts, platform: platform)
            parts += reports
        } else {
            parts.append(Assembly.wakeUps(lanes, timekeeper, platform))
        }
        parts.append(Part(name: "telemetry") { await export.run() })
        if let drop { parts.append(Part(name: "drop folder") { await drop.run() }) }
        // Every role answers on its port, so that each process can be asked how it is.
        parts.append(GracefulPart { try await site.run() })
        return parts
    }

    /// What moves runs on: lanes, workers and what watches over them.
    private static func workParts(
        timekeeper: Timekeeper, lanes: LaneWaker, reporting: Reporting, site: Site, staff: Staff, workers: WorkerDesk,
        watchdog: Watchdog, sealing: Sealing, keeping: Keeping, pager: PageDelivery, scheduling: Scheduling,
        lookouts: Lookouts, platform: Platform
    ) -> [any Service] {
        [
            Part(name: "lanes") {
                try await staff.forgetEarlier()
                try await timekeeper.run()
                try await timekeeper.release()
            }, wakeUps(lanes, timekeeper, platform), Part(name: "counts") { try await reporting.run() },
            GracefulPart {
                // An open poll is answered at the first word of the stop, and not when its time is over.
                try await withGracefulShutdownHandler {
                    try await site.runHandoff()
                } onGracefulShutdown: {
                    workers.stop()
                }
            }, Part(name: "workers") { await staff.supervisor.run() },
            Part(name: "pager") { await pager.run() },
            Part(name: "watchdog") { await watchdog.run() }, Part(name: "sealer") { await sealing.run() },
            Part(name: "keeper") { await keeping.run() }, Part(name: "schedules") { await scheduling.run() },
            Part(name: "budgets") { await lookouts.budgeting.run() },
            Part(name: "contracts") { await lookouts.contracts.run() },
            Part(name: "onboardings") { await lookouts.onboardings.run() },
            Part(name: "signs of life") { await lookouts.heartbeats.run() },
            Part(name: "status pages") { await lookouts.status.run() },
            Part(name: "digests") { await lookouts.digesting.run() },
            Part(name: "post-mortem reminders") { await lookouts.postmortems.run() },
        ]
    }

    private static func wakeUps(_ lanes: LaneWaker, _ timekeeper: Timekeeper, _ platform: Platform) -> any Service {
        Part(name: "wake-ups") {
            await lanes.run(
                timekeeper: timekeeper, logger: platform.logger, milliseconds: platform.settings.pollMilliseconds)
        }
    }

    static func untilCancelled(_ then: @Sendable () async -> Void) async throws {
        while !Task.isCancelled {
            // Cancellation is what is waited for.
            try? await Task.sleep(for: .seconds(3600))
        }
        await then()
    }

    /// Reads every asset of a bundle as `countersign check` does.
    @Sendable static func checkBundle(_ json: JSONValue) throws(Refusal) {
        let bundle = try ConfigurationBundle(json: json, sha256: { SHA256.hash($0) })
        guard let (entry, issue) = bundle.issues().first(where: { $0.issue.severity == .error }) else { return }
        throw Refusal(
            .unprocessable, reason: "configuration.issues",
            "\(entry.kind.rawValue) \(entry.name) of \(entry.scope.path): \(issue.message) \(issue.remedy)")
    }

    private static func hostName() -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "server" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// What looks after promises: the tenants' and the machinery's.
struct Lookouts: Sendable {
    let budgeting: Budgeting
    let contracts: ContractWatch
    let onboardings: Onboardings
    let heartbeats: Heartbeats
    let status: StatusWatch
    let digesting: Digesting
    let postmortems: PostmortemWatch

    init(_ web: Services, _ platform: Platform) {
        budgeting = web.budgeting
        contracts = web.contractWatch
        onboardings = web.onboardings
        heartbeats = web.heartbeats
        status = web.status.watch
        digesting = web.digesting
        postmortems = PostmortemWatch(platform: platform, assets: web.assets, scopes: web.scopes)
    }
}

/// Wakes lanes: our own in memory, others' by a notification that is sent after the commit from a connection of its own.
final class LaneWaker: Sendable {
    static let channel = "countersign_lane"

    private let store: Store
    private let timekeeper = Locked<Timekeeper?>(nil)
    private let pending = Locked<Set<Int32>>([])

    init(store: Store) { self.store = store }

    func attach(_ timekeeper: Timekeeper) { self.timekeeper.withLock { $0 = timekeeper } }

    func wake(_ lane: Int32) {
        timekeeper.withLock { $0 }?.wake(lane)
        pending.withLock { _ = $0.insert(lane) }
    }

    /// Listens to other replicas, tells them at most every 20 ms what waits, and polls slowly in case a word was lost.
    func run(timekeeper: Timekeeper, logger: Logger, milliseconds: Int64) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [store] in
                for await event in store.listen(channel: LaneWaker.channel) {
                    if case .notified(let notice) = event, let lane = Int32(notice.payload) { timekeeper.wake(lane) }
                }
            }
            group.addTask {
                while !Task.isCancelled {
                    do {
                        try await timekeeper.poll()
                    } catch {
                        logger.debug("poll failed", metadata: ["error": "\(error)"])
                    }
                    // Cancellation ends the loop by its condition.
                    try? await Task.sleep(for: .milliseconds(milliseconds))
                }
            }
            group.addTask { [store, pending] in
                while !Task.isCancelled {
                    let lanes = pending.withLock { set -> Set<Int32> in
                        defer { set = [] }
                        return set
                    }
                    if !lanes.isEmpty {
                        // A lost notification costs the other replicas half a second, until their poll.
                        try? await store.notify(lanes.map { ChannelNotice(channel: LaneWaker.channel, payload: "\($0)") })
                    }
                    // As above.
                    try? await Task.sleep(for: .milliseconds(20))
                }
            }
            await group.waitForAll()
        }
    }
}

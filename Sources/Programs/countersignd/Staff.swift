import API
import Flow
import Glibc
import Handoff
import Kernel
import Logging
import Postgres
import Records
import Supervision
import Tenancy

/// The workers: which are wanted, whose they are, and what they may reach.
final class Staff: Sendable {
    let supervisor: WorkerSupervisor
    /// Makes PDFs; shut in like a worker, as nobody when the server may choose.
    let press: PaperPress
    /// Makes a PDF of a page, or refuses.
    var pressing: @Sendable (String) async throws -> [UInt8] { { [press] page in try await press.pdf(page) } }
    private let scopes: ScopeDirectory
    private let assets: AssetLibrary
    private let platform: Platform
    private let ended = Locked<(@Sendable (TenantID, String) -> Void)?>(nil)
    /// When it was asked for that each worker be replaced, as far as that is done.
    private let replaced = Locked<[TenantID: Moment]>([:])

    /// The tenants whose workers somebody has sent home.
    private let sentHome = Locked<Set<TenantID>>([])

    init(settings: ServerSettings, scopes: ScopeDirectory, assets: AssetLibrary, platform: Platform) {
        self.scopes = scopes
        self.assets = assets
        self.platform = platform
        let programs = Staff.programDirectory()
        let worker = WorkerSettings(
            launcher: programs + "/countersign-launch", worker: programs + "/countersign-worker",
            reader: programs + "/countersign-reader",
            socket: settings.paths.handoff,
            firstUID: settings.workerUID.flatMap { Staff.isReachable(programs + "/countersign-worker") ? $0 : nil },
            readable: Staff.libraryDirectories(programs))
        press = PaperPress(launcher: worker.launcher, identity: settings.workerUID == nil ? nil : 65_534)
        var paces = WorkerLifecycle.Paces()
        paces.idleSeconds = settings.workerIdleSeconds
        let (logger, store) = (platform.logger, platform.store)
        let (incarnations, tellEnded) = (Incarnations(), ended)
        supervisor = WorkerSupervisor(
            settings: worker, paces: paces, ledger: ProcessLedger(path: settings.paths.workers), clock: platform.clock,
            entropy: platform.entropy,
            logger: logger
        ) { status in
            // Pages show what was last seen; a write that fails is made good by the next change or the watchdog.
            Task { try? await Staff.keep(status, store: store, now: platform.clock.now) }
            if let ended = incarnations.ended(status) { tellEnded.withLock { $0 }?(status.charge.tenant, ended) }
        }
    }

    /// Told of every worker process that has ended, by its incarnation; set once the parts exist that want to know.
    func onEnd(_ tell: @escaping @Sendable (TenantID, String) -> Void) { ended.withLock { $0 = tell } }

    /// Rows of an earlier server's workers tell of processes that are gone.
    func forgetEarlier() async throws {
        for scope in try await scopes.all() {
            _ = try await platform.store.withTenant(scope.id) { tx in
                try await tx.execute(OverviewQueries.forgetWorker(tenant: scope.id))
            }
        }
    }

    /// Which incarnation runs for whom, to notice when one is gone or another has taken its place.
    private final class Incarnations: Sendable {
        private let running = Locked<[TenantID: String]>([:])

        /// The incarnation that has ended, told once.
        func ended(_ status: WorkerSupervisor.Status) -> String? {
            running.withLock { running in
                let tenant = status.charge.tenant
                let known = running[tenant]
                running[tenant] = status.pid == nil ? nil : status.incarnation
                return known == running[tenant] ? nil : known
            }
        }
    }

    /// Writes down how a worker is; answers when it was asked for last that the worker be replaced.
    @discardableResult
    static func keep(_ status: WorkerSupervisor.Status, store: Store, now: Moment) async throws -> Moment? {
        let word =
            switch status.phase {
            case .stopped: "stopped"
            case .starting: "starting"
            case .running: "running"
            case .draining: "draining"
            case .backingOff: "restarting"
            }
        return try await store.withTenant(status.charge.tenant) { tx in
            try await tx.query(
                OverviewQueries.putWorker(
                    tenant: status.charge.tenant, state: word, pid: status.pid, level: status.level,
                    residentBytes: status.residentBytes,
                    restarts: Int32(status.restarts), startedAt: status.startedAt, seenAt: now, detail: status.detail)
            ).first?.get("restart_asked_at", as: Moment?.self)
        }
    }

    /// Replaces a worker that was started before somebody asked for it, once for each time of asking: it finishes what it holds,
    /// ends and is started again, and one that waits between two starts is started now.
    func replaceIfAsked(_ status: WorkerSupervisor.Status, asked: Moment?) {
        let tenant = status.charge.tenant
        guard let asked, status.startedAt.map({ $0 < asked }) ?? true,
            replaced.withLock({ known in
                defer { known[tenant] = asked }
                return known[tenant].map { $0 < asked } ?? true
            })
        else { return }
        platform.logger.notice("worker replaced, as asked", metadata: ["tenant": "\(status.charge.slug)"])
        supervisor.replace(tenant)
        want(tenant)
    }

    /// Ends the workers that somebody has sent home, each once; they are started again when they are wanted and may be.
    func followStops() async throws {
        let home = Set(
            try await platform.store.withReport { tx in
                try await tx.query(WorkStopQueries.sentHome()).map { try $0.get("tenant_id", as: TenantID.self) }
            })
        let new = sentHome.withLock { known in
            defer { known = home }
            return home.subtracting(known)
        }
        for tenant in new {
            platform.logger.notice("worker sent home, as asked", metadata: ["tenant_id": "\(tenant)"])
            supervisor.replace(tenant)
        }
    }

    /// Starts the scope's worker when it does not run, and nobody has sent it home.
    func want(_ tenant: TenantID) {
        if sentHome.withLock({ $0.contains(tenant) }) { return }
        // Told after most batches: what the worker may reach is read only for one that is to be started.
        if supervisor.wantsAgain(tenant) { return }
        Task { [self] in
            do {
                supervisor.want(try await charge(tenant))
            } catch {
                platform.logger.error("worker not wanted", metadata: ["tenant_id": "\(tenant)", "error": "\(error)"])
            }
        }
    }

    private func charge(_ tenant: TenantID) async throws -> WorkerCharge {
        let scope = try await scopes.scope(tenant)
        let current = try await assets.current(for: tenant)
        var ports: Set<UInt16> = [443, 80, 8443]
        ports.formUnion((current.tenant?.webhookAllow ?? []).compactMap(Staff.port))
        if let identity = current.tenant?.identity {
            ports.formUnion(([identity.issuer] + identity.allow).compactMap(Staff.port))
        }
        for row in current.all("connection") {
            var issues: [AssetIssue] = []
            guard let document = ConnectionDocument.parse(row.content, issues: &issues) else { continue }
            ports.formUnion(([document.baseURL] + document.allow).compactMap(Staff.port))
        }
        if scope.kind == "operator", let endpoint = environment("OTEL_EXPORTER_OTLP_ENDPOINT") {
            ports.formUnion([endpoint].compactMap(Staff.port))
        }
        if scope.kind == "operator", let places = OnCall(current)?.document.settings.places {
            ports.formUnion(places.compactMap(Staff.port))
        }
        // The place in the range is stable: it comes from the id, and 20,000 places make a clash of two tenants unlikely; a clash
        // only means that two workers share a user, which the level report does not hide.
        let ordinal = UInt32(truncatingIfNeeded: tenant.low % 20_000)
        return WorkerCharge(
            tenant: tenant, slug: scope.slug, ordinal: ordinal, isPlatform: scope.kind == "operator",
            requiredLevel: current.tenant?.requiredLevel.rawValue ?? "L0", ports: ports.sorted())
    }

    /// The number after the last colon of `http://host:port`, `host:port` or `cidr:port`.
    static func port(_ text: String) -> UInt16? {
        let host =
            text.split(separator: "/").first { $0.contains(".") || $0.hasPrefix("localhost") || $0.hasPrefix("[") }
            ?? Substring(text)
        return host.split(separator: ":").last.flatMap { UInt16($0) }
    }

    var gate: WorkerGate {
        WorkerGate(
            identify: { [self] session in
                guard let known = supervisor.identify(session), let lane = lanes.withLock({ $0[known.tenant] }) else {
                    return nil
                }
                return WorkerIdentity(tenant: known.tenant, slug: known.slug, lane: lane, incarnation: known.incarnation)
            },
            greeted: { [self] worker, _ in supervisor.greeted(worker.tenant) },
            beat: { [self] worker, body in supervisor.beat(worker.tenant, isBusy: body["leases"]?.array?.isEmpty == false) },
            isDraining: { [self] worker in supervisor.isDraining(worker.tenant) },
            mayWork: { [self] worker in supervisor.mayWork(worker.tenant) })
    }

    /// Lanes by tenant, kept here because a worker's every request needs it.
    private let lanes = Locked<[TenantID: Int32]>([:])

    func refreshLanes() async throws {
        let rows = try await scopes.all()
        lanes.withLock { map in
            for row in rows { map[row.id] = row.lane }
        }
    }

    // MARK: Files

    static func programDirectory() -> String {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        guard count > 0 else { return "/usr/local/bin" }
        let path = String(decoding: buffer[0..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return path.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 }
    }

    /// What a worker has to read besides the system's libraries: our programs, and the Swift runtime where it is not linked in.
    static func libraryDirectories(_ programs: String) -> [String] {
        var out = [programs]
        // Without maps the program is a static one.
        guard let maps = try? FileBytes.read("/proc/self/maps", maxBytes: 4_194_304) else { return out }
        for line in String(decoding: maps, as: UTF8.self).split(separator: "\n") where line.contains("libswift") {
            guard let path = line.split(separator: " ").last, path.hasPrefix("/") else { continue }
            let folder = path.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 }
            if !out.contains(folder) { out.append(folder) }
        }
        return out
    }

    /// Whether any user may execute the program: every directory above it can be passed through.
    static func isReachable(_ path: String) -> Bool {
        var at = ""
        for part in path.split(separator: "/") {
            at += "/" + part
            var info = stat()
            guard stat(at, &info) == 0, info.st_mode & S_IXOTH != 0 else { return false }
        }
        return true
    }
}

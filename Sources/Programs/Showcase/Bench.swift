internal import Curl
internal import Glibc
package import Kernel

/// Measures the running product from outside: real server, workers, database and ledgers on this machine.
package final class Bench: Sendable {
    package enum Subject: String, Sendable, CaseIterable {
        case endToEnd = "end-to-end"
        case worker, start, engine, page, audit, auth
        /// The engine beside what slows others, with many tenants, and for a long time; only when asked for by name.
        case conditions, tenants, soak
        /// Wake-ups of ten thousand clocks, and pages beside another tenant's flood; only when asked for by name.
        case alerts
        /// Clocks, the report of a month of a million runs, and what `alerts` measures; by name too.
        case sla
        /// Measured in this process, without the product around it.
        case cel
    }

    static let sendersAtOnce = 12
    static let endSeconds: Int64 = 600
    static let pageRounds = 40
    /// Not counted: connections, prepared statements and caches of a first visit.
    static let warmRounds = 3
    /// Half load is held for this long.
    static let halfLoadSeconds: Int64 = 20
    static let startsPerTenant = 5
    /// The bars of the design: a worker's memory and its time to the first lease, the start of ready work, a page.
    static let workerBytesBar: Int64 = 15 * 1024 * 1024
    static let firstLeaseBar: Int64 = 100
    static let startBar: Int64 = 50
    static let pageBar: Int64 = 100
    /// The reference asks for an alarm at five seconds.
    static let sealBar: Int64 = 5000

    private let installation: Installation
    private let say: @Sendable (String) -> Void
    private let subjects: [Subject]
    private let invoices: Int
    private let seconds: Int64
    private let minutes: Int64
    private let runs: Int
    private let numbers = Locked(1)

    /// What `bench` measures when nothing is named.
    package static let usual = Subject.allCases.filter { ![.conditions, .tenants, .soak, .alerts, .sla].contains($0) }

    /// `seconds` is how long the engine is watched, `minutes` how long it is watched under half load.
    package init(
        folder: String, tenants: String, subjects: [Subject], invoices: Int, seconds: Int64, minutes: Int64, runs: Int,
        say: @escaping @Sendable (String) -> Void
    ) throws {
        try OwnFolder.claim(folder, flavour: "bench", replaces: true)
        // Pages are measured over an installation of some years, so it has no room for tenants that really work.
        guard !(subjects.contains(.page) && subjects.contains(.tenants)) else {
            throw Refusal(
                .invalid, reason: "bench.subjects",
                "Pages and many tenants are measured over different installations; "
                    + "ask for one after the other.")
        }
        var tenants = tenants
        if subjects.contains(.page) { tenants = try BenchFleet.configuration(from: tenants, below: folder) }
        if subjects.contains(.tenants) {
            tenants = try BenchFleet.configuration(from: tenants, below: folder, count: BenchTenants.tenants)
        }
        installation = try Installation(
            Installation.Settings(folder: folder, tenants: tenants, logLevel: "info", edits: BenchEngine.withoutPaces))
        self.seconds = seconds
        self.minutes = minutes
        self.runs = runs
        self.subjects = subjects
        self.invoices = invoices
        self.say = say
    }

    /// What a measurement found: the settings under which it was made, the results, and the engine's figures by name.
    package struct Report: Sendable {
        package var settings: [String] = []
        package var results: [BenchResult] = []
        package var figures: JSONObject = [:]

        package init() {}
    }

    /// Nothing is left running.
    package func run() async throws -> Report {
        do {
            try await installation.start { [say] in say($0) }
            try await installation.setPasswords(
                SampleTenant.all.flatMap { [$0.clerk, $0.controller, $0.admin] } + [SampleTenant.operatorAdmin])
            var results: [BenchResult] = []
            // The first measurement starts the workers; the page measurement wants data, and half load wants to know the whole.
            if subjects.contains(.worker) { results += try await worker() }
            var perSecond: Int64 = 0
            if subjects.contains(.endToEnd) || subjects.contains(.start) {
                let (measured, rate) = try await endToEnd()
                perSecond = rate
                if subjects.contains(.endToEnd) { results += measured }
            }
            if subjects.contains(.start) { results += try await start(perThousandSeconds: perSecond) }
            var figures: JSONObject = [:]
            if subjects.contains(.engine) {
                let measured = try await engine()
                results += measured.results
                figures = measured.json
            }
            if subjects.contains(.conditions) {
                try await warm()
                results += try await BenchConditions(installation: installation, seconds: seconds, say: say).measure()
            }
            if subjects.contains(.tenants) {
                try await installation.setFleetSecrets(BenchTenants.tenants - SampleTenant.all.count)
                try await warm()
                results += try await BenchTenants(installation: installation, seconds: seconds, say: say).measure()
            }
            if subjects.contains(.soak) {
                try await warm()
                results += try await BenchSoak(installation: installation, minutes: minutes, say: say).measure()
            }
            // Before the million runs: what is asked of a quiet server is asked while it is quiet.
            if subjects.contains(.alerts) || subjects.contains(.sla) { results += try await BenchAlerts(installation).run() }
            if subjects.contains(.sla) {
                results += try await BenchReports(installation: installation, runs: runs, say: say).measure()
            }
            if subjects.contains(.page) { results += try await page() }
            if subjects.contains(.audit) { results += try await sealing() }
            if subjects.contains(.auth) { results += try await BenchAuth(installation).run() }
            var report = Report()
            report.settings = durability()
            report.results = results
            report.figures = figures
            await installation.stop()
            return report
        } catch {
            await installation.stop()
            throw error
        }
    }

    /// As the database server was started, not as a file may say.
    private func durability() -> [String] {
        guard let pid = installation.databasePid else { return [] }
        let wanted = ["fsync=", "synchronous_commit=", "full_page_writes="]
        return ProcessTable.arguments(of: pid).filter { word in wanted.contains { word.hasPrefix($0) } }
    }

    // MARK: The worker

    private func worker() async throws -> [BenchResult] {
        var leases: [Int64] = []
        for tenant in SampleTenant.all {
            for round in 0..<Bench.startsPerTenant {
                // Work is what starts a worker; one that was ended is started again for the work that comes meanwhile.
                if round > 0 { try await endWorker(of: tenant) }
                leases.append(try await firstLease(tenant))
            }
        }
        for _ in 0..<20 { _ = try await sendOne(SampleTenant.brightwater) }
        try await settle()
        let sizes = workers().compactMap { ProcessTable.residentBytes(of: $0) }.map(Int64.init)
        let middle = Percentile.of(leases, permille: 500)
        return [
            BenchResult(
                "worker resident", sizes.max() ?? 0, "bytes", bar: Bench.workerBytesBar,
                note: "largest of \(sizes.count) workers after some work"),
            BenchResult(
                "worker first lease", leases.max() ?? 0, "ms", bar: Bench.firstLeaseBar,
                note: "from before the process to its first task in hand, worst of \(leases.count) starts, median \(middle)"),
        ]
    }

    private func workers() -> [Int32] {
        ProcessTable.children(of: installation.serverPid ?? 0, named: "countersign-worker")
    }

    /// The server pauses before it starts another one; the next invoice is sent meanwhile, so that work waits for the worker.
    private func endWorker(of tenant: SampleTenant) async throws {
        guard let line = serverLog().last(where: { $0.message == "worker started" && $0.tenant == tenant.slug }),
            let pid = line.json["pid"]?.string.flatMap({ Int32($0) }), workers().contains(pid)
        else { throw Fault("ending the worker of \(tenant.slug)", "it does not run", isRetryable: false) }
        kill(pid, SIGKILL)
        _ = try await Patience.wait(seconds: 10, for: "the end of a worker") {
            serverLog().first { $0.message == "worker ended" && $0.json["pid"]?.string == "\(pid)" }
        }
    }

    /// Milliseconds from the start of the tenant's worker to the first task in its hand, which is the reading of a document: the
    /// start by the server's clock, just before the process is made, the task by the worker's log, its end less what it took.
    private func firstLease(_ tenant: SampleTenant) async throws -> Int64 {
        let sent = WallClock.system.now
        let clerk = try await installation.tenant(tenant, as: tenant.clerk)
        let (_, run) = try await sendOne(tenant)
        _ = try await clerk.ended(run, seconds: Bench.endSeconds)
        let admin = try await installation.tenant(tenant, as: tenant.admin)
        guard let started = try await admin.workers().first?["startedAt"]?.moment, started >= sent.adding(milliseconds: -1_000),
            let first = serverLog().first(where: { $0.isTaskEnd && $0.tenant == tenant.slug && $0.taskStart >= started })
        else { throw Fault("measuring the first lease of \(tenant.slug)", "no start was found", isRetryable: false) }
        return first.taskStart.milliseconds(since: started)
    }

    // MARK: Throughput

    private func endToEnd() async throws -> ([BenchResult], Int64) {
        say("measuring \(invoices) invoices end to end")
        var trades: [SampleTrade] = []
        for index in 0..<invoices { trades.append(try trade(SampleTenant.all[index % SampleTenant.all.count])) }
        try await installation.order(trades)
        let began = WallClock.system.now
        try await send(trades, pauseMicroseconds: 0)
        let handedIn = WallClock.system.now.milliseconds(since: began)
        try await settle()
        let took = max(1, WallClock.system.now.milliseconds(since: began))
        let rate = Int64(invoices) * 1_000_000 / took
        let sample = try await installation.tenant(.brightwater, as: SampleTenant.brightwater.clerk)
        let run = try await sample.runs(phase: "completed", limit: 1).first
        let payload = try await sample.get("runs/\(run?.id ?? "")/data").bytes.count
        return (
            [
                BenchResult(
                    "invoices end to end", rate, "per 1000 s",
                    note: "\(invoices) invoices of 3 tenants in \(took) ms, each posted"),
                BenchResult(
                    "invoices handed in", Int64(invoices) * 1_000_000 / max(1, handedIn), "per 1000 s",
                    note: "\(Bench.sendersAtOnce) senders"),
                BenchResult("run state", Int64(payload), "bytes", note: "of one finished run, as JSON"),
            ], rate
        )
    }

    // MARK: The audit log

    /// How many entries are sealed while the same invoices are worked on, and how long after the last one all are.
    private func sealing() async throws -> [BenchResult] {
        let before = try await sealedEntries()
        let began = WallClock.system.now
        _ = try await endToEnd()
        let ended = WallClock.system.now
        for tenant in SampleTenant.all {
            let admin = try await installation.tenant(tenant, as: tenant.admin)
            _ = try await Patience.wait(seconds: 60, for: "the newest audit entry's seal") {
                try await admin.get("audit", [("limit", "1")])["items"]?.array?.first?["seal"]?["seq"]?.int
            }
        }
        let sealed = try await sealedEntries() - before
        let took = max(1, WallClock.system.now.milliseconds(since: began))
        return [
            BenchResult(
                "audit entries sealed", sealed * 1_000_000 / took, BenchResult.perThousandSeconds,
                note: "\(sealed) entries inside running load, with fsync; the load decides how many there are"),
            BenchResult(
                "last seal after the load", WallClock.system.now.milliseconds(since: ended), "ms", bar: Bench.sealBar,
                note: "until every entry of 3 tenants had its seal"),
        ]
    }

    private func sealedEntries() async throws -> Int64 {
        var sum: Int64 = 0
        for tenant in SampleTenant.all {
            let admin = try await installation.tenant(tenant, as: tenant.admin)
            sum += try await admin.get("audit/state")["size"]?.int64 ?? 0
        }
        return sum
    }

    // MARK: From ready to started

    private func start(perThousandSeconds rate: Int64) async throws -> [BenchResult] {
        let pause = max(1, 2_000_000_000 / max(1, rate))
        let count = Int(max(10, Bench.halfLoadSeconds * 1_000_000 / pause))
        say("measuring the start of ready work at half load: \(count) invoices, one in \(pause / 1000) ms")
        var trades: [SampleTrade] = []
        for index in 0..<count { trades.append(try trade(SampleTenant.all[index % SampleTenant.all.count])) }
        try await installation.order(trades)
        try await send(trades, pauseMicroseconds: pause)
        try await settle()
        let numbers = Set(trades.map(\.invoice.number))
        let starts = workerStarts()
        var waits: [Int64] = []
        for tenant in SampleTenant.all {
            let clerk = try await installation.tenant(tenant, as: tenant.clerk)
            for run in try await clerk.runs(limit: 10_000) where numbers.contains(run.subject) {
                for (task, readyAt) in Bench.tasks(try await clerk.history(run.id)) {
                    if let start = starts[task] { waits.append(start.milliseconds(since: readyAt)) }
                }
            }
        }
        guard !waits.isEmpty else { throw Fault("measuring the start of work", "no task was found", isRetryable: false) }
        let half = "\(waits.count) ERP calls at half load, from their step's entry to the worker's hand, by the worker's clock"
        return [
            BenchResult("ready to started, p50", Percentile.of(waits, permille: 500), "ms", note: half),
            BenchResult("ready to started, p99", Percentile.of(waits, permille: 990), "ms", bar: Bench.startBar, note: half),
        ]
    }

    /// First attempts, and when their steps were entered, which makes them ready.
    private static func tasks(_ history: [HistoryLine]) -> [(task: String, readyAt: Moment)] {
        var entered: [String: Moment] = [:]
        var out: [(task: String, readyAt: Moment)] = []
        for line in history {
            guard let at = line.at else { continue }
            if line.type == "step.entered" { entered[line.step] = at }
            let step = String(line.step.prefix { $0 != "#" })
            if line.type == "attempt.started", let ready = entered.removeValue(forKey: step),
                let id = line.json["data"]?["task"]?.string
            {
                out.append((id, ready))
            }
        }
        return out
    }

    /// When workers took their tasks in hand, by their own log.
    private func workerStarts() -> [String: Moment] {
        var out: [String: Moment] = [:]
        for line in serverLog() where line.isTaskEnd { out[line.json["task"]?.string ?? ""] = line.taskStart }
        return out
    }

    private func serverLog() -> [ServerLogLine] {
        (Folder.text(installation.processes.log("countersignd")) ?? "").split(separator: "\n").compactMap(ServerLogLine.init)
    }

    // MARK: The engine

    /// One invoice of each tenant is carried through: the model of those that are measured.
    private func warm() async throws {
        for tenant in SampleTenant.all { _ = try await sendOne(tenant) }
        try await settle()
    }

    private func engine() async throws -> BenchEngine.Figures {
        try await warm()
        return try await BenchEngine(installation: installation, seconds: seconds, say: say).measure()
    }

    // MARK: Pages

    /// A page, whose it is and how it is called in the results.
    private struct PageSubject {
        let path: String
        let name: String
        let person: TenantAPI
    }

    private func pages() async throws -> [PageSubject] {
        let tenant = SampleTenant.brightwater
        let base = "/t/\(tenant.slug)"
        let controller = try await installation.tenant(tenant, as: tenant.controller)
        let admin = try await installation.tenant(tenant, as: tenant.admin)
        let provider = try await installation.tenant(tenant, as: SampleTenant.operatorAdmin)
        guard let run = try await controller.runs(limit: 1).first else {
            throw Fault("measuring pages", "there is no run", isRetryable: false)
        }
        let mine = [
            ("/runs", "runs"), ("/runs?state=faulted", "runs, faulted"), ("/runs?q=zzz", "runs, searched in vain"),
            ("/runs/\(run.id)", "one run"), ("/inbox", "inbox"), ("/exceptions", "exceptions"), ("/documents", "documents"),
            ("/service", "service levels"),
        ].map { PageSubject(path: base + $0.0, name: $0.1, person: controller) }
        let theirs = [("/incidents", "incidents"), ("/audit", "audit")].map {
            PageSubject(path: base + $0.0, name: $0.1, person: admin)
        }
        return mine + theirs + [PageSubject(path: "/operator", name: "all tenants", person: provider)]
    }

    private func page() async throws -> [BenchResult] {
        if try await runsOfModel() == 0 { for _ in 0..<20 { _ = try await sendOne(.brightwater) } }
        try await settle()
        say("filling \(BenchFleet.tenants) tenants with \(BenchFleet.runsEach) runs each; this takes some minutes")
        let filled = try await BenchFleet(installation: installation).fill()
        say("measuring pages over \(filled)")
        var results: [BenchResult] = []
        var all: [Int64] = []
        for page in try await pages() {
            var times: [Int64] = []
            var size = 0
            for round in 0..<(Bench.warmRounds + Bench.pageRounds) {
                let answer = try await page.person.server.exchange(.get, page.path, headers: [], body: nil)
                guard answer.status == 200 else {
                    throw Fault("getting \(page.path)", "status \(answer.status)", isRetryable: false)
                }
                size = answer.body.count
                if round >= Bench.warmRounds { times.append(answer.durationMicroseconds) }
            }
            all += times
            results.append(
                BenchResult(
                    "page \(page.name), p95", Percentile.of(times, permille: 950) / 1000, "ms", bar: Bench.pageBar,
                    note: "p50 \(Percentile.of(times, permille: 500) / 1000) ms, \(size) bytes of HTML"))
        }
        let note = "\(all.count) requests, one after another; \(filled)"
        results.append(
            BenchResult("all pages, p95", Percentile.of(all, permille: 950) / 1000, "ms", bar: Bench.pageBar, note: note))
        return results
    }

    private func runsOfModel() async throws -> Int {
        let tenant = SampleTenant.brightwater
        return try await installation.tenant(tenant, as: tenant.clerk).runs(phase: "completed", limit: 1).count
    }

    // MARK: Steps

    private func trade(_ tenant: SampleTenant) throws -> SampleTrade {
        let number = numbers.withLock { number -> Int in
            defer { number += 1 }
            return number
        }
        return try SampleTrade(tenant, number: number, today: DemoStories.today)
    }

    private func sendOne(_ tenant: SampleTenant) async throws -> (SubmittedDocument, RunView) {
        let trade = try trade(tenant)
        try await installation.ledger(tenant).add(trade.ledgerData)
        let clerk = try await installation.tenant(tenant, as: tenant.clerk)
        let document = try await clerk.submit(try trade.invoice.bytes(), fileName: trade.fileName)
        return (document, try await clerk.started(document, seconds: 60))
    }

    private func send(_ trades: [SampleTrade], pauseMicroseconds: Int64) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            var open = 0
            for (index, trade) in trades.enumerated() {
                if open == Bench.sendersAtOnce {
                    try await group.next()
                    open -= 1
                }
                // Two senders a tenant, since the server slows a caller in a hurry.
                let email = index / 3 % 2 == 0 ? trade.tenant.clerk : trade.tenant.controller
                group.addTask { [installation] in
                    let sender = try await installation.tenant(trade.tenant, as: email)
                    _ = try await sender.submit(try trade.invoice.bytes(), fileName: trade.fileName)
                }
                open += 1
                if pauseMicroseconds > 0 { try await Task.sleep(for: .microseconds(pauseMicroseconds)) }
            }
            for try await _ in group {}
        }
    }

    /// Until no run is open and every document has become one.
    private func settle() async throws {
        let expected = numbers.withLock { $0 } - 1
        _ = try await Patience.wait(seconds: Bench.endSeconds, for: "the end of all runs") { () -> Bool? in
            var ended = 0
            for tenant in SampleTenant.all { ended += try await installation.ledger(tenant).books().bills.count }
            return ended >= expected ? true : nil
        }
        for tenant in SampleTenant.all {
            let clerk = try await installation.tenant(tenant, as: tenant.clerk)
            _ = try await Patience.wait(seconds: 60, for: "the last runs") { () -> Bool? in
                try await clerk.runs(phase: "running", limit: 1).isEmpty ? true : nil
            }
        }
    }
}

internal import Glibc
internal import Kernel

/// Kills processes at random moments while invoices are posted to ill-tempered ledgers, and counts afterwards.
package final class Chaos: Sendable {
    private struct Sent {
        let tenant: SampleTenant
        let number: String
        let document: String
    }

    static let sendersAtOnce = 4
    static let startSeconds: Int64 = 60
    static let patienceSeconds: Int64 = 120

    private let plan: ChaosPlan
    private let installation: Installation
    private let say: @Sendable (String) -> Void
    private let sent = Locked<[Sent]>([])
    private let tally = Locked(ChaosTally())
    private let began = WallClock.system.now

    package init(_ plan: ChaosPlan, say: @escaping @Sendable (String) -> Void) throws {
        self.plan = plan
        self.say = say
        try OwnFolder.claim(plan.folder, flavour: "chaos", replaces: true)
        installation = try Installation(
            Installation.Settings(folder: plan.folder, tenants: plan.tenants, logLevel: "info", erp: plan.erp))
        tally.withLock { $0.seed = plan.seed }
    }

    /// Nothing is left running, whatever happens.
    package func run() async throws -> ChaosTally {
        do {
            let tally = try await play()
            await installation.stop()
            return tally
        } catch {
            await installation.stop()
            throw error
        }
    }

    private func play() async throws -> ChaosTally {
        say(
            "seed \(plan.seed): \(plan.kills) kills over \(plan.invoices) invoices; everything lies in "
                + "\(installation.settings.folder)"
        )
        try await installation.start { [say] in say($0) }
        try await installation.setPasswords(SampleTenant.all.flatMap { [$0.clerk, $0.controller] } + [SampleTenant.onCall])
        // Nobody is there to look at bills of which the ERP rounds the tax otherwise.
        let candidates = try (1...max(1, plan.invoices * 2)).map { number in
            try SampleTrade(SampleTenant.all[number % SampleTenant.all.count], number: number, today: DemoStories.today)
        }
        let fitting = try candidates.filter { try plan.erp == .sandbox || !$0.hasHalfCentOfTax }
        let trades = Array(fitting.prefix(plan.invoices))
        say("writing \(trades.count) orders with their receipts into the ledgers")
        // Before anything dies: whoever keeps an ERP's orders is not on trial here.
        try await installation.order(trades)
        for tenant in SampleTenant.all { try await installation.ledger(tenant).setFaults(ChaosPlan.faults(plan.erp)) }
        let deadline = WallClock.system.now.adding(seconds: plan.boundSeconds)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [self] in try await kill() }
            group.addTask { [self] in try await send(trades) }
            defer { group.cancelAll() }
            for try await _ in group {}
        }
        say("all is sent and killed; waiting until every run has ended")
        try await settle(until: deadline)
        return try await count()
    }

    // MARK: Killing

    private func kill() async throws {
        var dice = SeededDice(seed: plan.seed)
        let kinds = ChaosTarget.all(with: plan.erp)
        var targets = (0..<plan.kills).map { kinds[$0 % kinds.count] }
        targets.shuffle(using: &dice)
        for (index, target) in targets.enumerated() {
            try await Task.sleep(for: .milliseconds(Int64.random(in: ChaosPlan.pauseMilliseconds, using: &dice)))
            let draw = dice.next()
            let pid = try await kill(target, draw: draw)
            tally.withLock { $0.kills[target, default: 0] += 1 }
            let accepted = sent.withLock { $0.count }
            say(
                "\(seconds) s: kill \(index + 1) of \(targets.count): \(target.rawValue) (\(pid)); \(accepted) of "
                    + "\(plan.invoices) accepted"
            )
        }
    }

    private var seconds: Int64 { WallClock.system.now.seconds(since: began) }

    private func kill(_ target: ChaosTarget, draw: UInt64) async throws -> Int32 {
        switch target {
        case .worker:
            let pid = try await Patience.wait(seconds: Chaos.startSeconds, for: "a worker to kill") { () -> Int32? in
                guard let server = installation.serverPid else { return nil }
                let workers = ProcessTable.children(of: server, named: "countersign-worker")
                return workers.isEmpty ? nil : workers[Int(draw % UInt64(workers.count))]
            }
            Glibc.kill(pid, SIGKILL)
            return pid
        case .server:
            let pid = installation.serverPid ?? 0
            await installation.killServer()
            try await installation.startServer()
            return pid
        case .database:
            let pid = try await Patience.wait(seconds: Chaos.startSeconds, for: "a database to kill") { () -> Int32? in
                guard let pid = installation.databasePid, ProcessTable.name(of: pid) != nil else { return nil }
                return pid
            }
            Glibc.kill(pid, SIGKILL)
            return pid
        case .erp:
            let pid = try await installation.restartTryton(SampleTenant.all)
            for tenant in SampleTenant.all { try await installation.ledger(tenant).setFaults(ChaosPlan.faults(plan.erp)) }
            return pid
        }
    }

    // MARK: Sending

    /// Spread over the time of the kills.
    private func send(_ trades: [SampleTrade]) async throws {
        let span = Int64(plan.kills) * (ChaosPlan.pauseMilliseconds.lowerBound + ChaosPlan.pauseMilliseconds.upperBound) / 2
        let pause = span / Int64(max(1, plan.invoices))
        try await withThrowingTaskGroup(of: Void.self) { group in
            var open = 0
            for (index, trade) in trades.enumerated() {
                if open == Chaos.sendersAtOnce {
                    try await group.next()
                    open -= 1
                }
                group.addTask { [self] in try await send(trade, as: index % 5 == 0 ? .cii : .ubl) }
                open += 1
                try await Task.sleep(for: .milliseconds(pause))
            }
            for try await _ in group {}
        }
    }

    private func send(_ trade: SampleTrade, as syntax: SampleInvoice.Syntax) async throws {
        let tenant = trade.tenant
        let bytes = try trade.invoice.bytes(syntax)
        tally.withLock { $0.submitted += 1 }
        let clerk = TenantAPI(try await installation.api(as: tenant.clerk, patienceSeconds: Chaos.patienceSeconds), tenant.slug)
        let document = try await again { try await clerk.submit(bytes, fileName: trade.fileName) }
        sent.withLock { $0.append(Sent(tenant: tenant, number: trade.invoice.number, document: document.id)) }
    }

    /// A sender repeats what got no good answer: the same bytes are the same document.
    private func again<Answer>(_ body: () async throws -> Answer) async throws -> Answer {
        let until = WallClock.system.now.adding(seconds: Chaos.patienceSeconds)
        while true {
            do {
                return try await body()
            } catch let problem as ServerProblem where problem.status >= 500 || problem.status == 429 {
                guard WallClock.system.now < until else { throw problem }
            } catch let fault as Fault where fault.isRetryable {
                guard WallClock.system.now < until else { throw fault }
            }
            try await Task.sleep(for: .milliseconds(500))
        }
    }

    // MARK: The end

    /// Waits until nothing is open, and does meanwhile what the runbooks ask of people: dead letters are retried, exceptions
    /// of the
    /// ERP sent on.
    private func settle(until deadline: Moment) async throws {
        var told: Int64 = -1
        while WallClock.system.now < deadline {
            var open = 0
            for tenant in SampleTenant.all { open += try await again { try await self.openWork(of: tenant) } }
            if open == 0 { return }
            if seconds / 20 != told {
                told = seconds / 20
                say("\(seconds) s: \(open) invoices are still under way")
            }
            try await Task.sleep(for: .seconds(1))
        }
        say("the time of \(plan.boundSeconds) s is over")
    }

    private func openWork(of tenant: SampleTenant) async throws -> Int {
        let clerk = try await installation.tenant(tenant, as: tenant.clerk)
        let runs = try await clerk.runs(limit: 10_000)
        let documents = Set(sent.withLock { $0 }.filter { $0.tenant.slug == tenant.slug }.map(\.document))
        let known = Set(runs.map(\.document))
        let open = runs.filter { !$0.isFinal }.count + documents.subtracting(known).count
        guard open > 0 else { return 0 }
        for task in try await clerk.deadTasks() {
            guard let id = task["id"]?.string else { continue }
            _ = try await installation.tenant(tenant, as: SampleTenant.onCall).retryTask(id)
            tally.withLock { $0.helped += 1 }
        }
        for request in try await clerk.exceptions() {
            guard let way = ["retry", "read-again"].first(where: { request.resolutions.contains($0) }) else { continue }
            do {
                try await clerk.resolve(request, as: way, reason: "Once more.")
                tally.withLock { $0.helped += 1 }
            } catch let problem as ServerProblem where problem.status < 500 {
                say("\(tenant.name): \(request.title): \(problem.detail)")
            }
        }
        return open
    }

    private func count() async throws -> ChaosTally {
        let sent = sent.withLock { $0 }
        var out = tally.withLock { $0 }
        out.accepted = sent.count
        out.seconds = seconds
        for tenant in SampleTenant.all {
            let clerk = try await installation.tenant(tenant, as: tenant.clerk)
            let runs = Dictionary(
                try await clerk.runs(limit: 10_000).map { ($0.document, $0) }, uniquingKeysWith: { first, _ in first })
            let books = try await installation.ledger(tenant).books()
            let posted = books.bills.filter { bill in !["draft", "validated"].contains(bill["state"]?.string) }
            out.bills += posted.count
            // Of posted bills only: an ERP may draft some for its own orders.
            out.distinct += Set(posted.map { "\($0["supplierNumber"]?.text ?? "")/\($0["invoiceNumber"]?.text ?? "")" }).count
            out.doubled += books.doubled
            var counts: [String: Int] = [:]
            for bill in posted { counts[bill["invoiceNumber"]?.string ?? "", default: 0] += 1 }
            let mine = sent.filter { $0.tenant.slug == tenant.slug }
            for one in mine {
                if runs[one.document]?.outcome == "posted", counts[one.number] == 1 {
                    out.posted += 1
                } else {
                    out.lost.append("\(one.number) (\(runs[one.document]?.phase ?? "no run"), \(counts[one.number] ?? 0) bills)")
                }
            }
            let expected = Set(mine.map(\.number))
            out.strangers += counts.keys.filter { !expected.contains($0) }
        }
        return out
    }
}

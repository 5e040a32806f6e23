internal import Kernel

/// Plays the product in front of a visitor: starts everything, lets invoices arrive, and tells what happens and where to look.
package final class Demo: Sendable {
    package let plan: DemoPlan
    let installation: Installation
    let numbers: TradeNumbers
    private let say: @Sendable (String) -> Void
    private let began = WallClock.system.now
    private let seen = Locked<Set<DemoScenario>>([])
    private let failures = Locked<[String]>([])
    /// Ledgers that a story has switched off; the background leaves their tenants alone meanwhile.
    let resting = Locked<Set<String>>([])
    let handedIn = Locked(0)

    package init(_ plan: DemoPlan, say: @escaping @Sendable (String) -> Void) throws {
        self.plan = plan
        self.say = say
        try OwnFolder.claim(plan.folder, flavour: plan.isFast ? "fast demo" : "demo", replaces: false)
        installation = try Installation(
            Installation.Settings(folder: plan.folder, tenants: plan.tenants, port: plan.port, erp: plan.erp, edits: plan.edits))
        numbers = TradeNumbers(folder: installation.settings.folder)
    }

    /// Runs until the time is over or the task is cancelled; answers whether everything promised was seen. Nothing is left
    /// running.
    package func run() async throws -> Bool {
        introduce()
        do {
            try await installation.start { [self] stage in tell(stage) }
            try await installation.setPasswords(DemoPeople.all.map(\.email))
            try await installation.signContracts(of: SampleTenant.all)
        } catch {
            await installation.stop()
            throw error
        }
        welcome()
        do {
            try await play()
        } catch is CancellationError {
            // Asked to end: the summary follows.
        } catch {
            failures.withLock { $0.append("\(error)") }
        }
        // In a task of its own, since this one may be cancelled, and with it everything it asks.
        await Task { await summarize() }.value
        say("ending the server, its workers, the database and the ledgers")
        await installation.stop()
        return seen.withLock { $0.count } == DemoScenario.allCases.count
    }

    private func play() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            let stories = DemoStories(self)
            group.addTask { try await stories.brightwater() }
            group.addTask { try await stories.kestrel() }
            group.addTask { try await stories.solara() }
            group.addTask { try await DemoBackground(self).run() }
            if let seconds = plan.seconds {
                group.addTask {
                    try await Task.sleep(for: .seconds(seconds))
                    throw CancellationError()
                }
            }
            defer { group.cancelAll() }
            // The first that throws, which is also how the time ends it, ends all.
            for try await _ in group {}
        }
    }

    // MARK: Telling

    /// One scenario's story; its failure is told and leaves the others alone.
    func scenario(_ scenario: DemoScenario, _ body: () async throws -> Void) async throws {
        do {
            try await body()
            let isLast = seen.withLock { $0.insert(scenario).inserted && $0.count == DemoScenario.allCases.count }
            if isLast { tell("Everything promised has been shown. Ordinary business goes on.") }
        } catch {
            try Task.checkCancellation()
            failures.withLock { $0.append("\(scenario.rawValue): \(error)") }
            tell("The scenario “\(scenario.rawValue)” did not go as promised: \(error)")
        }
        try await Task.sleep(for: .milliseconds(plan.pauseMilliseconds))
    }

    func tell(_ tenant: SampleTenant? = nil, _ sentence: String, at path: String? = nil) {
        let seconds = WallClock.system.now.seconds(since: began)
        let clock = "\(seconds / 60):\(seconds % 60 < 10 ? "0" : "")\(seconds % 60)"
        let who = tenant.map { "\($0.name): " } ?? ""
        let place = path.map { "\n          → \(installation.address)\($0)" } ?? ""
        say(String(repeating: " ", count: max(0, 6 - clock.count)) + clock + "  " + who + sentence + place)
    }

    func tell(_ sentence: String) { tell(nil, sentence) }

    private func introduce() {
        say(
            "This starts a server with a private PostgreSQL, a worker process per tenant and "
                + (plan.erp == .sandbox ? "a sandbox ERP for each" : "Tryton as the ERP of each"))
        say(
            "of three invented tenants, and lets invoices arrive. Nothing leaves this machine. Everything lies in "
                + "\(installation.settings.folder).")
        say("You will see:")
        for scenario in DemoScenario.allCases {
            let name = scenario.rawValue
            say("  " + name + String(repeating: " ", count: 24 - name.count) + scenario.promise)
        }
        say("")
    }

    private func welcome() {
        say("")
        say("The console: \(installation.address)")
        say("Everybody's password: \(Installation.password)")
        for person in DemoPeople.all {
            say("  " + padded(person.role, 26) + padded(person.email, 40) + person.sees)
        }
        say("Drop folder: \(installation.settings.folder)/drop/<tenant>")
        say(plan.seconds.map { "It plays for \($0) seconds." } ?? "It plays until Ctrl-C.")
        say("")
    }

    private func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(1, width - text.count))
    }

    private func summarize() async {
        say("")
        let shown = seen.withLock { $0 }
        for scenario in DemoScenario.allCases {
            say("  \(shown.contains(scenario) ? "seen    " : "not seen") \(scenario.rawValue)")
        }
        var bills = 0
        var doubled: [String] = []
        for tenant in SampleTenant.all {
            // A ledger that does not answer any more is told by the count.
            guard let books = try? await installation.ledger(tenant).books() else { continue }
            bills += books.bills.count
            doubled += books.doubled
        }
        say(
            "  \(handedIn.withLock { $0 }) documents handed in; the three ledgers hold \(bills) bills, \(doubled.count) of "
                + "them twice"
        )
        for failure in failures.withLock({ $0 }) { say("  failed: \(failure)") }
    }
}

/// Who can sign in, and what for.
enum DemoPeople {
    struct Person: Sendable {
        let role: String
        let email: String
        let sees: String
    }

    static let all: [Person] =
        [
            Person(
                role: "operator", email: SampleTenant.operatorAdmin,
                sees: "all tenants at a glance, their service, no "
                    + "documents"),
            Person(role: "engineer on call", email: SampleTenant.onCall, sees: "incidents, runbooks, dead letters"),
            Person(role: "auditor", email: SampleTenant.auditor, sees: "the audit log"),
        ]
        + SampleTenant.partners.map { Person(role: "partner", email: $0, sees: "its own tenants, its brand") }
        + SampleTenant.all.flatMap { tenant in
            [
                Person(role: "clerk", email: tenant.clerk, sees: "\(tenant.name): exceptions, runs, documents"),
                Person(role: "approver", email: tenant.approvers[0], sees: "\(tenant.name): the approval inbox"),
                Person(role: "approver", email: tenant.approvers[1], sees: "\(tenant.name): the approval inbox"),
                Person(role: "controller", email: tenant.controller, sees: "\(tenant.name): both, and the audit log"),
                Person(role: "treasurer", email: tenant.treasurer, sees: "\(tenant.name): payments to release"),
                Person(
                    role: "tenant administrator", email: tenant.admin, sees: "\(tenant.name): service levels, people, connections"
                ),
            ]
        }
}

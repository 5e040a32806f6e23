internal import Glibc
internal import Kernel

/// The stories, one tenant after another; each event is looked for in the product itself before it is told.
struct DemoStories: Sendable {
    static let waitSeconds: Int64 = 90

    let demo: Demo
    var installation: Installation { demo.installation }

    init(_ demo: Demo) { self.demo = demo }

    // MARK: Brightwater Foods

    func brightwater() async throws {
        let tenant = SampleTenant.brightwater
        let first = try trade(tenant)
        try await demo.scenario(.straightThrough) {
            let clerk = try await installation.tenant(tenant, as: tenant.clerk)
            let run = try await deliver(first, as: clerk)
            let ended = try await end(of: run, clerk, outcome: "posted")
            let bill = try await bill(first)
            demo.tell(
                tenant,
                "\(first.invoice.number) of \(first.invoice.seller.name), \(try first.grossText), agrees with its order and "
                    + "is posted "
                    + "as \(bill). Nobody had to sign.", at: "/t/\(tenant.slug)/runs/\(ended.id)")
        }
        try await demo.scenario(.duplicate) { try await duplicate(of: first, tenant) }
        try await demo.scenario(.payment) { try await payment(tenant) }
        try await demo.scenario(.selfApproval) { try await selfApproval(tenant) }
        try await demo.scenario(.unknownSupplier) {
            let clerk = try await installation.tenant(tenant, as: tenant.clerk)
            let request = try await exception(of: try await deliver(trade(tenant), fault: .unknownSupplier, as: clerk), clerk)
            demo.tell(
                tenant,
                "An invoice of \(SampleParty.stranger.name), whom the ERP does not know, waits for the clerk "
                    + "(\(request.code)). It is "
                    + "left for you.", at: "/t/\(tenant.slug)/exceptions/\(request.id)")
        }
    }

    private func duplicate(of first: SampleTrade, _ tenant: SampleTenant) async throws {
        let clerk = try await installation.tenant(tenant, as: tenant.clerk)
        let run = try await deliver(first, fault: .duplicateNumber, as: clerk)
        let request = try await exception(of: run, clerk)
        demo.tell(
            tenant,
            "\(first.invoice.number) comes again, its number written otherwise, and stops as a duplicate (\(request.code)).",
            at: "/t/\(tenant.slug)/exceptions/\(request.id)")
        let sentence = try await refused {
            try await clerk.resolve(request, as: "not-a-duplicate", reason: "It is another delivery.")
        }
        demo.tell(tenant, "The clerk who recorded it calls it another invoice, and is told: “\(sentence)”")
        try await clerk.resolve(request, as: "reject", reason: "It is the invoice of yesterday once more.")
        _ = try await end(of: run, clerk, outcome: "rejected")
        demo.tell(tenant, "So she rejects it; nothing is posted.", at: "/t/\(tenant.slug)/runs/\(run.id)")
    }

    private func selfApproval(_ tenant: SampleTenant) async throws {
        let controller = try await installation.tenant(tenant, as: tenant.controller)
        let made = try trade(tenant, .large, .withoutOrder)
        let run = try await deliver(made, as: controller)
        let request = try await approval(of: run, controller)
        demo.tell(
            tenant,
            "The controller hands in \(made.invoice.number), \(try made.grossText), without an order: two approvers and a "
                + "controller "
                + "have to sign.", at: "/t/\(tenant.slug)/inbox/\(request.id)")
        for email in tenant.approvers {
            try await pause()
            try await installation.tenant(tenant, as: email).decide(request, "approve")
        }
        let sentence = try await refused { try await controller.decide(request, "approve") }
        demo.tell(
            tenant, "Both approvers have signed. The controller, who recorded it, tries to sign: “\(sentence)”",
            at: "/t/\(tenant.slug)/runs/\(run.id)")
        try await controller.decide(request, "reject", reason: "I recorded it myself; the clerk hands it in again.")
        _ = try await end(of: run, controller, outcome: "rejected")
        demo.tell(tenant, "She takes it back with that reason.")
    }

    // MARK: Kestrel Labs

    func kestrel() async throws {
        let tenant = SampleTenant.kestrel
        try await demo.scenario(.unreadable) { try await unreadable(tenant) }
        try await demo.scenario(.priceMismatch) {
            let clerk = try await installation.tenant(tenant, as: tenant.clerk)
            let made = try trade(tenant, .middle, .dearer)
            let request = try await exception(of: try await deliver(made, as: clerk), clerk)
            demo.tell(
                tenant,
                "\(made.invoice.number) of \(made.invoice.seller.name) asks for a tenth more than was ordered and stops "
                    + "(\(request.code)). It is left for you: the clerk may not accept it, having recorded it; the controller "
                    + "may.",
                at: "/t/\(tenant.slug)/exceptions/\(request.id)")
        }
        try await demo.scenario(.breach) { try await breach(tenant) }
    }

    private func unreadable(_ tenant: SampleTenant) async throws {
        let clerk = try await installation.tenant(tenant, as: tenant.clerk)
        let made = try trade(tenant)
        let folder = "\(installation.settings.folder)/drop/\(tenant.slug)"
        try Folder.make(folder)
        let name = "scan-\(made.invoice.number).xml"
        try Folder.write(try made.invoice.bytes(fault: .truncated), to: "\(folder)/\(name)")
        demo.handedIn.withLock { $0 += 1 }
        let request = try await Patience.wait(seconds: DemoStories.waitSeconds, for: "a case for \(name)") {
            let documents = try await clerk.items("documents", limit: 200)
            guard let id = documents.first(where: { $0["fileName"]?.string == name })?["id"]?.string else {
                return nil as RequestView?
            }
            return try await clerk.exceptions().first { $0.document == id }
        }
        demo.tell(
            tenant,
            "A file that breaks off in the middle lay in the drop folder. It is kept and has become a case (\(request.code)). "
                + "It is "
                + "left for you.", at: "/t/\(tenant.slug)/exceptions/\(request.id)")
    }

    private func breach(_ tenant: SampleTenant) async throws {
        let clerk = try await installation.tenant(tenant, as: tenant.clerk)
        let made = try trade(tenant, .middle)
        let run = try await deliver(made, as: clerk)
        let request = try await approval(of: run, clerk)
        demo.resting.withLock { _ = $0.insert(tenant.slug) }
        defer { demo.resting.withLock { _ = $0.remove(tenant.slug) } }
        let ledger = installation.ledger(tenant)
        try await ledger.setFaults(["isDown": true])
        do {
            try await installation.tenant(tenant, as: tenant.approvers[0]).decide(request, "approve")
            demo.tell(
                tenant,
                "\(made.invoice.number) is approved, and its ERP has gone away. The contract promises posting within "
                    + "\(demo.plan.isFast ? "15 seconds" : "two minutes").", at: "/t/\(tenant.slug)/runs/\(run.id)")
            let onCall = try await installation.tenant(tenant, as: SampleTenant.onCall)
            let incident = try await Patience.wait(seconds: 240, for: "an incident") {
                try await onCall.incidents().first { $0.alert == "sla-breach" && $0.state == "triggered" }
            }
            demo.tell(
                tenant,
                "The target is missed. Incident \(incident.number) has opened (\(incident.severity)): \(incident.title). The "
                    + "runbook: "
                    + "\(incident.runbook)", at: "/t/\(tenant.slug)/incidents/\(incident.id)")
            try await onCall.acknowledgeIncident(incident.id)
            demo.tell(tenant, "The engineer on call takes it on and finds the ERP away.")
        } catch {
            try await ledger.setFaults([:])
            throw error
        }
        try await ledger.setFaults([:])
        _ = try await end(of: run, clerk, outcome: "posted", seconds: 300)
        demo.tell(
            tenant, "The ERP is back and the invoice is posted, late and once. The miss stays on record.",
            at: "/t/\(tenant.slug)/service")
    }

    // MARK: Solara Energía

    func solara() async throws {
        let tenant = SampleTenant.solara
        try await demo.scenario(.twoApprovers) {
            let clerk = try await installation.tenant(tenant, as: tenant.clerk)
            let made = try trade(tenant, .large)
            let run = try await deliver(made, as: clerk)
            let request = try await approval(of: run, clerk)
            demo.tell(
                tenant, "\(made.invoice.number), \(try made.grossText), is above the threshold: two people have to sign.",
                at: "/t/\(tenant.slug)/inbox/\(request.id)")
            let first = try await installation.tenant(tenant, as: tenant.approvers[0])
            try await first.decide(request, "approve")
            let sentence = try await refused { try await first.decide(request, "approve") }
            demo.tell(tenant, "One approver signs, and tries to sign for the second as well: “\(sentence)”")
            try await pause()
            try await installation.tenant(tenant, as: tenant.approvers[1]).decide(request, "approve")
            _ = try await end(of: run, clerk, outcome: "posted")
            demo.tell(
                tenant, "The second approver signs, and it is posted as \(try await bill(made)).",
                at: "/t/\(tenant.slug)/runs/\(run.id)")
        }
        try await demo.scenario(.fraud) { try await fraud(tenant) }
        try await demo.scenario(.quantityMismatch) { try await quantityMismatch(tenant) }
        try await demo.scenario(.outage) { try await outage(tenant) }
    }

    private func quantityMismatch(_ tenant: SampleTenant) async throws {
        let clerk = try await installation.tenant(tenant, as: tenant.clerk)
        let number = try demo.numbers.take()
        let made = try SampleTrade(tenant, number: number, fit: .shortDelivery, today: today)
        let run = try await deliver(made, as: clerk)
        let request = try await exception(of: run, clerk)
        demo.tell(
            tenant, "\(made.invoice.number) invoices more than has arrived (\(request.code)).",
            at: "/t/\(tenant.slug)/exceptions/\(request.id)")
        try await pause()
        try await installation.ledger(tenant).add(try SampleTrade(tenant, number: number, today: today).ledgerData)
        try await clerk.resolve(request, as: "retry", reason: "The rest has arrived.")
        _ = try await end(of: run, clerk, outcome: "posted")
        demo.tell(
            tenant, "The rest arrives, the clerk has it compared again, and it is posted.", at: "/t/\(tenant.slug)/runs/\(run.id)"
        )
    }

    private func outage(_ tenant: SampleTenant) async throws {
        let clerk = try await installation.tenant(tenant, as: tenant.clerk)
        let trades = try (0..<3).map { _ in try trade(tenant) }
        for one in trades { try await installation.ledger(tenant).add(one.ledgerData) }
        demo.resting.withLock { _ = $0.insert(tenant.slug) }
        defer { demo.resting.withLock { _ = $0.remove(tenant.slug) } }
        let ledger = installation.ledger(tenant)
        let status = DemoStatus(demo: demo, tenant: tenant)
        let address = try await status.setUp()
        try await ledger.setFaults(["isDown": true])
        var notice = ""
        var runs: [RunView] = []
        do {
            for one in trades { runs.append(try await deliver(one, as: clerk)) }
            demo.tell(
                tenant, "The ERP answers 503 to everything. Three invoices arrive nevertheless and wait.",
                at: "/t/\(tenant.slug)/runs")
            notice = try await status.begin()
            demo.tell(tenant, "Its administrator tells whoever reads the status page.", at: address)
            demo.tell(
                tenant, "Readers subscribe at its foot; the desk shows who is told, and what became of each message.",
                at: "/status-desk/\(tenant.slug)/subscribers")
            try await Task.sleep(for: .seconds(demo.plan.outageSeconds))
        } catch {
            try await ledger.setFaults([:])
            throw error
        }
        try await ledger.setFaults([:])
        for run in runs { _ = try await end(of: run, clerk, outcome: "posted", seconds: 180) }
        try await status.end(notice)
        let books = try await ledger.books()
        let numbers = Set(trades.map(\.invoice.number))
        let posted = books.bills.filter { numbers.contains($0["invoiceNumber"]?.string ?? "") }.count
        guard posted == trades.count, books.doubled.isEmpty else {
            throw Fault(
                "looking into the ledger", "\(posted) of \(trades.count) bills, \(books.doubled.count) twice", isRetryable: false)
        }
        demo.tell(
            tenant, "The ERP is back after \(demo.plan.outageSeconds) seconds: all three are posted, each once.",
            at: "/t/\(tenant.slug)/runs")
    }

    // MARK: Steps

    private var today: CivilDate { DemoStories.today }

    static var today: CivilDate {
        CivilDate(daysSince1970: Int(WallClock.system.now.seconds.quotientAndRemainder(dividingBy: 86_400).quotient))
    }

    func pause() async throws { try await Task.sleep(for: .milliseconds(demo.plan.pauseMilliseconds)) }

    func trade(
        _ tenant: SampleTenant, _ size: SampleTrade.Size = .small, _ fit: SampleTrade.Fit = .agrees
    ) throws -> SampleTrade {
        try SampleTrade(tenant, number: try demo.numbers.take(), size: size, fit: fit, today: today)
    }

    /// Puts order and receipt into the ledger, hands the document in, and waits for its run.
    func deliver(_ trade: SampleTrade, fault: SampleFault? = nil, as person: TenantAPI) async throws -> RunView {
        try await installation.ledger(trade.tenant).add(trade.ledgerData)
        let document = try await person.submit(try trade.invoice.bytes(fault: fault), fileName: trade.fileName)
        demo.handedIn.withLock { $0 += 1 }
        return try await person.started(document, seconds: DemoStories.waitSeconds)
    }

    func approval(of run: RunView, _ person: TenantAPI) async throws -> RequestView {
        try await person.request("approvals", of: run, seconds: DemoStories.waitSeconds)
    }

    func exception(of run: RunView, _ person: TenantAPI) async throws -> RequestView {
        try await person.request("exceptions", of: run, seconds: DemoStories.waitSeconds)
    }

    func end(of run: RunView, _ person: TenantAPI, outcome: String, seconds: Int64 = waitSeconds) async throws -> RunView {
        let ended = try await person.ended(run, seconds: seconds)
        guard ended.outcome == outcome else {
            throw Fault(
                "waiting for \(run.subject)", "it ended as \(ended.outcome ?? ended.phase) and not as \(outcome)",
                isRetryable: false)
        }
        return ended
    }

    private func bill(_ trade: SampleTrade) async throws -> String {
        let bills = try await installation.ledger(trade.tenant).books().bills
        return bills.first { $0["invoiceNumber"]?.string == trade.invoice.number }?["id"]?.string ?? "?"
    }

    /// The server's sentence when it declines, which it has to.
    func refused(_ act: () async throws -> JSONValue) async throws -> String {
        do {
            _ = try await act()
        } catch let problem as ServerProblem {
            return problem.detail
        }
        throw Fault("being refused", "the server let it pass", isRetryable: false)
    }
}

internal import Kernel

/// Ordinary business beside the stories: invoices of all tenants, most of them small, and approvers who keep up, but leave
/// enough for
/// the visitor.
struct DemoBackground: Sendable {
    /// Approvals that wait before the demonstration's own approvers sign the oldest.
    static let leftForVisitor = 6

    let demo: Demo

    init(_ demo: Demo) { self.demo = demo }

    func run() async throws {
        var turn = 0
        var ours: [String: Set<String>] = [:]
        while true {
            try await Task.sleep(for: .milliseconds(demo.plan.streamMilliseconds))
            let tenant = SampleTenant.all[turn % SampleTenant.all.count]
            turn += 1
            guard !demo.resting.withLock({ $0.contains(tenant.slug) }) else { continue }
            do {
                if let run = try await arrival(tenant, isMiddle: turn % 4 == 0) { ours[tenant.slug, default: []].insert(run) }
                try await sign(tenant, ours[tenant.slug] ?? [])
            } catch {
                try Task.checkCancellation()
                demo.tell(tenant, "The background has trouble: \(error)")
            }
        }
    }

    private func arrival(_ tenant: SampleTenant, isMiddle: Bool) async throws -> String? {
        let trade = try SampleTrade(
            tenant, number: try demo.numbers.take(), size: isMiddle ? .middle : .small, today: DemoStories.today)
        try await demo.installation.ledger(tenant).add(trade.ledgerData)
        let clerk = try await demo.installation.tenant(tenant, as: tenant.clerk)
        let document = try await clerk.submit(try trade.invoice.bytes(isMiddle ? .cii : .ubl), fileName: trade.fileName)
        demo.handedIn.withLock { $0 += 1 }
        let run = try await clerk.started(document, seconds: 30)
        demo.tell(
            tenant,
            "\(trade.invoice.number) of \(trade.invoice.seller.name) arrives, "
                + "\(try trade.grossText)\(isMiddle ? "; somebody has to sign" : "").",
            at: "/t/\(tenant.slug)/runs/\(run.id)")
        return run.id
    }

    private func sign(_ tenant: SampleTenant, _ runs: Set<String>) async throws {
        let approver = try await demo.installation.tenant(tenant, as: tenant.approvers[0])
        let waiting = try await approver.approvals().filter { runs.contains($0.run ?? "") }
        guard waiting.count > DemoBackground.leftForVisitor, let oldest = waiting.first else { return }
        try await approver.decide(oldest, "approve")
        demo.tell(tenant, "An approver signs “\(oldest.title)”.", at: "/t/\(tenant.slug)/runs/\(oldest.run ?? "")")
    }
}

internal import Kernel

/// The stories of payments: one that is released, and one that is not.
extension DemoStories {
    /// An account of nobody's, whose check digits are right.
    private static let strangeAccount = "DE02120300000000202051"

    /// Hands an invoice in, and when it is posted asks for its payment.
    private func askedPayment(_ tenant: SampleTenant) async throws -> (trade: SampleTrade, payment: RunView) {
        let clerk = try await installation.tenant(tenant, as: tenant.clerk)
        let made = try trade(tenant)
        let run = try await end(of: try await deliver(made, as: clerk), clerk, outcome: "posted")
        let asked = try await clerk.askForPayment(run.id)
        return (made, try await clerk.started(asked, seconds: DemoStories.waitSeconds))
    }

    func payment(_ tenant: SampleTenant) async throws {
        let clerk = try await installation.tenant(tenant, as: tenant.clerk)
        let (made, payment) = try await askedPayment(tenant)
        let treasurer = try await installation.tenant(tenant, as: tenant.treasurer)
        let request = try await approval(of: payment, treasurer)
        demo.tell(
            tenant,
            "The clerk asks for the payment of \(made.invoice.number). The ERP still says what was approved, and the treasurer "
                + "sees both side by side.", at: "/t/\(tenant.slug)/inbox/\(request.id)")
        try await pause()
        try await treasurer.decide(request, "approve")
        _ = try await end(of: payment, clerk, outcome: "released")
        demo.tell(
            tenant, "She signs, the ERP is asked once more, and the payment of \(try made.grossText) is released.",
            at: "/t/\(tenant.slug)/runs/\(payment.id)")
    }

    func fraud(_ tenant: SampleTenant) async throws {
        let clerk = try await installation.tenant(tenant, as: tenant.clerk)
        let (made, payment) = try await askedPayment(tenant)
        let treasurer = try await installation.tenant(tenant, as: tenant.treasurer)
        let request = try await approval(of: payment, treasurer)
        let ledger = installation.ledger(tenant)
        let seller = made.invoice.seller
        try await ledger.setIBAN(DemoStories.strangeAccount, of: seller.number ?? "")
        do {
            try await treasurer.decide(request, "approve")
            let drift = try await exception(of: payment, clerk)
            demo.tell(
                tenant,
                "While the payment of \(made.invoice.number) waits for the treasurer, somebody changes the account of "
                    + "\(seller.name) in the ERP. She signs, the ERP is asked once more, and nothing is paid (\(drift.code)).",
                at: "/t/\(tenant.slug)/exceptions/\(drift.id)")
            try await pause()
            let controller = try await installation.tenant(tenant, as: tenant.controller)
            try await controller.resolve(drift, as: "withhold", reason: "The supplier knows of no new account.")
        } catch {
            try await ledger.setIBAN(seller.iban ?? "", of: seller.number ?? "")
            throw error
        }
        try await ledger.setIBAN(seller.iban ?? "", of: seller.number ?? "")
        _ = try await end(of: payment, clerk, outcome: "withheld")
        demo.tell(
            tenant, "The controller calls the supplier, who knows of no new account, and withholds the payment.",
            at: "/t/\(tenant.slug)/runs/\(payment.id)")
    }
}

import Kernel
import Showcase
import Testing

/// Payments against either ERP: the journeys say which.
struct PaymentJourney {
    let stage: Stage
    let tenant: SampleTenant

    /// An invoice that was posted, and its run.
    func posted() async throws -> (trade: SampleTrade, run: RunView) {
        let clerk = try await stage.person(tenant)
        let trade = try stage.trade(tenant)
        let run = try await clerk.ended(try await clerk.started(try await stage.deliver(trade, as: clerk)))
        #expect(run.outcome == "posted")
        return (trade, run)
    }

    func ask(_ run: RunView) async throws -> RunView {
        let clerk = try await stage.person(tenant)
        return try await clerk.started(try await clerk.askForPayment(run.id), seconds: Stage.patienceSeconds)
    }

    /// The payment of a bill that nobody changed is released by the treasurer, once.
    func release() async throws {
        let (trade, run) = try await posted()
        let payment = try await ask(run)
        let clerk = try await stage.person(tenant)
        let treasurer = try await stage.person(tenant, tenant.treasurer)
        let request = try await treasurer.approval(of: payment)
        #expect(try await refusal { try await clerk.decide(request, "approve") }.status == 403)
        try await treasurer.decide(request, "approve")
        #expect(try await clerk.ended(payment).outcome == "released")
        let again = try await refusal {
            _ = try await clerk.askForPayment(run.id)
            return .null
        }
        #expect(again.code == "payment.released")
        #expect(try await stage.bills(trade).count == 1)
        let listed = try await clerk.items("payments", [("state", "all")]).first { $0["number"]?.string == trade.invoice.number }
        #expect(listed?["state"]?.string == "released")
    }

    /// A reference that somebody changed after posting stops the payment before anybody is asked to sign.
    func changedReference() async throws {
        let (trade, run) = try await posted()
        let other = trade.invoice.number + "-X"
        let ledger = stage.installation.ledger(tenant)
        try await ledger.changeReference(of: trade.invoice.number, to: other)
        let payment = try await ask(run)
        let clerk = try await stage.person(tenant)
        let request = try await clerk.exception(of: payment)
        #expect(request.code == "PAYMENT_DRIFT")
        let row = try await clerk.get("exceptions/\(request.id)")
        #expect(
            row["object"]?["differences"]
                == [["field": "number", "asked": .string(trade.invoice.number), "found": .string(other)]])
        let controller = try await stage.person(tenant, tenant.controller)
        try await controller.resolve(request, as: "withhold", reason: "Nobody knows who changed it.")
        #expect(try await clerk.ended(payment).outcome == "withheld")
        // Put right, it can be asked for again.
        try await ledger.changeReference(of: other, to: trade.invoice.number)
        let second = try await ask(run)
        #expect(second.id != payment.id)
        let treasurer = try await stage.person(tenant, tenant.treasurer)
        try await treasurer.decide(try await treasurer.approval(of: second), "approve")
        #expect(try await clerk.ended(second).outcome == "released")
    }

    /// An account that is changed while the request waits is caught by the second look.
    func changedAccount() async throws {
        let (trade, run) = try await posted()
        let payment = try await ask(run)
        let treasurer = try await stage.person(tenant, tenant.treasurer)
        let request = try await treasurer.approval(of: payment)
        let ledger = stage.installation.ledger(tenant)
        let seller = trade.invoice.seller
        try await ledger.setIBAN("DE02120300000000202051", of: seller.number ?? "")
        let clerk = try await stage.person(tenant)
        do {
            try await treasurer.decide(request, "approve")
            let drift = try await clerk.exception(of: payment)
            #expect(drift.code == "PAYMENT_DRIFT")
            let row = try await clerk.get("exceptions/\(drift.id)")
            let fields = (row["object"]?["differences"]?.array ?? []).compactMap { $0["field"]?.string }
            #expect(fields.contains("bankAccounts") && fields.contains("payTo"))
            try await ledger.setIBAN(seller.iban ?? "", of: seller.number ?? "")
            let controller = try await stage.person(tenant, tenant.controller)
            try await controller.resolve(drift, as: "withhold", reason: "The supplier knows of no new account.")
        } catch {
            try await ledger.setIBAN(seller.iban ?? "", of: seller.number ?? "")
            throw error
        }
        #expect(try await clerk.ended(payment).outcome == "withheld")
    }
}

extension WholeProduct {
    @Suite("Payments through the whole product")
    struct PaymentTests {
        @Test("the payment of a bill that nobody changed is released by the treasurer, once")
        func released() async throws { try await PaymentJourney(stage: try .current, tenant: .brightwater).release() }

        @Test("a reference that was changed behind our back stops the payment")
        func changedReference() async throws {
            try await PaymentJourney(stage: try .current, tenant: .solara).changedReference()
        }

        @Test("a bank account that was changed while the payment waited for its signature stops it")
        func changedAccount() async throws {
            try await PaymentJourney(stage: try .current, tenant: .kestrel).changedAccount()
        }
    }
}

extension ProductWithTryton {
    @Suite("Payments of Tryton's bills")
    struct PaymentTests {
        @Test("the payment of a bill that nobody changed is released by the treasurer, once")
        func released() async throws { try await PaymentJourney(stage: try .current, tenant: .brightwater).release() }

        @Test("a reference that was changed in Tryton after posting stops the payment before anybody is asked to sign")
        func changedReference() async throws {
            try await PaymentJourney(stage: try .current, tenant: .solara).changedReference()
        }

        @Test("a bank account that was changed in Tryton while the payment waited for its signature stops it")
        func changedAccount() async throws {
            try await PaymentJourney(stage: try .current, tenant: .kestrel).changedAccount()
        }
    }
}

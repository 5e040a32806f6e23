import Kernel
import Showcase
import Testing

extension ProductWithTryton {
    @Suite("Journeys to Tryton")
    struct TrytonTests {
        @Test("accepted invoices are Tryton's bills: field by field, once each, in the books of the entity that was billed")
        func fieldByField() async throws {
            let stage = try Stage.current
            var sent: [(trade: SampleTrade, run: RunView)] = []
            for tenant in SampleTenant.all {
                let clerk = try await stage.person(tenant)
                for _ in 0..<3 {
                    let trade = try stage.trade(tenant)
                    sent.append((trade, try await clerk.started(try await stage.deliver(trade, as: clerk))))
                }
            }
            for (trade, run) in sent {
                let clerk = try await stage.person(trade.tenant)
                let ended = try await clerk.ended(run)
                #expect(ended.outcome == "posted", "\(trade.invoice.number): \(ended.phase)")
                let bills = try await stage.bills(trade)
                #expect(bills.count == 1)
                guard let bill = bills.first else { continue }
                try expect(bill, isOf: trade)
            }
            for tenant in SampleTenant.all {
                let books = try await stage.installation.ledger(tenant).books()
                #expect(books.doubled.isEmpty)
            }
        }

        private func expect(_ bill: JSONValue, isOf trade: SampleTrade) throws {
            let invoice = trade.invoice
            #expect(bill["state"]?.string == "posted")
            #expect(bill["company"]?.string == invoice.buyer.entityCode)
            #expect(bill["supplierNumber"]?.string == invoice.seller.number)
            #expect(bill["invoiceDate"]?.string == invoice.issueDate.description)
            #expect(bill["currency"]?.string == invoice.currency.code)
            #expect("\(invoice.currency.code) \(bill["grossAmount"]?.string ?? "")" == (try trade.grossText))
            let lines = bill["lines"]?.array ?? []
            #expect(lines.count == invoice.lines.count)
            for (found, line) in zip(lines, invoice.lines) {
                #expect(found["quantity"]?.string.flatMap { ExactDecimal($0) } == line.quantity)
                #expect(found["unitPrice"]?.string.flatMap { ExactDecimal($0) } == line.price)
                #expect(found["taxRates"]?.array?.compactMap { $0.string.flatMap { ExactDecimal($0) } } == [line.rate])
                #expect(found["orderNumber"]?.string == invoice.orderRef)
                #expect(found["orderLine"]?.string == line.orderLineRef)
            }
        }

        @Test("what Tryton asks before it posts waits for the controller, and is posted once on that decision")
        func question() async throws {
            let stage = try Stage.current
            let tenant = SampleTenant.kestrel
            let clerk = try await stage.person(tenant)
            let trade = try stage.trade(tenant)
            let run = try await clerk.ended(try await clerk.started(try await stage.deliver(trade, as: clerk)))
            #expect(run.outcome == "posted")

            // Another invoice of the supplier bears, in Tryton, the number that the next one will have.
            var next = try stage.trade(tenant)
            while next.invoice.seller != trade.invoice.seller { next = try stage.trade(tenant) }
            try await stage.installation.ledger(tenant).perform(
                "edit",
                ["kind": "invoice", "number": .string(trade.invoice.number), "set": ["reference": .string(next.invoice.number)]])
            let second = try await clerk.started(try await stage.deliver(next, as: clerk))
            let request = try await clerk.exception(of: second)
            #expect(request.title.contains("asks"))
            let controller = try await stage.person(tenant, tenant.controller)
            #expect(
                try await refusal { try await clerk.resolve(request, as: "confirm", reason: "It is another one.") }.status == 403)
            try await controller.resolve(request, as: "confirm", reason: "The other one was changed by hand.")
            #expect(try await clerk.ended(second).outcome == "posted")
            let bills = try await stage.bills(next)
            #expect(bills.count == 2)
            #expect(bills.allSatisfy { $0["state"]?.string == "posted" })
        }

        /// An invoice whose tax comes to half a cent, which Tryton rounds the other way: its draft differs by a cent.
        private func differing(_ stage: Stage, _ tenant: SampleTenant) async throws -> (SampleTrade, RunView, RequestView) {
            let clerk = try await stage.person(tenant)
            for _ in 0..<20 {
                var trade = try stage.trade(tenant)
                while !(try trade.hasHalfCentOfTax) { trade = try stage.trade(tenant) }
                let run = try await clerk.started(try await stage.deliver(trade, as: clerk))
                let request = try await Patience.wait(seconds: Stage.patienceSeconds, for: "an answer of Tryton") {
                    () -> RequestView?? in
                    if RunView(try await clerk.run(run.id)).isFinal { return .some(nil) }
                    return try await clerk.exceptions().first { $0.run == run.id }.map { .some($0) }
                }
                // Half of the half cents are rounded to the same figure.
                guard let request else { continue }
                return (trade, run, request)
            }
            throw Fault("look for half a cent", "Tryton rounds all of them as the invoices do", isRetryable: false)
        }

        @Test("a tax that Tryton rounds otherwise: accepted, the bill is posted with Tryton's cent and can be paid")
        func acceptedHalfCent() async throws {
            let stage = try Stage.current
            let tenant = SampleTenant.brightwater
            let (trade, run, request) = try await differing(stage, tenant)
            #expect(request.title.contains("differs"))
            #expect(try await stage.bills(trade).map { $0["state"]?.string } == ["draft"])
            let controller = try await stage.person(tenant, tenant.controller)
            try await controller.resolve(request, as: "accept", reason: "Tryton rounds half a cent to even.")
            let clerk = try await stage.person(tenant)
            #expect(try await clerk.ended(run).outcome == "posted")
            let bills = try await stage.bills(trade)
            #expect(bills.map { $0["state"]?.string } == ["posted"])
            let data = try await clerk.get("runs/\(run.id)/data")
            let gross = data["context"]?["bill"]?["fields"]?["gross"]?.string.flatMap { ExactDecimal($0) }
            #expect(gross == bills.first?["grossAmount"]?.string.flatMap { ExactDecimal($0) })
            #expect(data["context"]?["bill"]?["accepted"]?.array?.isEmpty == false)
            // What the ERP has is what was accepted, so nothing has drifted.
            let payment = try await PaymentJourney(stage: stage, tenant: tenant).ask(run)
            let treasurer = try await stage.person(tenant, tenant.treasurer)
            try await treasurer.decide(try await treasurer.approval(of: payment), "approve")
            #expect(try await clerk.ended(payment).outcome == "released")
        }

        @Test("a tax that Tryton rounds otherwise: rejected, its draft does not stay behind")
        func rejectedHalfCent() async throws {
            let stage = try Stage.current
            let tenant = SampleTenant.brightwater
            let (trade, run, request) = try await differing(stage, tenant)
            let controller = try await stage.person(tenant, tenant.controller)
            try await controller.resolve(request, as: "reject", reason: "The supplier sends a new one.")
            #expect(try await controller.ended(run).outcome == "rejected")
            #expect(try await stage.bills(trade).allSatisfy { $0["state"]?.string == "cancelled" })
        }

        @Test("a closed period is a refusal in Tryton's words, and the bill is posted once it is open again")
        func closedPeriod() async throws {
            let stage = try Stage.current
            let tenant = SampleTenant.solara
            let clerk = try await stage.person(tenant)
            let trade = try stage.trade(tenant)
            let ledger = stage.installation.ledger(tenant)
            let day: JSONValue = ["date": .string(trade.invoice.issueDate.description)]
            try await ledger.perform("close-period", day)
            let run = try await clerk.started(try await stage.deliver(trade, as: clerk))
            let request = try await clerk.exception(of: run)
            #expect(request.resolutions.contains("retry"))
            try await ledger.perform("reopen-period", day)
            try await clerk.resolve(request, as: "retry", reason: "The period is open again.")
            #expect(try await clerk.ended(run).outcome == "posted")
            #expect(try await stage.bills(trade).count == 1)
        }
    }
}

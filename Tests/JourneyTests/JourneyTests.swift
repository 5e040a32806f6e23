import Curl
import Glibc
import Kernel
import Showcase
import Testing

extension WholeProduct {
    @Suite("Journeys through the whole product")
    struct JourneyTests {
        @Test("an invoice travels from arrival to the ERP, and one trace follows it all the way")
        func arrivalToERP() async throws {
            let stage = try Stage.current
            let clerk = try await stage.person(.brightwater)
            let trade = try stage.trade(.brightwater)
            let transitions = try await metric("countersign_transitions_total", stage)
            let trace = Entropy.system.bytes(16).hexText
            let document = try await stage.deliver(
                trade, as: clerk, traceparent: "00-\(trace)-\(Entropy.system.bytes(8).hexText)-01")
            #expect(document.isNew)
            let run = try await clerk.ended(try await clerk.started(document))
            #expect(run.outcome == "posted")
            #expect(run.trace?.contains(trace) == true, "the run has another trace: \(run.trace ?? "none")")

            let bills = try await stage.bills(trade)
            #expect(bills.count == 1)
            guard let bill = bills.first else { return }
            #expect(bill["supplierNumber"]?.string == trade.invoice.seller.number)
            #expect("EUR \(bill["grossAmount"]?.text ?? "")" == (try trade.grossText))

            let steps = try await clerk.history(run.id).map(\.type)
            #expect(steps.contains("document.received") && steps.contains("run.started") && steps.contains("attempt.completed"))
            #expect(try await metric("countersign_transitions_total", stage) > transitions)
            let logged = try logLines(stage).filter { $0["trace"]?.string == trace }
            let hops = Set(logged.compactMap { $0["hop"]?.string })
            #expect(
                hops.isSuperset(of: ["intake", "document.read", "erp.read", "erp.write", "report"]),
                "hops of the trace: \(hops.sorted())")
            let service = try await clerk.service()["objectives"]?.array ?? []
            #expect(service.contains { $0["objective"]?.string == "posting" && ($0["met"]?.int ?? 0) >= 1 })

            let again = try await clerk.submit(try trade.invoice.bytes(), fileName: trade.fileName)
            #expect(!again.isNew && again.id == document.id)
        }

        @Test("an amount above the threshold needs two different people, and the person who recorded it is refused")
        func twoPeople() async throws {
            let stage = try Stage.current
            let tenant = SampleTenant.brightwater
            let clerk = try await stage.person(tenant)
            let trade = try stage.trade(tenant, .large)
            let run = try await clerk.started(try await stage.deliver(trade, as: clerk))
            let request = try await clerk.approval(of: run)
            let first = try await stage.person(tenant, tenant.approvers[0])
            let second = try await stage.person(tenant, tenant.approvers[1])
            #expect(try await refusal { try await clerk.decide(request, "approve") }.status == 403)
            try await first.decide(request, "approve")
            #expect(try await refusal { try await first.decide(request, "approve") }.code == "sod.distinct-signers")
            #expect(try await stage.bills(trade).isEmpty)
            try await second.decide(request, "approve")
            #expect(try await clerk.ended(run).outcome == "posted")
            #expect(try await stage.bills(trade).count == 1)

            let controller = try await stage.person(tenant, tenant.controller)
            let own = try stage.trade(tenant, .large, .withoutOrder)
            let ownRun = try await controller.started(try await stage.deliver(own, as: controller))
            let ownRequest = try await controller.approval(of: ownRun)
            try await first.decide(ownRequest, "approve")
            try await second.decide(ownRequest, "approve")
            let refused = try await refusal { try await controller.decide(ownRequest, "approve") }
            #expect(refused.detail == "You recorded this invoice, so someone else has to approve it.")
            try await controller.decide(ownRequest, "reject", reason: "I recorded it myself.")
            #expect(try await controller.ended(ownRun).outcome == "rejected")
            #expect(try await stage.bills(own).isEmpty)
        }

        @Test("a file that cannot be read becomes a case with the reason, and the file is kept")
        func unreadable() async throws {
            let stage = try Stage.current
            let clerk = try await stage.person(.solara)
            let trade = try stage.trade(.solara)
            let document = try await stage.deliver(trade, fault: .truncated, as: clerk)
            let request = try await Patience.wait(seconds: Stage.patienceSeconds, for: "a case") {
                try await clerk.exceptions().first { $0.document == document.id }
            }
            #expect(request.code == "DOC_UNREADABLE")
            let row = try await clerk.document(document.id)
            #expect(row["state"]?.string == "unreadable")
            #expect(row["reason"]?.string?.contains("line") == true, "the reason names no place: \(row["reason"]?.text ?? "")")
            let path = "/api/v1/tenants/\(SampleTenant.solara.slug)/documents/\(document.id)/content"
            let kept = try await clerk.server.exchange(.get, path, headers: [], body: nil)
            #expect(kept.body == (try trade.invoice.bytes(fault: .truncated)))
        }

        @Test("an ERP that goes away and comes back loses nothing and gets nothing twice")
        func outage() async throws {
            let stage = try Stage.current
            let tenant = SampleTenant.solara
            let clerk = try await stage.person(tenant)
            let ledger = stage.installation.ledger(tenant)
            let trades = try (0..<4).map { _ in try stage.trade(tenant) }
            try await ledger.setFaults(["isDown": true])
            var runs: [RunView] = []
            do {
                for trade in trades { runs.append(try await clerk.started(try await stage.deliver(trade, as: clerk))) }
                _ = try await Patience.wait(seconds: Stage.patienceSeconds, for: "a failed attempt") { () -> Bool? in
                    try await clerk.history(runs[0].id).contains { $0.type == "attempt.failed" } ? true : nil
                }
            } catch {
                try await ledger.setFaults([:])
                throw error
            }
            // It comes back in a bad temper: answers get lost, and writes commit after their clients have gone.
            try await ledger.setFaults(["lostAnswerPerMille": 300])
            for run in runs { #expect(try await clerk.ended(run, seconds: 300).outcome == "posted") }
            try await ledger.setFaults([:])
            for trade in trades { #expect(try await stage.bills(trade).count == 1, "\(trade.invoice.number)") }
            #expect(try await ledger.books().doubled.isEmpty)
        }

        @Test("a server that is killed in the middle goes on where it was, with its database and its workers")
        func kill() async throws {
            let stage = try Stage.current
            let tenant = SampleTenant.brightwater
            let clerk = try await stage.person(tenant)
            let trades = try (0..<6).map { _ in try stage.trade(tenant) }
            var documents: [SubmittedDocument] = []
            for trade in trades { documents.append(try await stage.deliver(trade, as: clerk)) }
            await stage.installation.killServer()
            try await stage.installation.startServer()
            for document in documents {
                let run = try await clerk.started(document)
                #expect(try await clerk.ended(run, seconds: 300).outcome == "posted")
            }
            for trade in trades { #expect(try await stage.bills(trade).count == 1, "\(trade.invoice.number)") }
        }

        @Test("a missed target opens an incident with its runbook, which an engineer takes on and resolves")
        func breach() async throws {
            let stage = try Stage.current
            let tenant = SampleTenant.kestrel
            let clerk = try await stage.person(tenant)
            let onCall = try await stage.person(tenant, SampleTenant.onCall)
            let trade = try stage.trade(tenant, .middle)
            let run = try await clerk.started(try await stage.deliver(trade, as: clerk))
            let request = try await clerk.approval(of: run)
            let ledger = stage.installation.ledger(tenant)
            try await ledger.setFaults(["isDown": true])
            do {
                try await stage.person(tenant, tenant.approvers[0]).decide(request, "approve")
                _ = try await Patience.wait(seconds: Stage.patienceSeconds, for: "the breach") { () -> Bool? in
                    try await clerk.history(run.id).contains { $0.type == "clock.breached" } ? true : nil
                }
                // Alerts of one objective are one incident, whichever run comes first.
                let incident = try await Patience.wait(seconds: Stage.patienceSeconds, for: "an incident") {
                    try await onCall.incidents().first { $0.alert == "sla-breach" }
                }
                #expect(incident.runbook == "Runbooks/sla-breach.md")
                try await onCall.acknowledgeIncident(incident.id)
                try await onCall.resolveIncident(incident.id, reason: "The ledger was switched off.")
                let closed = try await onCall.incidents(all: true).first { $0.id == incident.id }
                #expect(closed?.state == "resolved")
            } catch {
                try await ledger.setFaults([:])
                throw error
            }
            try await ledger.setFaults([:])
            #expect(try await clerk.ended(run, seconds: 300).outcome == "posted")
            let clocks = try await clerk.items("clocks", [("outcome", "breached")])
            #expect(clocks.contains { $0["run"]?.string == run.id && $0["objective"]?.string == "posting" })
        }

        // MARK: Instruments

        /// The sum of a metric over its labels.
        private func metric(_ name: String, _ stage: Stage) async throws -> Int {
            let answer = try await ServerAPI(stage.installation.address).exchange(.get, "/metrics", headers: [], body: nil)
            #expect(answer.status == 200)
            return String(decoding: answer.body, as: UTF8.self).split(separator: "\n").reduce(0) { sum, line in
                guard line.hasPrefix(name + " ") || line.hasPrefix(name + "{") else { return sum }
                return sum + (line.split(separator: " ").last.flatMap { Int($0.prefix { $0 != "." }) } ?? 0)
            }
        }

        /// Every line of the server's log, workers included; each has to be strict JSON with time, level and message.
        private func logLines(_ stage: Stage) throws -> [JSONValue] {
            let text = Folder.text(stage.installation.processes.log("countersignd")) ?? ""
            var lines: [JSONValue] = []
            for line in text.split(separator: "\n") {
                // What does not parse is named below.
                guard let json = try? JSONValue(parsing: String(line)) else {
                    Issue.record("a line of the log is no JSON: \(line)")
                    continue
                }
                #expect(json["time"]?.moment != nil && json["level"]?.string != nil && json["message"]?.string != nil, "\(line)")
                lines.append(json)
            }
            return lines
        }
    }
}

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
            try await expectOneTrace(trace, bill: bill, stage)
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

        /// What the ERP wrote down and what the collector got, up to and including the posting itself, is of the sender's trace.
        private func expectOneTrace(_ trace: String, bill: JSONValue, _ stage: Stage) async throws {
            #expect(
                bill["traceparent"]?.string?.contains(trace) == true, "the bill's trace: \(bill["traceparent"]?.text ?? "none")")
            let asked = try await stage.installation.ledger(.brightwater).books().requests.filter {
                $0["traceparent"]?.string?.contains(trace) == true
            }
            #expect(Set(asked.compactMap { $0["method"]?.string }) == ["GET", "POST"])
            let names: Set = ["intake", "document.open", "run.started", "policy.decided", "erp.read", "erp.create"]
            let spans = try await Patience.wait(seconds: Stage.patienceSeconds, for: "the spans of the trace") {
                let spans = stage.collector.spans.filter { $0.trace == trace }
                return names.isSubset(of: spans.map(\.name)) ? spans : nil
            }
            let posting = spans.first { $0.name == "erp.create" }
            #expect(bill["traceparent"]?.string?.contains(posting?.id ?? "none") == true, "the ERP was told another span")
            let ids = Set(spans.map(\.id))
            #expect(spans.filter { $0.name != "intake" }.allSatisfy { ids.contains($0.parent ?? "") }, "a span hangs in the air")
            #expect(
                spans.allSatisfy { $0.resource["service.name"] == "countersignd" && $0.resource["service.instance.id"] != nil })
            #expect(spans.allSatisfy { !$0.attributes.isEmpty })
        }

        @Test("spans carry no secret, no account and nobody's name, whatever has happened so far")
        func cleanSpans() async throws {
            let stage = try Stage.current
            let trade = try stage.trade(.brightwater)
            let clerk = try await stage.person(.brightwater)
            _ = try await clerk.ended(try await clerk.started(try await stage.deliver(trade, as: clerk)))
            let told = try await Patience.wait(seconds: Stage.patienceSeconds, for: "spans") {
                stage.collector.spans.isEmpty ? nil : stage.collector.text
            }
            let seller = trade.invoice.seller
            let own = [seller.iban, seller.vatId, seller.name, trade.invoice.number, SampleTenant.brightwater.clerk]
            for word in own.compactMap(\.self) + [Installation.password, Installation.ledgerToken, "Bearer", "example"] {
                #expect(!told.contains(word), "the collector was told \(word)")
            }
        }

        @Test("a collector that falls silent loses spans, which are counted, and holds up no invoice")
        func silentCollector() async throws {
            let stage = try Stage.current
            stage.collector.setSilent(true)
            defer { stage.collector.setSilent(false) }
            let clerk = try await stage.person(.brightwater)
            let lost = try await metric("countersign_spans_dropped", stage)
            let trade = try stage.trade(.brightwater)
            let run = try await clerk.ended(try await clerk.started(try await stage.deliver(trade, as: clerk)))
            #expect(run.outcome == "posted")
            _ = try await Patience.wait(seconds: Stage.patienceSeconds, for: "lost spans to be counted") { () -> Bool? in
                try await metric("countersign_spans_dropped", stage) > lost ? true : nil
            }
            stage.collector.setSilent(false)
            let known = stage.collector.spans.count
            _ = try await clerk.ended(try await clerk.started(try await stage.deliver(try stage.trade(.brightwater), as: clerk)))
            _ = try await Patience.wait(seconds: Stage.patienceSeconds, for: "spans after the silence") { () -> Bool? in
                stage.collector.spans.count > known ? true : nil
            }
        }

        @Test("a server whose collector has no proper address does not start, and says why without repeating it")
        func malformedEndpoint() async throws {
            let stage = try Stage.current
            let folder = stage.installation.settings.folder + "/elsewhere"
            let refused = await #expect(throws: Fault.self) {
                try await stage.installation.processes.run(
                    "countersignd", ["serve", "--data", folder, "--port", "0"],
                    variables: ["OTEL_EXPORTER_OTLP_ENDPOINT": "collector.example:4318/secret"])
            }
            let words = refused?.description ?? ""
            #expect(words.contains("OTEL_EXPORTER_OTLP_ENDPOINT") && words.contains("http://"), "\(words)")
            #expect(!words.contains("secret"), "\(words)")
        }

        @Test("worker and connection show that they live, and what each objective has left of its budget is read from its clocks")
        func lookouts() async throws {
            let stage = try Stage.current
            let tenant = SampleTenant.solara
            let clerk = try await stage.person(tenant)
            let run = try await clerk.started(try await stage.deliver(try stage.trade(tenant), as: clerk))
            #expect(try await clerk.ended(run).outcome == "posted")
            let admin = try await stage.person(tenant, tenant.admin)
            for kind in ["worker", "connection"] {
                _ = try await Patience.wait(seconds: Stage.patienceSeconds, for: "the sign of life of a \(kind)") { () -> Bool? in
                    let beats = try await admin.get("heartbeats")["items"]?.array ?? []
                    return beats.contains { $0["kind"]?.string == kind && $0["state"]?.string == "alive" } ? true : nil
                }
            }
            let objectives = try await admin.get("slos")["items"]?.array ?? []
            #expect(objectives.contains { ($0["budget"]?["n"]?.int ?? 0) > 0 }, "\(objectives)")
        }

        @Test("the command line tries out a connection and lists what may be paid")
        func commandLine() async throws {
            let stage = try Stage.current
            let tenant = SampleTenant.brightwater
            let admin = try await stage.person(tenant, tenant.admin)
            let token = stage.installation.settings.folder + "/admin.token"
            try Folder.write(Array((admin.server.token ?? "").utf8), to: token)
            let server = ["--server", stage.installation.address, "--token-file", token]
            let table = try await stage.installation.processes.run(
                "countersign", ["connection", "test", "erp", "--tenant", tenant.slug] + server)
            let head = table.split(separator: "\n").first.map(String.init) ?? ""
            for word in ["OBJECT", "FIELD", "PLACE", "RESULT", "DETAIL"] { #expect(head.contains(word), "\(head)") }
            #expect(table.contains("erp: reached in") && table.contains("as the mapping says"), "\(table)")
            let unknown = await #expect(throws: Fault.self) {
                try await stage.installation.processes.run(
                    "countersign", ["connection", "test", "nothing", "--tenant", tenant.slug] + server)
            }
            #expect(unknown != nil)
            let payments = try await stage.installation.processes.run(
                "countersign", ["get", "payments", "--all", "--tenant", tenant.slug] + server)
            #expect(payments.contains("NUMBER") || payments.contains("None."), "\(payments)")
        }

        @Test("the demonstration finds its configuration from any folder, and says so when there is none")
        func demoFromAnywhere() async throws {
            let stage = try Stage.current
            let folder = stage.installation.settings.folder + "/nowhere"
            try Folder.make(folder)
            let refused = await #expect(throws: Fault.self) {
                try await stage.installation.processes.run(
                    "countersign", ["demo", "--tenants", folder, "--data", folder + "/data"])
            }
            #expect(
                refused?.description.contains("No configuration was found in \(folder)") == true, "\(refused?.description ?? "")")
            try Folder.make(folder + "/Tenants/operator")
            try Folder.write(Array("kind: operator".utf8), to: folder + "/Tenants/operator/operator.yaml")
            let lonely = await #expect(throws: Fault.self) {
                try await stage.installation.processes.run(
                    "countersign", ["demo", "--tenants", folder + "/Tenants", "--data", folder + "/data"])
            }
            #expect(lonely?.description.contains("The folder Runbooks is missing") == true, "\(lonely?.description ?? "")")
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

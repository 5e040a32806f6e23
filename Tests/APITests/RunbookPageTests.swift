import Kernel
import Records
import Seals
import Tenancy
import TestKit
import Testing
import WebKernel

@testable import API
@testable import Flow

@Suite("a runbook followed by pages, as two people do it")
struct RunbookPageTests {
    private static func runbook() -> Applying.Asset {
        let steps = [
            "1. **Take it on** `acknowledge`: Yours.", "2. **Stop what comes** `pause-runs`: Until it is clear.",
            "3. **Look around** `guidance`: Is it over?",
        ]
        let sections = [
            "What is happening", "What is safe", "First look", "Steps", "How you know it is over", "If it is not over",
            "Afterwards",
        ]
        let body = sections.map { "## \($0)\n\n\($0 == "Steps" ? steps.joined(separator: "\n") : "Words.")\n" }.joined(
            separator: "\n")
        return Applying.Asset(
            scope: .operator, kind: "runbook", name: "inbound-alert", version: "1",
            content: [
                "alert": "inbound-alert",
                "matter": [
                    "alert": "inbound-alert", "title": "Another system complains", "severity": "sev3", "owner": "Platform",
                    "author": "tomas", "approver": "ines", "reviewed": "2026-06-01", "expires": "2027-05-01",
                    "tested": "2026-01-02", "drilledEvery": 30, "summary": "See what it says.",
                ],
                "body": .string(body),
            ])
    }

    /// One reader with a browser that runs no script.
    private struct Reader {
        let office: Office
        let cookie: [(name: String, value: String)]

        init(_ office: Office, _ role: String, at slug: String) async throws {
            self.office = office
            cookie = [(name: "Cookie", value: "session=\(try await office.session(role, at: slug).text)")]
        }

        func page(_ path: String) async -> String { await office.send(.get, path, headers: cookie).text }

        /// Sends the form of a page whose address ends so, with its hidden fields; answers where it leads.
        func press(_ ending: String, on path: String, _ fields: [(String, String)] = []) async throws -> String {
            let html = await page(path)
            let form = try #require(
                html.split(separator: "<form ").dropFirst().first { $0.contains("\(ending)\"") }, "no form \(ending) on \(path)")
            let action = try #require(form.split(separator: "action=\"").dropFirst().first?.split(separator: "\"").first)
            var sent = fields
            for input in (form.split(separator: "</form>").first ?? "").split(separator: "<input type=\"hidden\" name=\"")
                .dropFirst()
            {
                let parts = input.split(separator: "\"", omittingEmptySubsequences: false)
                sent.append((String(parts[0]), String(parts[2])))
            }
            let body = sent.map { "\($0.0)=\(percentEncoded($0.1))" }.joined(separator: "&")
            let answer = await office.send(
                .post, String(action), headers: cookie + [(name: "Content-Type", value: "application/x-www-form-urlencoded")],
                body: Array(body.utf8))
            #expect(answer.status == 303, "\(answer.text.prefix(2000))")
            return answer.headers["location"] ?? ""
        }
    }

    @Test("an engineer takes the incident on, somebody of the tenant stops the runs, and both see what was done")
    func together() async throws {
        try await TestDatabase.with(template: .office) { database in
            let office = try Office(store: database.store)
            _ = try await office.services.applying.apply(try Office.withLedgerAndLimits() + [Self.runbook()], by: nil)
            try await office.fill("alpha", buyer: "Brightwater Foods GmbH")
            let scope = try await office.scope("alpha")
            try await office.services.alerting.raise(
                "inbound-alert", facts: ["source": "erp", "key": "1", "summary": "Slow"], scope: scope, key: "1")
            try await office.pump()
            let incident = try #require(
                try await office.services.looking.incidents(scope.id, openOnly: true, limit: 10).first {
                    $0.alert == "inbound-alert"
                })
            let engineer = try await Reader(office, "on-call", at: "operator")
            let controller = try await Reader(office, "controller", at: "alpha")
            let place = try await engineer.press("/runbook", on: "/t/alpha/incidents/\(incident.id)")
            #expect(place.hasPrefix("/t/alpha/runbook/"))
            let first = await engineer.page(place)
            #expect(first.contains("Step 1 of 3") && first.contains("Show what it would do"))
            #expect(first.components(of: "button primary") == 1, "one primary button")
            _ = try await engineer.press("/steps/1/look", on: place)
            _ = try await engineer.press("/steps/1/confirm", on: place)
            let second = await engineer.page(place)
            #expect(second.contains("Step 2 of 3") && second.contains("needs the permission runs.manage"))
            _ = try await controller.press("/steps/2/look", on: place, [("p-reason", "Slow ERP")])
            #expect(await controller.page(place).contains("1 runs touched"))
            _ = try await controller.press("/steps/2/confirm", on: place)
            try await office.pump()
            #expect(try await office.services.looking.runs(scope.id, limit: 10).map(\.phase) == ["paused"])
            _ = try await engineer.press("/steps/3/settle", on: place)
            let over = await engineer.page(place)
            #expect(over.contains("No step is left") && over.contains("What was done"))
            #expect(await controller.page("/t/alpha/runbooks").contains("due since 2026-02-01"))
            let drill = try await engineer.press("/runbooks/inbound-alert/drill", on: "/t/alpha/runbooks")
            #expect(await engineer.page(drill).contains("A drill: everything is shown, and nothing is done."))
        }
    }
}

extension String {
    fileprivate func components(of part: String) -> Int { split(separator: part, omittingEmptySubsequences: false).count - 1 }
}

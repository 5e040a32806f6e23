import Kernel
import Records
import Seals
import Tenancy
import TestKit
import Testing
import WebKernel

@testable import API
@testable import Flow

@Suite("tasks that people answer on a page or from a program")
struct TaskPageTests {
    private static func workflow(quorum: Int) -> JSONValue {
        [
            "kind": "workflow", "name": "ask", "version": "1", "title": "Ask", "duties": "ap-duty-separation",
            "outcomes": ["told"],
            "outcome": "'told'", "output": ["account": "${ context.account }"],
            "do": [
                [
                    "fill": [
                        "title": "Name the account", "call": "human.task",
                        "with": [
                            "role": "ap-clerk", "quorum": JSONValue(quorum), "object": ["number": "${ input.case.number }"],
                            "form": [
                                "properties": [
                                    "account": ["type": "string", "title": "Account", "minLength": 4, "maxLength": 10],
                                    "parts": ["type": "integer", "title": "Parts", "minimum": 1, "maximum": 12],
                                    "way": ["type": "string", "title": "Way", "enum": ["transfer", "card"]],
                                ], "required": ["account"],
                            ],
                            "resolutions": [
                                ["name": "told", "label": "That is it", "consequence": "The run ends."],
                                ["name": "unknown", "label": "Nobody knows", "consequence": "The run ends.", "takesForm": false],
                            ],
                        ], "export": ["account": "has(output.values) ? output.values.account : ''"],
                    ]
                ]
            ],
        ]
    }

    /// An office whose tenant alpha asks for an account, with the task that waits.
    private static func open(_ database: TestDatabase, quorum: Int = 1) async throws -> (Office, ScopeRow, TaskRow) {
        let office = try Office(store: database.store)
        let scope = Tenancy.Scope.tenant("alpha", partner: "harbour")
        var bundle = try Office.configuration().map { asset -> Applying.Asset in
            guard asset.kind == "tenant", asset.name == "alpha", var content = asset.content.object else { return asset }
            content["workflows"] = ["invoice": "ask"]
            return Applying.Asset(
                scope: asset.scope, kind: "tenant", name: "alpha", version: "2", content: .object(content))
        }
        bundle.append(
            Applying.Asset(scope: scope, kind: "workflow", name: "ask", version: "1", content: workflow(quorum: quorum)))
        _ = try await office.services.applying.apply(bundle, by: nil)
        try await office.fill("alpha")
        let row = try await office.scope("alpha")
        let task = try #require(try await office.services.looking.requests(row.id, kinds: ["task"], limit: 10).first)
        return (office, row, task)
    }

    /// The value of a hidden field of a page.
    private static func hidden(_ name: String, in page: String) throws -> String {
        let start = try #require(page.firstRange(of: "name=\"\(name)\" value=\"")).upperBound
        return String(page[start...].prefix { $0 != "\"" })
    }

    @Test("a wrong form comes back with what was typed and what is wrong beside it, and a right one is taken")
    func page() async throws {
        try await TestDatabase.with(template: .office) { database in
            let (office, scope, task) = try await TaskPageTests.open(database)
            let token = try await office.session("ap-clerk", at: "alpha")
            let cookie = [(name: "Cookie", value: "session=\(token.text)")]
            let path = "/t/alpha/exceptions/\(task.id)"
            #expect(await office.send(.get, "/t/alpha/exceptions", headers: cookie).text.contains("Name the account"))
            let sheet = await office.send(.get, path, headers: cookie).text
            #expect(sheet.contains("name=\"value.account\"") && sheet.contains("<option>transfer</option>"))

            func post(_ fields: String) async throws -> Office.Answer {
                let common =
                    "csrf=\(try TaskPageTests.hidden("csrf", in: sheet))"
                    + "&idempotency_key=\(Entropy.system.next())&object_hash=\(task.objectHash ?? "")"
                return await office.send(
                    .post, "\(path)/decision",
                    headers: cookie + [(name: "Content-Type", value: "application/x-www-form-urlencoded")],
                    body: Array("\(common)&\(fields)".utf8))
            }
            let wrong = try await post("verdict=told&value.account=%3Cb%3E&value.parts=x&value.way=transfer&reason=because")
            #expect(wrong.status == 422)
            #expect(wrong.text.contains("Account has to have 4 to 10 characters."))
            #expect(wrong.text.contains("Parts has to be a whole number."))
            #expect(wrong.text.contains("value=\"&lt;b&gt;\"") && wrong.text.contains("<option selected>transfer</option>"))
            #expect(wrong.text.contains(">because</textarea>") && wrong.text.contains("value=\"told\" required checked"))
            #expect(try await office.services.looking.task(scope.id, task.id).finishedAt == nil)

            let right = try await post("verdict=told&value.account=4711&value.parts=&value.way=&reason=")
            #expect(right.status == 303)
            try await office.pump()
            #expect(try await office.services.looking.task(scope.id, task.id).outcome == "told")
            let run = try await office.services.looking.run(scope.id, try #require(task.run))
            #expect(run.state["context"]?["account"] == "4711" && run.phase == "completed")
        }
    }

    @Test("a task that two have to answer shows who has answered, not what, and does not take a second answer of the same person")
    func quorum() async throws {
        try await TestDatabase.with(template: .office) { database in
            let (office, scope, task) = try await TaskPageTests.open(database, quorum: 2)
            let token = try await office.session("ap-clerk", at: "alpha")
            let path = "/t/alpha/exceptions/\(task.id)"
            func page() async -> String {
                await office.send(.get, path, headers: [(name: "Cookie", value: "session=\(token.text)")]).text
            }
            #expect(await page().contains("2 alike, each from another person"))
            func answer(_ key: String) async throws -> Office.Answer {
                let sent = await office.call(
                    .post, "/api/v1/tenants/alpha/exceptions/\(task.id)/resolution", as: token,
                    body: ["resolution": "told", "objectHash": .string(task.objectHash ?? ""), "values": ["account": "471199"]],
                    headers: [(name: "Idempotency-Key", value: key)])
                try await office.pump()
                return sent
            }
            _ = try await answer("k-1")
            _ = try await answer("k-2")
            let open = try await office.services.looking.task(scope.id, task.id)
            #expect(open.finishedAt == nil && open.progress["signatures"]?.array?.count == 1)
            let shown = await page()
            #expect(shown.contains("You have signed this.") && !shown.contains("471199"))
            let run = try await office.services.looking.run(scope.id, try #require(task.run))
            #expect(run.phase == "waiting" && !run.state.text.contains("471199"))
        }
    }

    @Test("a program sees the form, fills it in as values, and is told which value is wrong")
    func program() async throws {
        try await TestDatabase.with(template: .office) { database in
            let (office, scope, task) = try await TaskPageTests.open(database)
            let token = try await office.session("ap-clerk", at: "alpha")
            let path = "/api/v1/tenants/alpha/exceptions/\(task.id)"
            let shown = await office.call(.get, path, as: token)
            #expect(shown.json["kind"] == "task" && shown.json["form"]?["required"] == ["account"])
            // The office applies its lane itself, so the answer is read where it shows.
            func answer(_ key: String, _ values: JSONValue) async throws -> String? {
                let sent = await office.call(
                    .post, "\(path)/resolution", as: token,
                    body: ["resolution": "told", "objectHash": .string(task.objectHash ?? ""), "values": values],
                    headers: [(name: "Idempotency-Key", value: key)])
                #expect(sent.status == 202, "\(sent.text)")
                try await office.pump()
                return try await office.services.looking.task(scope.id, task.id).outcome
            }
            #expect(try await answer("k-1", ["account": "1"]) == nil)
            #expect(try await answer("k-2", ["account": "4711", "other": 1]) == nil)
            #expect(try await answer("k-3", ["account": "4711"]) == "told")
        }
    }
}

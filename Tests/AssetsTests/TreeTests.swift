import Glibc
import Kernel
import Tenancy
import TestBasics
import Testing

@testable import Assets

@Suite("A configuration folder")
struct TreeTests {
    /// Exactly one issue, there, with these words in message and remedy.
    private func expectOne(
        _ changes: [String: String?], _ place: String, _ message: String, _ remedy: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let issues = SampleTree.issues(changes)
        #expect(issues.count == 1, "\(issues.map(\.description).joined(separator: "\n"))", sourceLocation: sourceLocation)
        guard let issue = issues.first else { return }
        #expect("\(issue.file):\(issue.line):\(issue.column)" == place, sourceLocation: sourceLocation)
        #expect(issue.message.contains(message), "\(issue)", sourceLocation: sourceLocation)
        #expect(issue.remedy.contains(remedy), "\(issue)", sourceLocation: sourceLocation)
    }

    @Test("the sample folder has nothing wrong")
    func sample() {
        let issues = SampleTree.issues()
        #expect(issues.isEmpty, "\(issues.map(\.description).joined(separator: "\n"))")
    }

    @Test("the committed folder has nothing wrong")
    func committed() {
        let root = Checkout.root
        let runbooks = "\(root)/Runbooks"
        let loaded = ConfigurationTree.load("\(root)/Tenants", runbooks: access(runbooks, R_OK) == 0 ? runbooks : nil)
        #expect(loaded.issues.isEmpty, "\(loaded.issues.map(\.description).joined(separator: "\n"))")
        #expect(loaded.tree.tenants.map(\.slug).sorted() == ["brightwater-foods", "kestrel-labs", "solara-energia"])
        #expect(loaded.tree.partners.map(\.slug).sorted() == ["halden-price", "vela"])
    }

    @Test("samples beside a mapping are replayed: what is missing, unused, unreadable or does otherwise is told with its place")
    func samples() {
        let mapping = "operator/library/connectors/ledger.yaml"
        let sample = "operator/library/connectors/samples/ledger/known.json"
        func tree(_ file: String?, names: String = "[known]") -> [String: String?] {
            [mapping: ConnectorSample.text + "samples: \(names)\n", sample: file]
        }
        func recorded(name: String = "Nord", target: String = "/suppliers?vat=DE1") -> String {
            """
            {"title": "One is known", "at": "2026-10-26T07:33:20.000Z", "settings": {},
             "read": {"object": "supplier", "key": {"vatId": "DE1"}},
             "exchanges": [{"request": {"method": "GET", "target": "\(target)"},
                "answer": {"status": 200, "headers": {"content-type": "application/json"}, "body": {"name": "\(name)"}}}],
             "expect": {"outcome": "completed", "output": {"found": true, "supplier": {"name": "Nord"},
                "fetchedAt": "2026-10-26T07:33:20.000Z"}}}
            """
        }
        let good = SampleTree.issues(tree(recorded()))
        #expect(good.isEmpty, "\(good.map(\.description).joined(separator: "\n"))")
        expectOne(tree(nil), "\(mapping):14:11", "no sample `known`", "samples/ledger/known.json")
        expectOne(tree(recorded(), names: "[knwon]").filter { $0.key == mapping }, "\(mapping):14:11", "no sample `knwon`", "")
        expectOne([sample: recorded()], "\(sample):1:1", "No mapping names this sample", "Add `known` to `samples`")
        expectOne(tree(recorded(name: "Süd")), "\(mapping):14:11", "known", "")
        expectOne(tree(recorded(target: "/suppliers?vat=DE2")), "\(mapping):14:11", "known", "")
    }

    @Test("a rota that names a channel that does not exist, or nobody of the operator, is told where")
    func rota() {
        func tree(channels: String, second: String) -> [String: String?] {
            [
                "operator/on-call/platform.yaml": """
                kind: on-call
                name: platform
                title: Platform
                timezone: Europe/London
                start: 2026-01-05
                handOver: "09:00"
                rotation: weekly
                people: [ada-holm]
                channels: \(channels)
                layers:
                  - title: Second line
                    people: [ada-holm, \(second)]
                dutyManager: ada-holm

                """
            ]
        }
        #expect(SampleTree.issues(tree(channels: "[console]", second: "ada-holm")).isEmpty)
        expectOne(
            tree(channels: "[console, sms]", second: "ada-holm"), "operator/on-call/platform.yaml:9:21", "`sms`", "console")
        expectOne(
            tree(channels: "[console]", second: "ada-hom"), "operator/on-call/platform.yaml:12:24", "no `ada-hom`", "`ada-holm`")
        // Hours without anybody are told with the first of them.
        func hours(_ lines: String) -> [String: String?] {
            [
                "operator/on-call/platform.yaml": """
                kind: on-call
                name: platform
                title: Platform
                timezone: Europe/London
                start: 2026-01-05
                handOver: "09:00"
                rotation: weekly
                people: [ada-holm]
                \(lines)
                dutyManager: ada-holm

                """
            ]
        }
        let office = SampleTree.issues(hours("hours: {days: [mon], from: \"09:00\", to: \"17:00\"}"))
        #expect(office.map(\.severity) == [.warning] && office[0].message.contains("Nobody is on call in 53 stretches"))
    }

    @Test("a tab, a name twice, an alias: each has its place and its remedy")
    func brokenFiles() {
        expectOne(
            SampleTree.edited("partners/north/partner.yaml", "name: North", "name:\n\tNorth"), "partners/north/partner.yaml:4:1",
            "tab",
            "spaces")
        expectOne(
            SampleTree.edited("partners/north/partner.yaml", "locale: en", "locale: en\nname: South"),
            "partners/north/partner.yaml:5:1",
            "second time", "Keep one")
        expectOne(
            SampleTree.edited("partners/north/partner.yaml", "name: North", "name: *north"), "partners/north/partner.yaml:3:7",
            "alias",
            "Write the value out")
    }

    @Test("an unknown member is answered with the nearest name")
    func unknownMember() {
        expectOne(
            SampleTree.edited(
                "tenants/mill/connections/erp.yaml", "settleSeconds: 20", "settleSeconds: 20\nlimit: {concurrency: 2}"),
            "tenants/mill/connections/erp.yaml:10:1", "`limit` is not a member", "Did you mean `limits`?")
        let calendar = SampleTree.edited("operator/calendars/office.yaml", "  mon:", "  mno:")
        expectOne(calendar, "operator/calendars/office.yaml:6:3", "mno", "mon")
    }

    @Test("a wrong type is answered with what to write")
    func wrongType() {
        expectOne(
            SampleTree.edited("tenants/mill/people.yaml", "amount: \"5000.00\"", "amount: 5000.00"),
            "tenants/mill/people.yaml:11:29",
            "A number stands where an amount is expected", "quotes")
        expectOne(
            SampleTree.edited("tenants/mill/connections/erp.yaml", "settleSeconds: 20", "settleSeconds: \"20\""),
            "tenants/mill/connections/erp.yaml:9:16", "a whole number is expected", "without quotes")
        expectOne(
            SampleTree.edited("tenants/mill/contracts/service.yaml", "version: \"1\"", "version: 1"),
            "tenants/mill/contracts/service.yaml:3:10", "a version is expected", "quotes")
    }

    @Test("colours, zones, currencies and amounts are judged")
    func values() {
        expectOne(
            ["partners/north/brand.yaml": "kind: brand\nprimary: \"#12345G\"\n"], "partners/north/brand.yaml:2:10",
            "not a colour", "#1d4e63")
        expectOne(
            SampleTree.edited("tenants/mill/tenant.yaml", "timezone: Europe/Berlin", "timezone: Europe/Hamburg"),
            "tenants/mill/tenant.yaml:7:11", "not a time zone", "Europe/Berlin")
        expectOne(
            SampleTree.edited("tenants/mill/tenant.yaml", "currency: EUR", "currency: EUX"), "tenants/mill/tenant.yaml:12:15",
            "not a currency", "ISO 4217")
    }

    @Test("a missing member is reported around where it belongs")
    func missing() {
        expectOne(
            SampleTree.edited("tenants/mill/people.yaml", "    email: bo.lind@mill.example\n", ""),
            "tenants/mill/people.yaml:3:5",
            "`email` is missing", "Add `email`")
        expectOne(
            SampleTree.edited("operator/library/policies/who-signs.yaml", "version: \"1\"\n", ""),
            "operator/library/policies/who-signs.yaml:1:1", "version", "Add")
    }

    @Test("a missing file is reported at its place")
    func missingFile() {
        expectOne(["tenants/mill/people.yaml": nil], "tenants/mill/people.yaml:1:1", "The file is missing", "a people file")
    }

    @Test("references that lead nowhere are answered with what was probably meant")
    func references() {
        expectOne(
            SampleTree.edited("tenants/mill/tenant.yaml", "invoice: pay", "invoice: pays"), "tenants/mill/tenant.yaml:15:12",
            "no workflow `pays`", "Did you mean `pay`?")
        expectOne(
            SampleTree.edited("tenants/mill/contracts/service.yaml", "calendar: office", "calendar: weekend"),
            "tenants/mill/contracts/service.yaml:5:11", "no calendar `weekend`", "operator/calendars/weekend.yaml")
        expectOne(
            SampleTree.edited("tenants/mill/connections/erp.yaml", "connector: ledger", "connector: legder"),
            "tenants/mill/connections/erp.yaml:4:12", "no connector `legder`", "`ledger`")
        expectOne(
            SampleTree.edited("tenants/mill/tenant.yaml", "partner: north", "partner: south"), "tenants/mill/tenant.yaml:4:10",
            "no partner `south`", "partners/south")
        expectOne(
            SampleTree.edited("tenants/mill/people.yaml", "roles: [clerk]", "roles: [clark]"), "tenants/mill/people.yaml:6:13",
            "no role `clark`", "Did you mean `clerk`?")
        expectOne(
            SampleTree.edited(
                "operator/library/policies/who-signs.yaml", "role: approver\n        quorum: 2",
                "role: aprover\n        quorum: 2"),
            "operator/library/policies/who-signs.yaml:10:15", "no role `aprover`", "Did you mean `approver`?")
        expectOne(
            ["tenants/mill/connections/erp.yaml": nil], "tenants/mill/tenant.yaml:9:5", "connection `erp`, which does not exist",
            "connections/erp.yaml")
    }

    @Test("a connection gives every secret that its mapping asks for")
    func secrets() {
        expectOne(
            SampleTree.edited("tenants/mill/connections/erp.yaml", "token: ledger-token", "key: ledger-token"),
            "tenants/mill/connections/erp.yaml:6:1", "needs a secret for `token`", "`token: <name of the secret>`")
    }

    @Test("a tenant has what its workflow takes for granted")
    func workflowNeeds() {
        let silent = SampleTree.edited("tenants/mill/contracts/service.yaml", "name: approval-cycle", "name: posting")
        let warnings = SampleTree.issues(silent)
        #expect(warnings.map(\.severity) == [.warning])
        #expect(warnings.first?.message.contains("promises anything for the clock `approval-cycle`") == true)
        expectOne(
            SampleTree.edited("operator/library/workflows/pay.yaml", "connection: erp", "connection: bank"),
            "tenants/mill/tenant.yaml:15:12",
            "needs a connection `bank`", "connections/bank.yaml")
        expectOne(
            SampleTree.edited("operator/library/workflows/pay.yaml", "policy: who-signs", "policy: who-sings"),
            "operator/library/workflows/pay.yaml:11:17", "no policy `who-sings`", "Did you mean `who-signs`?")
    }

    @Test("an expression is held to the invoice that its run is started with")
    func expressions() {
        let place = "operator/library/workflows/pay.yaml"
        expectOne(
            SampleTree.edited(place, "input.case.gross.amount", "input.case.gross.amuont"), "\(place):12:25",
            "There is no member 'amuont' in amount.", "names and functions that exist")
        expectOne(
            SampleTree.edited(place, "bill: \"${input.invoice}\"", "bill: \"${input.invoice.number + 5}\""), "\(place):21:15",
            "There is no +(string, int)", "Give the operator or function what it takes")
    }

    @Test("two contracts that promise the same at the same time are refused, one after the other is fine")
    func overlappingContracts() {
        let first = SampleTree.files["tenants/mill/contracts/service.yaml"] ?? ""
        let second = first.replacing("name: service", with: "name: later").replacing("2026-01-01", with: "2026-07-01")
        expectOne(
            ["tenants/mill/contracts/later.yaml": second, "tenants/mill/contracts/service.yaml": first],
            "tenants/mill/contracts/service.yaml:8:11", "`approval-cycle` is also promised by `later`", "effectiveTo")
        let ended = first.replacing("objectives:", with: "effectiveTo: 2026-07-01T00:00:00Z\nobjectives:")
        #expect(
            SampleTree.issues(["tenants/mill/contracts/later.yaml": second, "tenants/mill/contracts/service.yaml": ended]).isEmpty
        )
    }

    @Test("one person must not set the thresholds and approve under them")
    func staticConflict() {
        expectOne(
            SampleTree.edited("tenants/mill/people.yaml", "roles: [approver]", "roles: [approver, changer]"),
            "tenants/mill/people.yaml:10:5",
            "must not meet in one person (P18)", "someone else")
    }

    @Test("people from above visit a tenant by role, tenant and end")
    func visits() {
        func engineer(_ roles: String) -> [String: String?] {
            SampleTree.edited("operator/people.yaml", "roles: [engineer]", "roles: \(roles)")
        }
        #expect(SampleTree.issues(engineer("[engineer, {role: clerk, tenant: mill, until: 2026-12-31T00:00:00Z}]")).isEmpty)
        expectOne(engineer("[{role: clerk, tenant: mill}]"), "operator/people.yaml:6:13", "needs an end", "until")
        expectOne(
            engineer("[clerk]"), "operator/people.yaml:6:13", "role of the tenant, not of the operator", "Grant it on a tenant")
        expectOne(
            engineer("[{role: clerk, tenant: mil, until: 2026-12-31T00:00:00Z}]"), "operator/people.yaml:6:35", "no tenant `mil`",
            "Did you mean `mill`?")
        expectOne(
            engineer("[{role: clerk, tenant: mill, entities: [DE02], until: 2026-12-31T00:00:00Z}]"), "operator/people.yaml:6:52",
            "no entity `DE02`", "`DE01`")
    }

    @Test("addresses and short names are one person's and one scope's")
    func uniqueness() {
        expectOne(
            SampleTree.edited("tenants/mill/people.yaml", "email: bo.lind@mill.example", "email: ada.holm@harbour.example"),
            "tenants/mill/people.yaml:5:12", "also used in", "address of their own")
        let issues = SampleTree.issues(SampleTree.edited("operator/operator.yaml", "slug: harbour", "slug: north"))
        #expect(issues.contains { $0.message.contains("also used by") })
    }

    @Test("a lock of the operator's brand binds everybody below")
    func brandLock() {
        expectOne(
            [
                "operator/brand.yaml": "kind: brand\ntexts:\n  footer: Ours\nlocks: [footer]\n",
                "partners/north/brand.yaml": "kind: brand\ntexts:\n  footer: Theirs\n",
            ], "partners/north/brand.yaml:3:11", "`footer` is locked by the operator", "Remove it here")
    }

    @Test("a brand's picture that acts is refused where the brand names it")
    func hostilePicture() {
        expectOne(
            [
                "partners/north/brand.yaml": "kind: brand\nlogos:\n  light: logo.svg\n",
                "partners/north/assets/logo.svg":
                    "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 1 1\"><script/></svg>",
            ], "partners/north/brand.yaml:3:10", "`script`", "plain paths")
    }

    @Test("what does not belong into the folder is an issue: files, folders, names, endings")
    func strangers() {
        expectOne(["tenant/x.yaml": "a: 1\n"], "tenant:1:1", "Nothing of this name", "Did you mean `tenants`?")
        expectOne(["tenants/mill/contract/x.yaml": "a: 1\n"], "tenants/mill/contract:1:1", "Nothing of this name", "`contracts`")
        expectOne(["tenants/mill/contracts/x.yml": "a: 1\n"], "tenants/mill/contracts/x.yml:1:1", "does not end in", "`x.yaml`")
        expectOne(["tenants/notes.txt": "x"], "tenants/notes.txt:1:1", "Only folders", "Move the file")
        expectOne(["partners/north/assets/logo.jpg": "x"], "partners/north/assets/logo.jpg:1:1", "Only pictures", "PNG")
        #expect(SampleTree.issues(["tenants/mill/README.md": "notes"]).isEmpty)
    }

    @Test("file and document go by one name")
    func names() {
        expectOne(
            SampleTree.edited("operator/calendars/office.yaml", "name: office", "name: hours"),
            "operator/calendars/office.yaml:2:7",
            "The file is called `office` and the document `hours`", "same name")
        expectOne(
            SampleTree.edited("partners/north/partner.yaml", "slug: north", "slug: nord"), "partners/north/partner.yaml:2:7",
            "The folder is called `north`", "same name")
    }

    @Test("a folder that links to itself ends the walk with an issue")
    func linkedFolders() {
        let folder = ScratchFolder(SampleTree.files)
        folder.link("tenants/mill/contracts/loop", to: "..")
        folder.link("tenants/loop", to: "../tenants")
        let issues = ConfigurationTree.load(folder.path).issues
        #expect(issues.count == 2, "\(issues.map(\.description))")
    }

    @Test("a policy's own tests run, and so do a tenant's")
    func policyTests() {
        expectOne(
            SampleTree.edited("operator/library/policies/who-signs.yaml", "rules: [otherwise]", "rules: [large]"),
            "operator/library/policies/who-signs.yaml:20:5", "a small invoice needs one signature", "Correct the rule")
        let tests = """
            kind: policy-tests
            name: ours
            policy: who-signs
            tests:
              - name: five thousand needs two
                input: {amount: "5000.00", currency: EUR}
                expect: {rules: [large]}
              - name: a thousand needs two
                input: {amount: "1000.00", currency: EUR}
                expect: {rules: [large]}

            """
        expectOne(["tenants/mill/tests/ours.yaml": tests], "tenants/mill/tests/ours.yaml:8:5", "a thousand needs two", "Correct")
    }

    @Test("a tenant's own policy stands before the library's")
    func ownPolicy() throws {
        let own = PolicySample.text.replacing("\"1000.00\"", with: "\"1.00\"").replacing("\"10.00\"", with: "\"0.50\"")
        let loaded = SampleTree.load(["tenants/mill/policies/who-signs.yaml": own])
        #expect(loaded.issues.isEmpty, "\(loaded.issues)")
        let mill = Scope.tenant("mill", partner: "north")
        #expect(loaded.tree.visible(.policy, "who-signs", from: mill)?.scope == mill)
        #expect(loaded.tree.visible(.policy, "who-signs", from: .partner("north"))?.scope == .operator)
    }

    @Test("a folder that is none is said to be none")
    func nowhere() {
        #expect(ConfigurationTree.load("/nowhere/at/all").issues.map(\.message).contains("This is not a folder."))
    }
}

import Testing

@Suite("Every room can be entered, every alert has its runbook, every migration its number")
struct FolderTests {
    @Test("every room has a README that says what it is for")
    func roomsHaveReadmes() {
        let rooms = Manifest.project.targets.filter(\.hasReadme).map(\.folder) + ["Sources/C"]
        let findings = rooms.filter { (Tree.project.file($0 + "/README.md")?.text.trimmed ?? "").utf8.count < 80 }
        #expect(findings.isEmpty, "rooms without a README: \(list(findings))")
    }

    @Test("every folder of the manifest exists and holds code")
    func targetsHaveCode() {
        let endings = [".swift", ".c", ".modulemap"]
        let findings = Manifest.project.targets.filter { target in
            !Tree.project.files.contains { file in file.isBelow(target.folder) && endings.contains { file.name.hasSuffix($0) } }
        }
        #expect(findings.isEmpty, "targets without code: \(list(findings.map(\.folder)))")
    }

    @Test("every folder below Sources belongs to a target")
    func noOrphans() {
        let orphans = Tree.sources.filter { $0.room == nil }.map(\.path)
        #expect(orphans.isEmpty, "files that nothing compiles: \(list(orphans))")
    }

    @Test("every alert that can page someone has a runbook")
    func alertsHaveRunbooks() {
        let alerts = FolderTests.alerts
        let missing = alerts.subtracting(FolderTests.runbooks).sorted()
        #expect(!alerts.isEmpty, "no alert was found in Sources/Domain/Incidents")
        #expect(missing.isEmpty, "alerts without a runbook: \(list(missing))")
    }

    @Test("every runbook belongs to an alert that can happen")
    func runbooksHaveAlerts() {
        let orphans = FolderTests.runbooks.subtracting(FolderTests.alerts).sorted()
        #expect(orphans.isEmpty, "runbooks without an alert: \(list(orphans))")
    }

    @Test("every alert rule of the chart has a runbook")
    func chartAlertsHaveRunbooks() {
        let rules = Tree.project.files.filter { $0.isBelow("helm") && $0.text.contains("kind: PrometheusRule") }
        let named = rules.flatMap { $0.text.split(separator: "\n") }.map { String($0).trimmed }.filter {
            $0.hasPrefix("- alert: ")
        }
        .map { String($0.dropFirst("- alert: ".count)) }
        let missing = Set(named).subtracting(FolderTests.runbooks).sorted()
        #expect(missing.isEmpty, "alert rules without a runbook: \(list(missing))")
    }

    @Test("migrations are numbered from 0001 without a gap")
    func migrationsAreNumbered() {
        let folder = "Sources/Edges/Records/Migrations"
        let names = Tree.project.files.filter { $0.isBelow(folder) }.map(\.name)
        let expected = (1...max(1, names.count)).map { number in
            String(repeating: "0", count: 4 - "\(number)".utf8.count) + "\(number)_"
        }
        #expect(names.map { String($0.prefix(5)) } == expected, "\(list(names))")
        #expect(names.allSatisfy { $0.hasSuffix(".sql") }, "\(list(names))")
    }

    /// The raw names in the alert catalogue: `case slaBreach = "sla-breach"`.
    private static let alerts: Set<String> = Set(
        Tree.project.files.filter {
            $0.isBelow("Sources/Domain/Incidents") && $0.name.contains("Alert") && $0.name.hasSuffix(".swift")
        }
        .flatMap { $0.text.split(separator: "\n") }.map { String($0).trimmed }
        .filter { $0.hasPrefix("case ") && $0.contains("= \"") }.flatMap(\.quotedTexts))

    private static let runbooks: Set<String> = Set(
        Tree.project.files.filter { $0.isBelow("Runbooks") && $0.name.hasSuffix(".md") && $0.name != "README.md" }
            .map { String($0.name.dropLast(3)) })
}

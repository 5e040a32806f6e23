import ArgumentParser
import Kernel
import Showcase

extension RunbookCommand {
    /// `countersign runbook drills`: the proof that runbooks were practised.
    struct Drills: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the drills of a tenant with their age, or write all of them as NDJSON or CSV.",
            discussion: """
                With --format every drill is written, oldest first; the line on the standard error is the cursor to go on from
                another day (--after). Exit codes: 0 written; 1 you may not see them; 2 no answer.
                """)

        enum Form: String, ExpressibleByArgument, CaseIterable { case ndjson, csv }

        @Option(name: [.customShort("t"), .customLong("tenant")], help: "The tenant, by its short name.")
        var tenant: String

        @Option(help: "ndjson or csv; without it the last ones are shown as a table.")
        var format: Form?

        @Option(help: "With --format: the cursor of an earlier export.")
        var after: String?

        @OptionGroup var server: ServerOptions

        func run() async throws {
            let place = TenantAPI(try server.api(), tenant)
            guard let format else { return try await table(place) }
            var cursor = after
            var isFirst = true
            while true {
                let page = try await place.exported(
                    "drills/export", [("format", format.rawValue)] + (cursor.map { [("cursor", $0)] } ?? []))
                var text = Substring(page.text)
                // The headings of a table stand once.
                if format == .csv, !isFirst { text = text.drop { !$0.isNewline }.dropFirst() }
                Terminal.put(String(text))
                isFirst = false
                guard let next = page.next else { break }
                cursor = next
            }
            if let cursor { Terminal.complain("cursor \(cursor)") }
        }

        private func table(_ place: TenantAPI) async throws {
            let members = ["id", "alert", "state", "startedAt", "ageDays", "steps", "done", "skipped", "failed"]
            let rows = (try await place.get("drills")["items"]?.array ?? []).map { row in members.map { Cells.text(row, $0) } }
            Terminal.print(
                Terminal.table(
                    ["ID", "ALERT", "STATE", "BEGUN", "DAYS AGO", "STEPS", "DONE", "SKIPPED", "FAILED"], rows,
                    width: Terminal.width))
        }
    }
}

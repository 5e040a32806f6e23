import ArgumentParser
import Assets
import Kernel
import ServiceLevels
import Showcase
import Tenancy

/// `countersign on-call`: who answers, the weeks to come, and whether pages arrive.
struct OnCallCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "on-call",
        abstract: "See who is on call, check a rota for gaps, exchange shifts, and try whether pages arrive.",
        subcommands: [Now.self, Coverage.self, Test.self, Swap.self, Answer.self, Digests.self], defaultSubcommand: Now.self)

    /// Rotas are of the scope `operator`; a tenant sees who answers for it.
    struct Place: ParsableArguments {
        @Option(name: [.customShort("t"), .customLong("tenant")], help: "`operator`, or a tenant by its short name.")
        var scope: String

        @OptionGroup var server: ServerOptions

        func api() throws -> TenantAPI { TenantAPI(try server.api(), scope) }
    }

    struct Now: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show who answers now, layer by layer, and who comes next.",
            discussion: "Exit codes: 0 shown; 1 no rota is published, or you may not see it; 2 no answer.")

        @OptionGroup var place: Place
        @OptionGroup var output: OutputOption

        func run() async throws {
            let json = try await place.api().get("on-call")
            guard output.form == .text else { return Terminal.print(json.prettyText) }
            let rows = (json["layers"]?.array ?? []).map { layer in
                [
                    layer["title"]?.string ?? "", layer["now"]?.string ?? "nobody", layer["until"]?.string ?? "-",
                    layer["next"]?.string ?? "-", "\((layer["answerWithinSeconds"]?.int ?? 0) / 60) min",
                ]
            }
            Terminal.print(Terminal.table(["LAYER", "NOW", "UNTIL (UTC)", "THEN", "HAS"], rows, width: Terminal.width))
            Terminal.print("Duty manager: \(json["dutyManager"]?.string ?? "nobody")")
            let hours = (json["coverage"]?["gapSeconds"]?.int ?? 0) / 3600
            if hours > 0 { Terminal.print("Nobody is on call in \(hours) hours of the next 52 weeks.") }
        }
    }

    struct Coverage: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Report who is on call in the weeks to come, and where nobody is, from a folder and without a server.",
            discussion: """
                Hand-overs are wall times of the rota's zone, so a shift begins at nine in summer too. A gap is a stretch in
                which no layer has anybody; then the duty manager is called at once.
                Exit codes: 0 no gaps; 1 there are some, or the folder has problems; 2 it cannot be read.
                """)

        @Argument(help: "The folder that holds operator, partners and tenants.")
        var folder = "Tenants"

        @Option(help: "The first day, YYYY-MM-DD; today unless given.")
        var from: String?

        @Option(help: "How many weeks, at most \(RotaCoverage.weeksMax).")
        var weeks = OnCallDocument.coverageWeeks

        @Flag(help: "List every shift.")
        var shifts = false

        @OptionGroup var output: OutputOption

        func validate() throws {
            guard (1...RotaCoverage.weeksMax).contains(weeks) else {
                throw ValidationError("--weeks is 1 to \(RotaCoverage.weeksMax).")
            }
        }

        func run() throws {
            let tree = try ConfigurationFolder(folder, runbooks: nil, today: nil).soundTree()
            let rotas = tree.assets.compactMap { asset -> OnCallDocument? in
                if case .onCall(let rota)? = asset.content { rota } else { nil }
            }
            guard !rotas.isEmpty else { throw BadAnswer("The folder has no rota. Write operator/on-call/<name>.yaml.") }
            var hasGaps = false
            var answers: [JSONValue] = []
            for rota in rotas {
                let zone = try ZoneRules.load(rota.timeZone)
                var start = WallClock.system.now
                if let from {
                    guard let date = CivilDate(from) else { throw BadAnswer("\(from) is not a date. Write YYYY-MM-DD.") }
                    start = zone.instant(of: date, secondOfDay: 0)
                }
                let report = CoverageReport(rota, zone: zone, from: start, weeks: weeks)
                hasGaps = hasGaps || report.coverage.gapSeconds > 0
                if output.form == .json { answers.append(report.json) } else { Terminal.print(report.text(shifts: shifts)) }
            }
            if output.form == .json { Terminal.print(JSONValue.array(answers).prettyText) }
            if hasGaps { throw BadAnswer() }
        }
    }

    struct Digests: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the last digests of what can wait, what became of each, and what the next ones will say.",
            discussion: "Exit codes: 0 listed; 1 you may not see them; 2 no answer.")

        @OptionGroup var place: Place
        @OptionGroup var output: ListOutput

        func run() async throws {
            let json = try await place.api().get("on-call/digests")
            output.print(json) {
                let coming = (json["coming"]?.array ?? []).map { one in
                    let count = one["items"]?.int ?? 0
                    return "\(Cells.text(one, "person")) at \(Cells.text(one, "dueAt")): "
                        + (count == 0 ? "nothing waits" : "\(count) wait\n\(Cells.text(one, "text"))")
                }
                return coming.joined(separator: "\n") + (coming.isEmpty ? "" : "\n")
                    + Terminal.table(
                        ["PERSON", "DUE", "STATE", "INCIDENTS", "ATTEMPTS", "ANSWER"],
                        (json["items"]?.array ?? []).map { row in
                            ["person", "dueAt", "state", "items", "attempts", "answer"].map { Cells.text(row, $0) }
                        }, width: Terminal.width)
            }
        }
    }

    struct Test: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Page yourself by every channel of the rota, and say what became of it.",
            discussion: "Exit codes: 0 every channel has taken it; 1 one has not in 20 seconds; 2 no answer.")

        static let waitSeconds = 20

        @OptionGroup var place: Place

        func run() async throws {
            let api = try place.api()
            let sent = Set((try await api.post("on-call/test-page", [:])["pages"]?.array ?? []).compactMap { $0["id"]?.string })
            var pages: [JSONValue] = []
            for _ in 0..<Test.waitSeconds {
                let listed = try await api.get("on-call/test-pages")["items"]?.array ?? []
                pages = listed.filter { sent.contains($0["id"]?.string ?? "") }
                if pages.allSatisfy({ $0["state"]?.string != "queued" }) { break }
                try await Task.sleep(for: .seconds(1))
            }
            let rows = pages.map { page -> [String] in
                let last = page["attempts"]?.array?.last
                return [
                    page["channel"]?.string ?? "", page["state"]?.string ?? "", "\(page["attempts"]?.array?.count ?? 0)",
                    last?["answer"]?.string ?? "-",
                ]
            }
            Terminal.print(Terminal.table(["CHANNEL", "STATE", "ATTEMPTS", "ANSWER"], rows, width: Terminal.width))
            if !pages.allSatisfy({ $0["state"]?.string == "delivered" }) {
                throw BadAnswer("Not every channel has taken the page.")
            }
        }
    }

    struct Swap: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Ask a colleague to take your turns of a stretch of time.",
            discussion: """
                countersign on-call swap -t operator --from 2026-12-24T18:00 --to 2026-12-27T09:00 --to-person saskia-brandt \
                --reason "A wedding."
                Times are wall times of the rota's zone. The shift stays yours until the colleague agrees.
                Exit codes: 0 asked; 1 refused, with the reason; 2 no answer.
                """)

        @OptionGroup var place: Place

        @Option(help: "The beginning, local wall time.")
        var from: String

        @Option(help: "The end, local wall time.")
        var to: String

        @Option(name: .customLong("to-person"), help: "Who takes it, by short name.")
        var taker: String

        @Option(help: "Why; the colleague reads it.")
        var reason: String

        @Option(help: "The layer, counted from 1.")
        var layer = 1

        func run() async throws {
            let json = try await place.api().post(
                "on-call/swaps",
                [
                    "layer": .string("\(layer)"), "from": .string(from), "to": .string(to), "taker": .string(taker),
                    "reason": .string(reason),
                ])
            Terminal.print("Asked: \(json["id"]?.string ?? "")")
        }
    }

    struct Answer: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Agree to a request for an exchange, decline it, or take your own back.",
            discussion: "Exit codes: 0 done; 1 refused, with the reason; 2 no answer.")

        enum Word: String, ExpressibleByArgument, CaseIterable { case agree, decline, withdraw }

        @Argument(help: "agree, decline or withdraw.")
        var word: Word

        @Argument(help: "The request's id.")
        var id: String

        @OptionGroup var place: Place

        func run() async throws {
            let json = try await place.api().post("on-call/swaps/\(ServerAPI.escaped(id))/\(word.rawValue)", [:])
            Terminal.print("The request is \(json["state"]?.string ?? "").")
        }
    }
}

/// Who is on call in the weeks to come, as text and as JSON.
struct CoverageReport {
    let rota: OnCallDocument
    let zone: ZoneRules
    let coverage: RotaCoverage

    init(_ rota: OnCallDocument, zone: ZoneRules, from: Moment, weeks: Int) {
        self.rota = rota
        self.zone = zone
        coverage = RotaCoverage(
            of: rota.layers.indices.map { rota.rota(ofLayer: $0, zone: zone) }, from: from, weeks: weeks)
    }

    private func local(_ moment: Moment) -> String {
        let time = zone.localTime(at: moment)
        func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let clock = two(time.secondOfDay / 3600) + ":" + two(time.secondOfDay / 60 % 60)
        return "\(time.date) \(clock) \(zone.abbreviation(at: moment))"
    }

    func text(shifts: Bool) -> String {
        var out = ["\(rota.title): \(local(coverage.from)) to \(local(coverage.to)), zone data \(zone.version)"]
        for (layer, found) in zip(rota.layers, coverage.layers) {
            let load = found.load.map { "\($0.user) \($0.seconds / 3600) h" }.joined(separator: ", ")
            out.append("  \(layer.title): \(load.isEmpty ? "nobody" : load); \(found.gapSeconds / 3600) h with nobody")
            guard shifts else { continue }
            for shift in found.shifts { out.append("    \(local(shift.start))  \(shift.user ?? "nobody")") }
        }
        if coverage.gaps.isEmpty { return (out + ["  No gaps."]).joined(separator: "\n") }
        out.append("  \(coverage.gaps.count) gaps, \(coverage.gapSeconds / 3600) hours in which nobody is on call:")
        for gap in coverage.gaps.prefix(20) {
            out.append("    \(local(Moment(seconds: gap.start))) to \(local(Moment(seconds: gap.end)))")
        }
        if coverage.gaps.count > 20 { out.append("    and \(coverage.gaps.count - 20) more") }
        return out.joined(separator: "\n")
    }

    var json: JSONValue {
        [
            "rota": .string(rota.name), "timezone": .string(rota.timeZone), "zoneData": .string(zone.version),
            "from": JSONValue(coverage.from), "to": JSONValue(coverage.to), "gapSeconds": JSONValue(coverage.gapSeconds),
            "gaps": .array(
                coverage.gaps.map { ["from": JSONValue(Moment(seconds: $0.start)), "to": JSONValue(Moment(seconds: $0.end))] }),
            "layers": .array(
                zip(rota.layers, coverage.layers).map { layer, found in
                    [
                        "title": .string(layer.title), "gapSeconds": JSONValue(found.gapSeconds),
                        "load": .array(found.load.map { ["person": .string($0.user), "seconds": JSONValue($0.seconds)] }),
                    ]
                }),
        ]
    }
}

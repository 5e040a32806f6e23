import ArgumentParser
import Kernel
import Showcase

/// One tenant, for what people do to its clocks.
struct ClockPlace: ParsableArguments {
    @Option(name: [.customShort("t"), .customLong("tenant")], help: "The tenant, by its short name.")
    var tenant: String

    @OptionGroup var server: ServerOptions

    func post(_ path: String, _ body: JSONValue) async throws {
        let answer = try await TenantAPI(try server.api(), tenant).post(path, body)
        Terminal.print("correction \(Cells.text(answer, "id")): \(Cells.text(answer, "state"))")
        for (label, name) in [("before", "original"), ("after", "corrected")] {
            let reading = answer[name]?["reading"] ?? .null
            Terminal.print(
                "\(label): \(Cells.text(reading, "outcome")), \(Cells.text(reading, "elapsedSeconds")) s counted, "
                    + "due \(Cells.text(reading, "dueAt"))")
        }
        Terminal.print("hash \(Cells.text(answer, "hash"))")
    }
}

/// `countersign sla correct`: asks that a clock's past be changed.
struct SLACorrect: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "correct", abstract: "Ask that events be put into or taken out of a clock's past; another person confirms.",
        discussion: """
            countersign sla correct CLOCK --tenant meridian --reason "The pause was not entered" \\
                --add '{"at": "2026-07-06T08:00:00Z", "type": "pause", "reason": "waiting_on_supplier"}'
            Events are counted as the explain document lists them. Exit codes: 0 asked; 1 refused; 2 no answer.
            """)

    @Argument(help: "The clock's id, as `countersign get clocks` shows it.")
    var clock: String

    @Option(help: "An event as explain documents have it, in JSON; may be repeated.")
    var add: [String] = []

    @Option(help: "The number of an event that goes, counted from 1; may be repeated.")
    var remove: [Int] = []

    @Option(help: "Why; kept with the correction.")
    var reason: String

    @OptionGroup var place: ClockPlace

    func run() async throws {
        let events = try add.map { text throws in
            do {
                return try JSONValue(parsing: Array(text.utf8))
            } catch {
                throw BadAnswer("--add is no JSON: \(text)")
            }
        }
        try await place.post(
            "clocks/\(ServerAPI.escaped(clock))/corrections",
            ["add": .array(events), "remove": .array(remove.map { JSONValue($0) }), "reason": .string(reason)])
    }
}

/// `countersign sla confirm`: the second person's yes.
struct SLAConfirm: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "confirm", abstract: "Confirm a correction that another person asked for.",
        discussion: "Exit codes: 0 confirmed; 1 refused; 2 no answer.")

    @Argument(help: "The correction's id.")
    var id: String

    @Option(help: "The hash that was shown.")
    var hash: String

    @OptionGroup var place: ClockPlace

    func run() async throws {
        try await place.post("corrections/\(ServerAPI.escaped(id))/confirm", ["hash": .string(hash)])
    }
}

/// `countersign sla corrections`: what was changed in clocks' pasts.
struct SLACorrections: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "corrections", abstract: "Corrections of clocks with what was there before.",
        discussion: "Exit codes: 0 listed; 1 refused; 2 no answer.")

    @Option(help: "Of this clock only.")
    var clock: String?

    @Option(name: [.customShort("t"), .customLong("tenant")], help: "The tenant, by its short name.")
    var tenant: String

    @OptionGroup var server: ServerOptions
    @OptionGroup var output: ListOutput

    func run() async throws {
        let query = clock.map { [("clock", $0)] } ?? []
        let items = try await TenantAPI(try server.api(), tenant).get("corrections", query)["items"]?.array ?? []
        output.print(["items": .array(items)]) {
            Terminal.table(
                ["STATE", "CLOCK", "BEFORE", "AFTER", "REASON", "ASKED", "HASH", "ID"],
                items.map { row in
                    [
                        Cells.text(row, "state"), Cells.text(row, "clock"), Cells.text(row, "original/reading/outcome"),
                        Cells.text(row, "corrected/reading/outcome"), Cells.text(row, "reason"), Cells.time(row, "askedAt"),
                        String(Cells.text(row, "hash").prefix(12)), Cells.text(row, "id"),
                    ]
                }, width: Terminal.width)
        }
    }
}

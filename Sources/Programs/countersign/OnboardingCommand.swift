import ArgumentParser
import Glibc
import Kernel
import Showcase

/// `countersign onboarding`: how far tenants have come, from their beginning to their first governed case.
struct OnboardingCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "onboarding", abstract: "Bring tenants in, and see how far each has come.",
        discussion: """
            Most steps settle themselves as soon as what they ask for is so; some are said by a person, and some may be skipped.

            countersign onboarding register ostwerk "Ostwerk GmbH" --partner halden-price
            countersign onboarding list
            countersign onboarding show --tenant ostwerk
            countersign onboarding confirm access --tenant ostwerk --reason "Their IT agreed, letter of 3 November."
            countersign onboarding skip brand --tenant ostwerk --reason "They wear their partner's brand."
            """,
        subcommands: [
            List.self, Show.self, Confirm.self, Skip.self, Register.self, Registrations.self, Withdraw.self,
        ], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "The onboardings that you may see, those under way first.",
            discussion: "Exit codes: 0 listed; 1 you may not see them; 2 no answer.")

        @OptionGroup var choice: ScopeChoice
        @OptionGroup var output: ListOutput

        func run() async throws {
            var rows: [JSONValue] = []
            var seen: Set<String> = []
            for place in try await choice.scopes(permission: "onboarding.read") {
                for row in try await place.get("onboardings")["items"]?.array ?? [] {
                    if seen.insert(Cells.text(row, "id")).inserted { rows.append(row) }
                }
            }
            output.print(["items": .array(rows)]) {
                Terminal.table(
                    ["TENANT", "STEPS", "NEXT", "BEGUN", "FIRST GOVERNED CASE"],
                    rows.map { row in
                        [
                            Cells.text(row, "tenant"), "\(Cells.text(row, "settled")) of \(Cells.text(row, "steps"))",
                            Cells.text(row, "next"), Cells.time(row, "startedAt"), Cells.time(row, "completedAt"),
                        ]
                    }, width: Terminal.width)
            }
        }
    }

    /// One tenant.
    struct Place: ParsableArguments {
        @Option(name: [.customShort("t"), .customLong("tenant")], help: "One tenant, by its short name.")
        var tenant: String

        @OptionGroup var server: ServerOptions
        @OptionGroup var output: ListOutput

        func api() throws -> TenantAPI { TenantAPI(try server.api(), tenant) }

        func show(_ row: JSONValue) {
            output.print(row) {
                let steps = row["list"]?.array ?? []
                let end = Cells.time(row, "completedAt")
                let next = steps.first { $0["state"]?.string == "open" }
                return Terminal.table(
                    ["STEP", "STATE", "WHEN", "WHAT"],
                    steps.map { step in
                        let words = step["missing"] == nil ? Cells.text(step, "reason") : Cells.text(step, "missing")
                        return [
                            Cells.text(step, "step"), Cells.text(step, "state"), Cells.time(step, "at"),
                            words.isEmpty ? Cells.text(step, "title") : words,
                        ]
                    }, width: Terminal.width)
                    + "\n\(Cells.text(row, "settled")) of \(Cells.text(row, "steps")) steps are settled; "
                    + (end.isEmpty ? "begun \(Cells.time(row, "startedAt"))." : "the first governed case was completed \(end).")
                    + (next.map { "\nNext: \(Cells.text($0, "command"))" } ?? "")
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Every step of one tenant, what is missing, and how to go on.",
            discussion: "Exit codes: 0 shown; 1 you may not see it; 2 no answer.")

        @OptionGroup var place: Place

        @Flag(name: [.customShort("w"), .long], help: "Show it again every two seconds until it is completed.")
        var watch = false

        func run() async throws {
            let api = try place.api()
            while true {
                let row = try await api.get("onboarding")
                if watch, isatty(STDOUT_FILENO) == 1 { Terminal.clear() }
                place.show(row)
                guard watch, row["completedAt"]?.string == nil else { return }
                try await Task.sleep(for: .milliseconds(GetCommand.watchMilliseconds))
            }
        }
    }

    struct Confirm: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say that a step is done that nothing in the product can show.",
            discussion: "Exit codes: 0 done; 1 refused; 2 no answer.")

        @Argument(help: "The step: access.")
        var step: String

        @Option(help: "Why, for the audit log.")
        var reason: String

        @OptionGroup var place: Place

        func run() async throws {
            place.show(
                try await place.api().post("onboarding/confirm", ["step": .string(step), "reason": .string(reason)]))
        }
    }

    struct Skip: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Go on without a step; what is seen later takes the place of this.",
            discussion: "Exit codes: 0 skipped; 1 refused; 2 no answer.")

        @Argument(help: "The step: access, brand or contract.")
        var step: String

        @Option(help: "Why, for the audit log.")
        var reason: String

        @OptionGroup var place: Place

        func run() async throws {
            place.show(try await place.api().post("onboarding/skip", ["step": .string(step), "reason": .string(reason)]))
        }
    }

    /// Tenants that are to come lie with the operator.
    struct House: ParsableArguments {
        @OptionGroup var server: ServerOptions
        @OptionGroup var output: ListOutput

        func api() throws -> TenantAPI { TenantAPI(try server.api(), "operator") }
    }

    struct Register: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Register a tenant before there are files of it; its onboarding counts from now.",
            discussion: "Exit codes: 0 registered; 1 refused; 2 no answer.")

        @Argument(help: "Its short name, as its folder will be called.")
        var slug: String

        @Argument(help: "Its name for people.")
        var name: String

        @Option(help: "The short name of the partner that sells to it.")
        var partner: String

        @OptionGroup var house: House

        func run() async throws {
            let row = try await house.api().post(
                "registrations", ["slug": .string(slug), "name": .string(name), "partner": .string(partner)])
            house.output.print(row) { "\(Cells.text(row, "name")) is registered as \(Cells.text(row, "id"))." }
        }
    }

    struct Registrations: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Tenants that are registered and not applied yet.",
            discussion: "Exit codes: 0 listed; 1 you may not see them; 2 no answer.")

        @OptionGroup var house: House

        func run() async throws {
            let rows = try await house.api().get("registrations")["items"]?.array ?? []
            house.output.print(["items": .array(rows)]) {
                Terminal.table(
                    ["TENANT", "NAME", "PARTNER", "REGISTERED", "ID"],
                    rows.map { row in
                        [
                            Cells.text(row, "slug"), Cells.text(row, "name"), Cells.text(row, "partner"),
                            Cells.time(row, "registeredAt"), Cells.text(row, "id"),
                        ]
                    }, width: Terminal.width)
            }
        }
    }

    struct Withdraw: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take a registration back whose tenant has not come.",
            discussion: "Exit codes: 0 taken back; 1 refused; 2 no answer.")

        @Argument(help: "The registration's id.")
        var id: String

        @Option(help: "Why, for the audit log.")
        var reason: String

        @OptionGroup var house: House

        func run() async throws {
            let row = try await house.api().post(
                "registrations/\(ServerAPI.escaped(id))/withdraw", ["reason": .string(reason)])
            house.output.print(row) { "\(Cells.text(row, "slug")) is not expected any more." }
        }
    }
}

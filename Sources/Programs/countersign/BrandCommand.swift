import ArgumentParser
import Assets
import Branding
import Curl
import Kernel
import Showcase
import Tenancy

/// `countersign brand`: how a brand stands, and the way of a change to those who see it.
struct BrandCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "brand",
        abstract: "See a brand with the source of each field, judge it, share it, publish it, take it back.",
        discussion: """
            countersign brand show -t halden-price
            countersign brand check Tenants/partners/halden-price/brand.yaml
            countersign brand draft Tenants/partners/halden-price/brand.yaml -t halden-price
            countersign brand preview -t halden-price
            countersign brand publish -t halden-price
            countersign brand export -t halden-price --to Tenants/partners/halden-price
            """,
        subcommands: [
            Show.self, Check.self, Draft.self, Preview.self, Publish.self, Discard.self, Rollback.self, Export.self,
        ])

    /// The operator, a partner or a tenant.
    struct Target: ParsableArguments {
        @Option(
            name: [.customShort("t"), .customLong("tenant")], help: "The tenant, the partner, or `operator`, by its short name.")
        var tenant: String

        @OptionGroup var server: ServerOptions

        func api() throws -> TenantAPI { TenantAPI(try server.api(), tenant) }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Every field with its value and the level it comes from, and the draft beside it.",
            discussion: "Exit codes: 0 shown; 1 not there; 2 no answer.")

        @OptionGroup var target: Target
        @OptionGroup var output: ListOutput

        func run() async throws {
            let json = try await target.api().get("brand")
            output.print(json) { BrandText.whole(json) }
        }
    }

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Judge a brand's file and its pictures without a server, with the contrast of every pair.",
            discussion: """
                Levels above are not known here; `countersign check` judges the whole folder.
                Exit codes: 0 good; 1 problems; 2 the file cannot be read.
                """)

        @Argument(help: "The file brand.yaml; its pictures lie in `assets` beside it.")
        var file: String

        @OptionGroup var output: OutputOption

        func run() throws {
            let read = try BrandFile(file)
            let resolved = ResolvedBrand([(.operator, read.brand)])
            let report = resolved.contrast
            let issues = read.issues + BrandCheck.issues(read.brand, of: .operator, above: [], others: [])
            if output.form == .json {
                Terminal.print(
                    JSONValue.object([
                        "isGood": .bool(issues.isEmpty), "issues": .array(issues.map { .string($0.description) }),
                        "contrast": .array(report.rows.map(BrandText.pair)),
                    ]).prettyText)
            } else {
                for issue in issues { Terminal.print(issue.description) }
                Terminal.print(BrandText.pairs(report.rows.map(BrandText.pair)))
                Terminal.print(issues.isEmpty ? "good" : "\(issues.count) problems")
            }
            if !issues.isEmpty { throw BadAnswer() }
        }
    }

    struct Draft: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a file and its pictures the draft of the studio; nobody sees it yet.",
            discussion: "Exit codes: 0 the draft can be published; 1 refused, or something stands in its way; 2 no answer.")

        @Argument(help: "The file brand.yaml; its pictures lie in `assets` beside it.")
        var file: String

        @OptionGroup var target: Target

        func run() async throws {
            let read = try BrandFile(file)
            if let issue = read.issues.first { throw BadAnswer(issue.description) }
            let api = try target.api()
            var brand = read.brand
            for picture in read.pictures {
                guard let slot = picture.field.logoSlot else { continue }
                let answer = try await api.server.put(
                    api.path("brand/pictures/\(slot.rawValue)"), bytes: picture.file.bytes)
                brand.values[picture.field] = answer["name"]?.string
            }
            let revision = try await api.get("brand")["draft"]?["revision"] ?? 0
            let answer = try await api.server.send(
                .put, api.path("brand/draft"), ["revision": revision, "content": brand.json])
            Terminal.print(BrandText.standing(answer))
            if answer["draft"]?["state"]?.string != "validated" { throw BadAnswer() }
        }
    }

    struct Preview: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Links under which anybody sees the draft for fifteen minutes.",
            discussion: "Exit codes: 0 made; 1 refused; 2 no answer.")

        @OptionGroup var target: Target
        @OptionGroup var output: ListOutput

        func run() async throws {
            let api = try target.api()
            let json = try await api.post("brand/preview", [:])
            output.print(json) {
                let pages = (json["pages"]?.array ?? []).compactMap(\.string).map { api.server.address + $0 }
                return (["Version \(Cells.text(json, "number")), until \(Cells.text(json, "until")):"] + pages)
                    .joined(separator: "\n")
            }
        }
    }

    struct Publish: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Publish the draft, or confirm what somebody else asked for.",
            discussion: "Exit codes: 0 published, or a second person is asked; 1 refused; 2 no answer.")

        @OptionGroup var target: Target

        func run() async throws {
            let api = try target.api()
            guard let draft = try await api.get("brand")["draft"], draft != .null else { throw BadAnswer("There is no draft.") }
            let answer = try await api.post(
                "brand/draft/publish", ["number": draft["number"] ?? 0, "revision": draft["revision"] ?? 0])
            Terminal.print(BrandText.outcome(answer))
        }
    }

    struct Discard: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Throw the draft away.", discussion: "Exit codes: 0 done; 1 refused; 2 no answer.")

        @OptionGroup var target: Target

        func run() async throws {
            let api = try target.api()
            guard let draft = try await api.get("brand")["draft"], draft != .null else { throw BadAnswer("There is no draft.") }
            _ = try await api.post("brand/draft/discard", ["revision": draft["revision"] ?? 0])
            Terminal.print("Draft \(Cells.text(draft, "number")) is gone.")
        }
    }

    struct Rollback: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Publish an earlier version's content again, as a version of its own.",
            discussion: "Exit codes: 0 published, or a second person is asked; 1 refused; 2 no answer.")

        @Argument(help: "The version's number.")
        var number: Int

        @OptionGroup var target: Target

        func run() async throws {
            let answer = try await target.api().post("brand/rollback", ["number": JSONValue(number)])
            Terminal.print(BrandText.outcome(answer))
        }
    }

    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write what is published as brand.yaml, with its pictures in `assets`, as a folder has it.",
            discussion: "Exit codes: 0 written; 1 nothing is published; 2 no answer.")

        @OptionGroup var target: Target

        @Option(help: "The folder to write into.")
        var to: String

        func run() async throws {
            let api = try target.api()
            let own = try await api.get("brand")["own"] ?? .null
            var ignored: [AssetIssue] = []
            guard var brand = BrandDocument.parse(own, issues: &ignored) else {
                throw BadAnswer("\(target.tenant) has published no brand of its own.")
            }
            for field in BrandDocument.Field.allCases {
                guard let slot = field.logoSlot, let stored = brand.values[field] else { continue }
                let name = "\(BrandText.fileName(slot)).\(stored.suffix(3))"
                try Folder.make("\(to)/assets")
                try Folder.write(try await api.server.bytes("/brand-files/\(stored)"), to: "\(to)/assets/\(name)")
                brand.values[field] = name
            }
            try Folder.make(to)
            try Folder.write(Array((YAMLText.write(brand.json) + "\n").utf8), to: "\(to)/brand.yaml")
            Terminal.print("\(to)/brand.yaml")
        }
    }
}

/// A brand's file with the pictures beside it.
private struct BrandFile {
    let brand: BrandDocument
    let pictures: [BrandPicture]
    let issues: [AssetIssue]

    init(_ path: String) throws {
        let (brand, pictures, issues) = try BrandPicture.read(path)
        self.brand = brand
        self.pictures = pictures
        self.issues = issues
    }
}

enum BrandText {
    static func fileName(_ slot: LogoSlot) -> String {
        switch slot {
        case .light: "logo"
        case .dark: "logo-dark"
        case .mark: "mark"
        case .favicon: "favicon"
        case .mail: "logo-mail"
        case .reportCover: "report-cover"
        }
    }

    static func pair(_ row: ContrastReport.Row) -> JSONValue {
        [
            "pair": .string(row.name), "needs": .string(ContrastReport.text(row.needs)),
            "light": .string(ContrastReport.text(row.light)), "dark": .string(ContrastReport.text(row.dark)),
            "passes": .bool(row.passes),
        ]
    }

    static func pairs(_ rows: [JSONValue]) -> String {
        Terminal.table(
            ["PAIR", "NEEDS", "LIGHT", "DARK", ""],
            rows.map { row in
                ["pair", "needs", "light", "dark"].map { Cells.text(row, $0) } + [row["passes"]?.bool == true ? "" : "fails"]
            }, width: Terminal.width)
    }

    static func standing(_ json: JSONValue) -> String {
        guard let draft = json["draft"], draft != .null else { return "No draft." }
        var lines = ["Draft \(Cells.text(draft, "number")): \(Cells.text(draft, "state"))"]
        lines += (json["issues"]?.array ?? []).map {
            "  \(Cells.text($0, "pointer")): \(Cells.text($0, "message")) \(Cells.text($0, "remedy"))"
        }
        lines += (draft["changes"]?.array ?? []).map { change in
            "  \(Cells.text(change, "field")): \(change["from"]?.string ?? "none") → \(change["to"]?.string ?? "none")"
        }
        if let second = json["secondPerson"]?.string { lines.append(second) }
        return lines.joined(separator: "\n")
    }

    static func whole(_ json: JSONValue) -> String {
        let fields = (json["fields"]?.object ?? [:]).filter { $0.value["value"]?.string?.isEmpty == false }
        let table = Terminal.table(
            ["FIELD", "VALUE", "FROM", "LOCKED BY"],
            fields.map { member in
                [
                    member.key, member.value["value"]?.string ?? "", member.value["source"]?.string ?? "product",
                    member.value["lockedBy"]?.string ?? "",
                ]
            }, width: Terminal.width)
        let versions = (json["versions"]?.array ?? []).map { "\(Cells.text($0, "number")) \(Cells.text($0, "state"))" }
        return [table, standing(json), versions.isEmpty ? "" : "Versions: \(versions.joined(separator: ", "))"]
            .filter { !$0.isEmpty }.joined(separator: "\n\n")
    }

    static func outcome(_ answer: JSONValue) -> String {
        let number = Cells.text(answer, "number")
        return answer["state"]?.string == "asked"
            ? "Version \(number) waits for a second person, who runs the same." : "Version \(number) is published."
    }
}

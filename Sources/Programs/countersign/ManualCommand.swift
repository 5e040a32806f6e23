import ArgumentParser
import Kernel

/// `countersign manual`: the manual as pages for `man`, taken from the commands themselves.
struct ManualCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "manual", abstract: "Write the manual as pages for man.",
        discussion: """
            Without a folder the page goes to standard output: `countersign manual run | man -l -`.
            Exit codes: 0 written; 2 there is no such command, or the folder cannot be written.
            """)

    @Argument(help: "A command; the page of the whole unless given.")
    var command: String?

    @Option(help: "Write every page into this folder of your manuals' section 1; it is made when it does not exist.")
    var out: String?

    func run() throws {
        let root = try ManualEntry.root()
        if let out {
            guard command == nil else { throw ValidationError("--out writes every page; leave the command out.") }
            try InputFile.makeFolder(out)
            for page in ManualPage.all(of: root) {
                let path = "\(out)/\(page.name).1"
                try InputFile.write(path, Array(page.text.utf8))
                Terminal.print(path)
            }
            return
        }
        guard let command else { return Terminal.print(ManualPage.whole(root).text) }
        guard let entry = root.commands.first(where: { $0.name == command }) else {
            throw ValidationError("There is no command \(command). `countersign --help` lists them all.")
        }
        Terminal.print(ManualPage(of: entry, below: root).text)
    }
}

/// One command as it describes itself.
struct ManualEntry {
    struct Argument {
        enum Kind: String { case positional, option, flag }

        let kind: Kind
        /// With their dashes; none for a positional argument.
        let names: [String]
        let value: String
        let help: String
        let isOptional: Bool
        let isRepeating: Bool
        let usual: String?
        let values: [String]

        var longName: String { names.first { $0.hasPrefix("--") } ?? names.first ?? "" }
        /// Every command has it, so that it is told of once.
        var isOfEvery: Bool { ["--help", "--version"].contains(longName) }
    }

    let name: String
    let abstract: String
    let discussion: String
    let arguments: [Argument]
    let commands: [ManualEntry]

    /// Reads what the argument parser says of all commands.
    static func root() throws -> ManualEntry {
        let json = try JSONValue(parsing: Array(Countersign._dumpHelp().utf8))
        guard let command = json["command"] else { throw Fault("reading the commands", "there are none", isRetryable: false) }
        return ManualEntry(command)
    }

    private init(_ json: JSONValue) {
        name = json["commandName"]?.string ?? ""
        abstract = json["abstract"]?.string ?? ""
        discussion = json["discussion"]?.string ?? ""
        arguments = (json["arguments"]?.array ?? []).compactMap(Argument.init)
        commands = (json["subcommands"]?.array ?? []).filter { $0["shouldDisplay"]?.bool ?? true }.map(ManualEntry.init)
            .filter { $0.name != "help" }
    }
}

extension ManualEntry.Argument {
    /// Nil for what is not shown.
    fileprivate init?(_ json: JSONValue) {
        guard json["shouldDisplay"]?.bool ?? true, let kind = json["kind"]?.string.flatMap(Kind.init(rawValue:)) else {
            return nil
        }
        self.kind = kind
        names = (json["names"]?.array ?? []).compactMap { item in
            item["name"]?.string.map { (item["kind"]?.string == "long" ? "--" : "-") + $0 }
        }
        value = json["valueName"]?.string ?? ""
        help = json["abstract"]?.string ?? ""
        isOptional = json["isOptional"]?.bool ?? false
        isRepeating = json["isRepeating"]?.bool ?? false
        usual = json["defaultValue"]?.string
        values = (json["allValues"]?.array ?? []).compactMap(\.string)
    }
}

/// A page in the macros of man(7).
struct ManualPage {
    let name: String
    let text: String

    private init(name: String, text: String) {
        self.name = name
        self.text = text
    }

    static func all(of root: ManualEntry) -> [ManualPage] {
        [whole(root)] + root.commands.map { ManualPage(of: $0, below: root) }
    }

    /// The page of the program: what it is for, and what each command does.
    static func whole(_ root: ManualEntry) -> ManualPage {
        var page = Roff(title: root.name, abstract: root.abstract)
        page.section("Synopsis")
        page.line(".B", root.name)
        page.line(".I", "command")
        page.paragraph("[arguments]")
        page.section("Description")
        page.paragraphs(root.discussion)
        page.section("Commands")
        for command in root.commands { page.item(".BR", "\(root.name)-\(command.name) (1)", command.abstract) }
        page.options(root.arguments)
        page.section("Environment")
        page.item(".B", "COUNTERSIGN_SERVER", "Address of the server, where no option names it.")
        page.item(".B", "COUNTERSIGN_TOKEN", "A session token or an API key.")
        page.item(".B", "NO_COLOR", "Set to anything, nothing is coloured.")
        return ManualPage(name: root.name, text: page.text)
    }

    /// The page of a command with all that stand below it.
    init(of entry: ManualEntry, below root: ManualEntry) {
        name = "\(root.name)-\(entry.name)"
        var page = Roff(title: name, abstract: entry.abstract)
        page.section("Synopsis")
        ManualPage.synopsis(of: entry, path: "\(root.name) \(entry.name)", on: &page)
        page.section("Description")
        page.paragraphs(entry.discussion.isEmpty ? entry.abstract : entry.discussion)
        page.options(entry.arguments)
        if !entry.commands.isEmpty {
            page.section("Commands")
            for command in entry.commands { ManualPage.add(command, path: "\(root.name) \(entry.name)", to: &page) }
        }
        page.section("See also")
        page.line(".BR", "\(root.name) (1)")
        text = page.text
    }

    private static func add(_ entry: ManualEntry, path: String, to page: inout Roff) {
        let path = "\(path) \(entry.name)"
        page.subsection(path)
        synopsis(of: entry, path: path, on: &page)
        page.paragraphs(entry.abstract)
        page.paragraphs(entry.discussion)
        page.options(entry.arguments.filter { !$0.isOfEvery }, isSection: false)
        for command in entry.commands { add(command, path: path, to: &page) }
    }

    private static func synopsis(of entry: ManualEntry, path: String, on page: inout Roff) {
        guard entry.commands.isEmpty else {
            page.line(".B", path)
            page.line(".I", "command")
            return
        }
        page.line(".B", path)
        let parts = entry.arguments.filter { !$0.isOfEvery }.map { argument in
            let plain =
                switch argument.kind {
                case .positional: "<\(argument.value)>"
                case .flag: argument.longName
                case .option: "\(argument.longName) \(argument.value)"
                }
            let repeated = argument.isRepeating ? "\(plain) ..." : plain
            return argument.isOptional || argument.usual != nil || argument.kind == .flag ? "[\(repeated)]" : repeated
        }
        if !parts.isEmpty { page.paragraph(parts.joined(separator: " ")) }
    }
}

/// Lines of man(7); texts are escaped, so that nothing in them is taken for a request.
private struct Roff {
    private(set) var text: String

    init(title: String, abstract: String) {
        text =
            ".TH \"\(Roff.escaped(title.uppercased()))\" 1\n.SH NAME\n\(Roff.escaped(title)) \\- \(Roff.escaped(abstract))\n"
    }

    mutating func section(_ title: String) { text += ".SH \(Roff.escaped(title.uppercased()))\n" }
    mutating func subsection(_ title: String) { text += ".SS \"\(Roff.escaped(title))\"\n" }
    mutating func line(_ macro: String, _ words: String) { text += "\(macro) \(Roff.escaped(words))\n" }
    mutating func paragraph(_ words: String) { text += "\(Roff.escaped(words))\n" }

    mutating func paragraphs(_ words: String) {
        for line in words.split(separator: "\n", omittingEmptySubsequences: true) {
            text += ".PP\n\(Roff.escaped(String(line)))\n"
        }
    }

    mutating func item(_ macro: String, _ head: String, _ words: String) {
        text += ".TP\n\(macro) \(Roff.escaped(head))\n\(Roff.escaped(words))\n"
    }

    mutating func options(_ arguments: [ManualEntry.Argument], isSection: Bool = true) {
        guard !arguments.isEmpty else { return }
        if isSection { section("Options") }
        for argument in arguments {
            let head =
                argument.kind == .positional
                ? argument.value : argument.names.joined(separator: ", ") + (argument.kind == .option ? " \(argument.value)" : "")
            var words = argument.help
            if !argument.values.isEmpty { words += " One of: \(argument.values.joined(separator: ", "))." }
            if let usual = argument.usual, argument.kind != .flag { words += " Usually \(usual)." }
            item(".B", head, words.isEmpty ? argument.value : words)
        }
    }

    static func escaped(_ text: String) -> String {
        var out = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": out += "\\e"
            case "-": out += "\\-"
            case "\"": out += "\\(dq"
            case "\n", "\r", "\t": out += " "
            // Pages are read in whatever encoding the reader's man expects, so they keep to ASCII.
            default: out += scalar.isASCII ? String(scalar) : "\\[u\(hex(scalar.value))]"
            }
        }
        guard let first = out.first, first == "." || first == "'" else { return out }
        return "\\&" + out
    }

    /// At least four digits.
    private static func hex(_ value: UInt32) -> String {
        let digits = String(value, radix: 16, uppercase: true)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}

import Curl
import Glibc
import Incidents
import Kernel

/// What the watchdog looks at and whom it calls: its file, strict JSON. Secrets lie in files of their own.
struct WatchSettings: Sendable {
    static let fileBytesMax = 65_536
    static let secretBytesMax = 4_096
    static let serversMax = 50
    static let channelsMax = 10

    /// A way to reach people.
    enum Channel: Sendable {
        case mail(server: String, from: String, to: String, user: String?, password: String?, isEncrypted: Bool)
        case webhook(url: String, bearer: String?)
    }

    /// The installation's name in every message.
    var site = "Countersign"
    /// Addresses of servers, each asked for `/readyz`.
    var servers: [String] = []
    /// How old the newest sign of life in the database may be; nil where the database is not looked at.
    var beatSecondsMax: Int64?
    var everySeconds: Int64 = 15
    var terms = PlatformWatch.Terms()
    var channels: [Channel] = []
    /// An address outside that expects to be called, so that somebody notices when the watchdog itself is gone.
    var deadMan: (url: String, everySeconds: Int64)?

    init(file path: String) throws {
        let bytes = try FileBytes.read(path, maxBytes: WatchSettings.fileBytesMax)
        let json: JSONValue
        do throws(JSONParseFailure) {
            json = try JSONValue(parsing: bytes, maxBytes: WatchSettings.fileBytesMax)
        } catch {
            throw WatchSettings.wrong("\(path):\(error.line):\(error.column): \(error.message)")
        }
        do throws(Refusal) {
            try self.init(json)
        } catch {
            throw WatchSettings.wrong("\(path)\(error.message)")
        }
    }

    /// Reads the members; a refusal begins with the pointer of what is wrong.
    init(_ json: JSONValue) throws(Refusal) {
        let fields = try Members(
            json, at: "#",
            known: ["site", "servers", "database", "everySeconds", "failuresMin", "repeatSeconds", "channels", "deadMan"])
        site = try fields.text("site") ?? site
        everySeconds = try fields.whole("everySeconds", 1...3600) ?? everySeconds
        terms.failuresMin = Int(try fields.whole("failuresMin", 1...100) ?? Int64(terms.failuresMin))
        terms.repeatSeconds = try fields.whole("repeatSeconds", 60...86_400) ?? terms.repeatSeconds
        for (index, item) in try fields.list("servers", max: WatchSettings.serversMax).enumerated() {
            guard let url = item.string, WatchSettings.place(of: url) != nil else {
                throw WatchSettings.wrong("#/servers/\(index): An address such as https://countersign.example is expected here.")
            }
            servers.append(url.hasSuffix("/") ? String(url.dropLast()) : url)
        }
        if let database = fields.object["database"] {
            let inner = try Members(database, at: "#/database", known: ["beatSecondsMax"])
            beatSecondsMax = try inner.whole("beatSecondsMax", 30...86_400) ?? 120
        }
        for (index, item) in try fields.list("channels", max: WatchSettings.channelsMax).enumerated() {
            channels.append(try WatchSettings.channel(item, at: "#/channels/\(index)"))
        }
        if let json = fields.object["deadMan"] {
            let inner = try Members(json, at: "#/deadMan", known: ["url", "everySeconds"])
            deadMan = (try inner.address("url"), try inner.whole("everySeconds", 10...86_400) ?? 60)
        }
        guard !channels.isEmpty else { throw WatchSettings.wrong("#/channels: Nobody would be called. Name a channel.") }
        guard !servers.isEmpty || beatSecondsMax != nil else {
            throw WatchSettings.wrong("#/servers: Nothing would be looked at. Name a server, or the database.")
        }
    }

    private static func channel(_ json: JSONValue, at pointer: String) throws(Refusal) -> Channel {
        switch json["kind"]?.string {
        case "mail":
            let fields = try Members(
                json, at: pointer, known: ["kind", "server", "from", "to", "user", "passwordFile", "encrypted"])
            guard let from = try fields.text("from"), let to = try fields.text("to") else {
                throw wrong("\(pointer): A mail needs `server`, `from` and `to`.")
            }
            return .mail(
                server: try fields.address("server"), from: from, to: to, user: try fields.text("user"),
                password: try fields.secret("passwordFile"), isEncrypted: json["encrypted"]?.bool ?? true)
        case "webhook":
            let fields = try Members(json, at: pointer, known: ["kind", "url", "bearerFile"])
            return .webhook(url: try fields.address("url"), bearer: try fields.secret("bearerFile"))
        default: throw wrong("\(pointer)/kind: A channel is `mail` or `webhook`.")
        }
    }

    static func wrong(_ text: String) -> Refusal { Refusal(.invalid, reason: "watchdog.settings", text) }

    /// Host and port of an address as its scheme has them; nil when it is none.
    static func place(of url: String) -> (host: String, port: Int)? {
        let ports = ["http": 80, "https": 443, "smtp": 25, "smtps": 465]
        guard let mark = url.firstRange(of: "://"), let usual = ports[String(url[..<mark.lowerBound])] else { return nil }
        let place = url[mark.upperBound...].prefix { $0 != "/" && $0 != "?" }
        guard !place.isEmpty, !place.contains("@") else { return nil }
        guard let colon = place.lastIndex(of: ":"), !place.hasSuffix("]") else { return (String(place), usual) }
        guard let port = Int(place[place.index(after: colon)...]), (1...65_535).contains(port) else { return nil }
        return (String(place[..<colon]), port)
    }

    /// The operator named these addresses in this file, so they may be private; no other host may be dialled.
    func egress(for url: String) -> EgressPolicy {
        guard let place = WatchSettings.place(of: url) else { return EgressPolicy() }
        let host = place.host.hasPrefix("[") ? String(place.host.dropFirst().dropLast()) : place.host
        return EgressPolicy(
            entries: ["0.0.0.0/0", "::/0"].compactMap { NetworkRange($0) }.map { .init(host: host, port: place.port, range: $0) })
    }
}

/// The members of an object of the file, each read by name; unknown ones are refused.
private struct Members {
    let object: JSONObject
    let pointer: String

    init(_ json: JSONValue, at pointer: String, known: [String]) throws(Refusal) {
        guard let object = json.object else { throw WatchSettings.wrong("\(pointer): An object is expected here.") }
        for key in object.keys where !known.contains(key) {
            throw WatchSettings.wrong("\(pointer)/\(key): This is not known here; known are \(known.joined(separator: ", ")).")
        }
        self.object = object
        self.pointer = pointer
    }

    func text(_ name: String) throws(Refusal) -> String? {
        guard let value = object[name] else { return nil }
        guard let text = value.string, (1...500).contains(text.utf8.count), !text.contains(where: \.isNewline) else {
            throw WatchSettings.wrong("\(pointer)/\(name): A text in one line is expected here.")
        }
        return text
    }

    func address(_ name: String) throws(Refusal) -> String {
        guard let text = try text(name), WatchSettings.place(of: text) != nil else {
            throw WatchSettings.wrong("\(pointer)/\(name): An address with its scheme is expected here.")
        }
        return text
    }

    func whole(_ name: String, _ range: ClosedRange<Int64>) throws(Refusal) -> Int64? {
        guard let value = object[name] else { return nil }
        guard let number = value.int64, range.contains(number) else {
            throw WatchSettings.wrong(
                "\(pointer)/\(name): A whole number from \(range.lowerBound) to \(range.upperBound) is expected here.")
        }
        return number
    }

    func list(_ name: String, max: Int) throws(Refusal) -> [JSONValue] {
        guard let value = object[name] else { return [] }
        guard let items = value.array, items.count <= max else {
            throw WatchSettings.wrong("\(pointer)/\(name): A list of at most \(max) is expected here.")
        }
        return items
    }

    /// The first line of a file.
    func secret(_ name: String) throws(Refusal) -> String? {
        guard let path = try text(name) else { return nil }
        do throws(Fault) {
            let bytes = try FileBytes.read(path, maxBytes: WatchSettings.secretBytesMax)
            return String(decoding: bytes.prefix { $0 != 10 && $0 != 13 }, as: UTF8.self)
        } catch {
            throw WatchSettings.wrong("\(pointer)/\(name): \(error)")
        }
    }
}

import Connectors
import Kernel
import Testing

struct Mistake: Sendable {
    let pointer: String
    /// Nil removes the member.
    let value: JSONValue?
    let place: String
    let remedy: String

    init(_ pointer: String, _ value: JSONValue?, _ place: String, _ remedy: String) {
        self.pointer = pointer
        self.value = value
        self.place = place
        self.remedy = remedy
    }
}

@Suite("Mapping files")
struct MappingTests {
    /// The document with the value at a pointer replaced, or removed.
    private func issues(at pointer: String, _ value: JSONValue?) throws -> [AssetIssue] {
        func replace(_ json: JSONValue, _ parts: ArraySlice<Substring>) -> JSONValue {
            guard let part = parts.first else { return value ?? .null }
            if case .array(var items) = json, let index = Int(part) {
                items[index] = replace(items[index], parts.dropFirst())
                return .array(items)
            }
            guard var object = json.object else { return json }
            if parts.count == 1, value == nil {
                object[String(part)] = nil
            } else {
                object[String(part)] = replace(object[String(part)] ?? .null, parts.dropFirst())
            }
            return .object(object)
        }
        var issues: [AssetIssue] = []
        _ = ConnectorMapping.parse(replace(try Sample.mapping(), pointer.split(separator: "/")[...]), issues: &issues)
        return issues
    }

    @Test("the library's mapping is without fault")
    func library() throws {
        var issues: [AssetIssue] = []
        let mapping = try #require(ConnectorMapping.parse(try Sample.mapping(), issues: &issues))
        #expect(issues.isEmpty, "\(issues)")
        #expect(mapping.readable == ["bill", "order", "receipts", "supplier"])
        #expect(mapping.writable == ["bill"])
        #expect(mapping.secretNames == ["token"])
    }

    static let mistakes: [Mistake] = [
        Mistake("/auth/kind", "bearar", "/auth/kind", "Did you mean `bearer`?"),
        Mistake("/auth/secret", nil, "/auth", "Add `secret`."),
        Mistake("/limits/ratePerSecund", 3, "/limits/ratePerSecund", "Did you mean `ratePerSecond`?"),
        Mistake("/limits/concurrency", 0, "/limits/concurrency", "Write such a number."),
        Mistake("/objects/suplier", [:], "/objects/suplier", "Did you mean `supplier`?"),
        Mistake("/objects/order/find/0/path", "api", "/objects/order/find/0/path", "Begin with one `/`"),
        Mistake("/objects/order/find/0/path", "/a?b=c", "/objects/order/find/0/path", "parameters belong into `query`"),
        Mistake("/objects/order/find/0/query/number", "{keys.number}", "/objects/order/find/0/query/number", "Write a path"),
        Mistake("/objects/order/find/0/query/number", "{key.number", "/objects/order/find/0/query/number", "places to fill"),
        Mistake("/objects/order/find/0/keys", nil, "/objects/order/find/0", "List the keys"),
        Mistake("/objects/order/map", nil, "/objects/order", "Add `map`"),
        Mistake("/objects/order/map/number/as", "txt", "/objects/order/map/number/as", "Did you mean `text`?"),
        Mistake("/objects/order/map/currency", "$.", "/objects/order/map/currency", "Write a path"),
        Mistake("/objects/order/map/lines/map", nil, "/objects/order/map/lines", "Add `map`"),
        Mistake("/objects/order/map/lines/map/quantity/unit", nil, "/objects/order/map/lines/map/quantity", "with `unit`"),
        Mistake(
            "/objects/order/map/lines/map/netAmount/as", "text", "/objects/order/map/lines/map/netAmount/currency", "as: amount"),
        Mistake("/objects/order/write", [:], "/objects/order/write", "Remove `write`."),
        Mistake("/objects/bill/write/compare", nil, "/objects/bill/write", "the total among them"),
        Mistake("/objects/bill/write/create/method", "GET", "/objects/bill/write/create", "method: POST"),
        Mistake("/objects/bill/write/output", nil, "/objects/bill/write", "Add `output`."),
        Mistake("/objects/bill/find/0/paging/kind", "scrolling", "/objects/bill/find/0/paging/kind", "Choose one"),
        Mistake("/answers/rules/0/meaning", "denied", "/answers/rules/0/meaning", "Choose one"),
        Mistake("/answers/rules/0/status", [99], "/answers/rules/0/status", "Write [429]"),
        Mistake("/answers/failure", nil, "/answers/rules/2/codes", "Add `failure`"),
        Mistake("/kind", "conector", "/kind", "Write `kind: connector`."),
    ]

    @Test("every mistake is told with its place and its remedy", arguments: MappingTests.mistakes)
    func located(mistake: Mistake) throws {
        let found = try issues(at: mistake.pointer, mistake.value)
        #expect(found.contains { $0.pointer == mistake.place && $0.remedy.contains(mistake.remedy) }, "\(found)")
    }

    @Test("an expression in a mapping is checked when it is published")
    func expressions() throws {
        let wrong = try issues(at: "/objects/supplier/map/category", ["cel": "item.category +"])
        #expect(wrong.contains { $0.pointer == "/objects/supplier/map/category/cel" }, "\(wrong)")
        let unknown = try issues(at: "/objects/supplier/map/category", ["cel": "secrets.token"])
        #expect(!unknown.isEmpty)
        #expect(try issues(at: "/objects/supplier/map/category", ["cel": "has(item.group) ? item.group : 'none'"]).isEmpty)
    }

    @Test("an expression computes a field from the whole object")
    func computed() async throws {
        var mapping = try #require(try Sample.mapping().object)
        var objects = try #require(mapping["objects"]?.object)
        var supplier = try #require(objects["supplier"]?.object)
        var map = try #require(supplier["map"]?.object)
        map["category"] = ["first": ["$.group", ["cel": "item.city + '/' + item.country"], ["literal": "$none"]]]
        supplier["map"] = .object(map)
        objects["supplier"] = .object(supplier)
        mapping["objects"] = .object(objects)
        let system = ScriptedSystem([.json(Sample.list(["number": "V-1", "name": "N", "country": "DE", "city": "Kiel"]))])
        let engine = try Sample.engine(system, connection: try Sample.connection(.object(mapping)))
        guard case .completed(let output) = await engine.read(["object": "supplier", "key": ["number": "V-1"]]) else {
            return #expect(Bool(false))
        }
        #expect(output["supplier"]?["category"] == "Kiel/DE")
        #expect(output["supplier"]?["bankAccounts"] == [], "an identifier without value is left out whole")
    }

    @Test("whatever is broken in a mapping, reading it ends with issues and never with a crash")
    func mutations() throws {
        let seed: UInt64 = 20_260_714
        print("seed \(seed)")
        var state = seed
        func roll(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % max(1, bound)
        }
        let junk: [JSONValue] = [
            .null, true, 7, "", "$", "$.", "$['", "{", [], [:], ["take": 1], ["each": "$.x"], ["cel": "1 +"], "/../x",
            .array([.null]),
        ]
        func mutate(_ json: JSONValue, _ depth: Int) -> JSONValue {
            if depth == 0 || roll(12) == 0 { return junk[roll(junk.count)] }
            switch json {
            case .object(let object) where !object.isEmpty:
                var copy = object
                let member = object.members[roll(object.count)]
                copy[member.key] = mutate(member.value, depth - 1)
                return .object(copy)
            case .array(var items) where !items.isEmpty:
                let index = roll(items.count)
                items[index] = mutate(items[index], depth - 1)
                return .array(items)
            default: return junk[roll(junk.count)]
            }
        }
        let original = try Sample.mapping()
        var refused = 0
        for _ in 0..<300 {
            var issues: [AssetIssue] = []
            if ConnectorMapping.parse(mutate(original, 8), issues: &issues) == nil {
                refused += 1
                #expect(!issues.isEmpty)
            }
        }
        #expect(refused > 150)
    }
}

import Connectors
import Finance
import Kernel
import Testing

@Suite("Reading suppliers, orders and receipts")
struct ReadTests {
    private func read(
        _ object: String, _ key: JSONValue, _ words: [ScriptedSystem.Word]
    ) async throws -> (ConnectorOutcome, ScriptedSystem) {
        let system = ScriptedSystem(words)
        let outcome = try await Sample.engine(system).read(["object": .string(object), "key": key])
        return (outcome, system)
    }

    private let supplier: JSONValue = [
        "number": "V-100", "name": "Stahlhandel Nord GmbH", "vatId": "DE136695976", "iban": "DE89370400440532013000",
        "country": "DE",
        "city": "Kiel", "currency": "EUR", "blocked": false,
    ]

    @Test("a supplier becomes a canonical one")
    func canonicalSupplier() async throws {
        let (outcome, system) = try await read("supplier", ["vatId": "DE136695976"], [.json(Sample.list(supplier))])
        guard case .completed(let output) = outcome else { return #expect(Bool(false), "\(outcome)") }
        #expect(output["found"] == true)
        let read = try Supplier(json: try #require(output["supplier"]))
        #expect(read.legalName == "Stahlhandel Nord GmbH")
        #expect(read.status == .active)
        #expect(read.bankAccounts == [Identifier(scheme: "iban", value: "DE89370400440532013000")])
        #expect(system.lines == ["GET /api/v1/suppliers?vatId=DE136695976"])
    }

    @Test("nobody found and nothing to look for are the same answer: not found")
    func notFound() async throws {
        let (nobody, _) = try await read("supplier", ["vatId": "DE1"], [.json(Sample.none)])
        guard case .completed(let output) = nobody else { return #expect(Bool(false), "\(nobody)") }
        #expect(output["found"] == false)
        #expect(output["supplier"] == nil)
        let (nothing, system) = try await read("supplier", ["vatId": nil, "iban": ""], [])
        guard case .completed(let empty) = nothing else { return #expect(Bool(false), "\(nothing)") }
        #expect(empty["found"] == false)
        #expect(system.asked.isEmpty)
    }

    @Test("two suppliers under one VAT id are not guessed between")
    func ambiguous() async throws {
        let (outcome, _) = try await read("supplier", ["vatId": "DE136695976"], [.json(Sample.list(supplier, supplier))])
        guard case .refused("AMBIGUOUS", _) = outcome else { return #expect(Bool(false), "\(outcome)") }
    }

    @Test("an order keeps the exact digits of its prices, whatever form the ERP prints numbers in")
    func exactDigits() async throws {
        let order = try JSONValue(
            parsing: """
                {"value":[{"number":"PO-7","supplierNumber":"V-100","orderDate":"2026-07-01","currency":"EUR","lines":[
                {"line":"10","description":"Steel","quantity":400.0,"unit":"KGM","unitPrice":0.0735,
                "netAmount":29.40,"receiptRequired":true,"received":4E2},
                {"line":20,"quantity":"1.5","unit":"HUR","unitPrice":1e2,"netAmount":1.5E+2}]}]}
                """)
        let (outcome, _) = try await read("order", ["number": "PO-7"], [.json(order)])
        guard case .completed(let output) = outcome else { return #expect(Bool(false), "\(outcome)") }
        let read = try PurchaseOrder(json: try #require(output["order"]))
        #expect(read.lines[0].unitPrice.text == "0.0735")
        #expect(read.lines[0].netAmount.text == "29.40")
        #expect(read.lines[0].receivedQty == ExactDecimal("400"))
        #expect(read.lines[1].unitPrice.text == "100")
        #expect(read.lines[1].netAmount.text == "150")
        #expect(read.lines[1].lineNo == "20")
        #expect(read.lines[0].grRequired && !read.lines[1].grRequired)
    }

    @Test(
        "a number that cannot be kept exactly is refused with its place and never rounded",
        arguments: [
            "12345678901234567890.12", "0.123456789", "1e40", "1e-20", "-1e999", "\"12abc\"", "\"1,5\"", "true", "[1]",
            "\"\\u0031e\"",
        ])
    func overlongNumbers(number: String) async throws {
        let order = try JSONValue(
            parsing: """
                {"value":[{"number":"PO-7","supplierNumber":"V","orderDate":"2026-07-01","currency":"EUR","lines":[
                {"line":"10","quantity":1,"unit":"C62","unitPrice":\(number),"netAmount":1}]}]}
                """)
        let (outcome, _) = try await read("order", ["number": "PO-7"], [.json(order)])
        guard case .failed("protocol", let message, _) = outcome else { return #expect(Bool(false), "\(outcome)") }
        #expect(message.contains("/lines/0/unitPrice"), "\(message)")
        #expect(!message.contains("12345678901234567890"), "values stay out of messages")
    }

    @Test("receipts come over all pages")
    func pages() async throws {
        func receipt(_ number: Int) -> JSONValue {
            [
                "number": .string("GR-\(number)"), "orderNumber": "PO-7", "supplierNumber": "V-100", "receiptDate": "2026-07-10",
                "lines": [["orderLine": "10", "quantity": JSONValue(number), "unit": "KGM", "accepted": "3"]],
            ]
        }
        let (outcome, system) = try await read(
            "receipts", ["orderNumber": "PO-7"],
            [
                .json([
                    "value": [receipt(1), receipt(2)], "@odata.nextLink": "/api/v1/receipts?orderNumber=PO-7&$top=50&$skip=2",
                ]),
                .json(["value": [receipt(3)], "@odata.nextLink": "https://erp.example/api/v1/receipts?$skip=3"]),
                .json(["value": [receipt(4)]]),
            ])
        guard case .completed(let output) = outcome else { return #expect(Bool(false), "\(outcome)") }
        let read = try (output["receipts"]?.array ?? []).map { try GoodsReceipt(json: $0) }
        #expect(read.map(\.number) == ["GR-1", "GR-2", "GR-3", "GR-4"])
        #expect(read[0].lines[0].poRef == OrderLineRef(number: "PO-7", lineNo: "10"))
        #expect(system.asked[2].url == "https://erp.example/api/v1/receipts?$skip=3")
    }

    @Test(
        "a next page elsewhere, in a circle or without end is refused",
        arguments: [
            "https://evil.example/api", "//evil.example/api", "https://erp.example.evil.example/x",
            "https://erp.example@evil.example/", "/a/../../b",
            "/api\\x", "javascript:alert(1)", "",
        ])
    func foreignPages(link: String) async throws {
        let (outcome, system) = try await read(
            "receipts", ["orderNumber": "PO-7"], [.json(["value": [], "@odata.nextLink": .string(link)])])
        guard case .failed("protocol", _, _) = outcome else { return #expect(Bool(false), "\(outcome)") }
        #expect(system.asked.count == 1, "the token went nowhere else")
    }

    @Test("paging ends at its bounds, with a failure and not with half a list")
    func pagingBounds() async throws {
        let circle = ScriptedSystem.Word.json(["value": [], "@odata.nextLink": "/api/v1/receipts?$skip=0"])
        let (round, one) = try await read("receipts", ["orderNumber": "PO-7"], [circle, circle, circle])
        guard case .failed("protocol", let why, _) = round else { return #expect(Bool(false), "\(round)") }
        #expect(why.contains("leads back"))
        #expect(one.asked.count == 2)
        let endless = (0..<60).map {
            ScriptedSystem.Word.json(["value": [], "@odata.nextLink": .string("/api/v1/receipts?$skip=\($0)")])
        }
        let (long, two) = try await read("receipts", ["orderNumber": "PO-7"], endless)
        guard case .failed("protocol", _, _) = long else { return #expect(Bool(false), "\(long)") }
        #expect(two.asked.count == 40)
        let rows = JSONValue.array((0..<2_001).map { ["number": JSONValue($0)] })
        let (many, _) = try await read("receipts", ["orderNumber": "PO-7"], [.json(["value": rows])])
        guard case .failed("protocol", _, _) = many else { return #expect(Bool(false), "\(many)") }
    }

    @Test(
        "an answer that is no answer is a failure of the protocol with the reason in words",
        arguments: [
            (ScriptedSystem.Word.html, "text/html"), (.text("{\"value\":[]", status: 200), "not JSON"),
            (.text("{\"value\":[],\"value\":[]}"), "not JSON"),
            (.text("", type: "application/json", status: 301), "301"), (.json(["rows": []]), "no list"), (.json([]), "no list"),
        ])
    func brokenAnswers(word: ScriptedSystem.Word, reason: String) async throws {
        let (outcome, _) = try await read("supplier", ["number": "V-100"], [word])
        guard case .failed("protocol", let message, _) = outcome else { return #expect(Bool(false), "\(outcome)") }
        #expect(message.contains(reason), "\(message)")
    }

    @Test("failures of the way keep their names, and the pause the system asks for is kept, as a number or as a date")
    func transport() async throws {
        let gzip = ScriptedSystem.Word.failure(
            ExchangeFailure(code: "bad-encoding", message: "broken gzip", mayHaveBeenSent: true))
        #expect(
            try await read("supplier", ["number": "V"], [gzip]).0
                == .failed(code: "bad-encoding", message: "broken gzip", retryAfterSeconds: nil))
        func pause(_ text: String) async throws -> Int? {
            let word = ScriptedSystem.Word.json(
                ["error": ["code": "TooManyRequests", "message": "Slow down."]], status: 429,
                headers: [(name: "retry-after", value: text)])
            guard case .failed("rate-limit", _, let seconds) = try await read("supplier", ["number": "V"], [word]).0 else {
                return -1
            }
            return seconds
        }
        #expect(try await pause("3") == 3)
        #expect(try await pause("999999") == 3600)
        #expect(try await pause("soon") == nil)
        #expect(try await pause("Mon, 26 Oct 2026 07:33:25 GMT") == 5, "five seconds after the test's now")
        #expect(try await pause("Sun, 06 Nov 1994 08:49:37 GMT") == 0)
    }

    @Test("what is filled into an address can neither leave its place nor add to it")
    func encoding() async throws {
        let (_, system) = try await read("supplier", ["number": "V-1&blocked=false#x/../ü"], [.json(Sample.none)])
        #expect(system.lines == ["GET /api/v1/suppliers?number=V-1%26blocked%3Dfalse%23x%2F..%2F%C3%BC"])
    }

    @Test("objects and keys the mapping does not know are refused")
    func unknown() async throws {
        for (object, key) in [("customer", ["number": "1"] as JSONValue), ("order", ["color": "red"])] {
            let (outcome, system) = try await read(object, key, [])
            guard case .refused("mapping", _) = outcome else { return #expect(Bool(false), "\(outcome)") }
            #expect(system.asked.isEmpty)
        }
    }

    @Test("a connection is tried out by its probe")
    func probe() async throws {
        let system = ScriptedSystem([
            .json(Sample.none), .json(["error": ["code": "Unauthorized", "message": "no"]], status: 401),
        ])
        let engine = try Sample.engine(system)
        #expect(await engine.probe() == .completed(output: ["reachable": true, "milliseconds": 0]))
        #expect(await engine.probe() == .failed(code: "auth", message: "no", retryAfterSeconds: nil))
    }
}

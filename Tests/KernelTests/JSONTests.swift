import Kernel
import TestBasics
import Testing

@Suite("strict JSON")
struct JSONTests {
    @Test("the published parsing cases agree")
    func conformance() throws {
        guard let directory = Checkout.published("vectors/json") else { return }
        let tally = try JSONConformance.run(directory: directory)
        print("json conformance: \(tally.summary)")
        #expect(tally.failures.isEmpty, "\(tally.failures)")
        #expect(tally.passed > 200)
    }

    @Test("the reader tells byte, line and column of what is wrong")
    func location() {
        let failure = #expect(throws: JSONParseFailure.self) { try JSONValue(parsing: "{\"ä\": 1,\n \"b\": tru}") }
        #expect(failure?.line == 2)
        #expect(failure?.column == 7)
        #expect(failure?.offset == 16)
    }

    @Test("a second approver's role cannot be smuggled in under the same name, few members or many")
    func duplicates() throws {
        #expect(throws: JSONParseFailure.self) { try JSONValue(parsing: #"{"role":"viewer","r\u006fle":"admin"}"#) }
        for count in [2, 15, 16, 17, 18, 500] {
            let names = (0..<count).map { "\"m\($0)\":\($0)" }
            #expect(try JSONValue(parsing: "{" + names.joined(separator: ",") + "}").object?.count == count)
            for repeated in [0, count / 2, count - 1] {
                let text = "{" + (names + ["\"m\(repeated)\":1"]).joined(separator: ",") + "}"
                #expect(throws: JSONParseFailure.self) { try JSONValue(parsing: text) }
            }
        }
    }

    @Test("depth and size have bounds")
    func bounds() throws {
        let deep = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
        #expect(throws: Never.self) { try JSONValue(parsing: deep) }
        #expect(throws: JSONParseFailure.self) { try JSONValue(parsing: "[" + deep + "]") }
        #expect(throws: JSONParseFailure.self) { try JSONValue(parsing: String(repeating: "[", count: 1_000_000)) }
        #expect(throws: JSONParseFailure.self) { try JSONValue(parsing: Array("[1,2]".utf8), maxBytes: 4) }
        #expect(try JSONValue(parsing: Array("  [1] ".utf8)[1...4]) == [1])
    }

    @Test("numbers keep their text and strings their code points")
    func exactness() throws {
        let text = "{\"\u{E9}\":1.10,\"e\u{301}\":-0,\"big\":123456789012345678901234567890,\"e\":1E+2}"
        let value = try JSONValue(parsing: text)
        #expect(sameBytes(value.text, text))
        #expect(value.object?.count == 4)
        #expect(JSONValue.string("\u{E9}") != JSONValue.string("e\u{301}"))
        #expect(value["big"]?.int64 == nil)
    }

    @Test("objects are equal in whatever order, and equal values hash alike")
    func equality() throws {
        let left = try JSONValue(parsing: #"{"a":1,"b":[true,null],"c":{"d":"x"}}"#)
        let right = try JSONValue(parsing: #"{"c":{"d":"x"},"b":[true,null],"a":1}"#)
        #expect(left == right)
        #expect(left.hashValue == right.hashValue)
        #expect(left != (try JSONValue(parsing: #"{"a":1,"b":[true,null],"c":{"d":"y"}}"#)))
    }

    @Test("indented text is stable")
    func pretty() throws {
        let value: JSONValue = ["invoice": "R-1", "lines": [1, 2], "none": [], "empty": [:]]
        #expect(
            value.prettyText == """
                {
                  "invoice": "R-1",
                  "lines": [
                    1,
                    2
                  ],
                  "none": [],
                  "empty": {}
                }
                """)
    }

    @Test("any value written is read back as itself, compact, indented and canonical")
    func roundTrip() throws {
        var random = Seeded("json round trip")
        for _ in 0..<1500 {
            let value = sample(&random, depth: 0)
            #expect(try JSONValue(parsing: value.text) == value)
            #expect(try JSONValue(parsing: value.prettyText) == value)
            let canonical = try value.canonicalBytes()
            #expect(try JSONValue(parsing: canonical).canonicalBytes() == canonical)
        }
    }

    @Test("no damage to a document makes the reader trap")
    func damage() {
        var random = Seeded("damaged json")
        for _ in 0..<3000 {
            var bytes = sample(&random, depth: 0).bytes
            for _ in 0..<random.int(1...4) where !bytes.isEmpty {
                let at = random.int(0...bytes.count - 1)
                if random.int(0...2) == 0 { bytes.remove(at: at) } else { bytes[at] = UInt8(random.int(0...255)) }
            }
            // Only that it returns matters here.
            if let value = try? JSONValue(parsing: bytes) { _ = try? value.canonicalBytes() }
        }
    }

    private func sample(_ random: inout Seeded, depth: Int) -> JSONValue {
        switch random.int(0...(depth > 4 ? 3 : 5)) {
        case 0: return random.int(0...2) == 0 ? .null : .bool(random.int(0...1) == 0)
        case 1: return .number(JSONNumber(random.int(-1_000_000...1_000_000)))
        case 2: return .number(JSONNumber(unchecked: "\(random.int(0...9999)).\(random.int(0...9999))e\(random.int(-30...30))"))
        case 3: return .string(text(&random))
        case 4: return .array((0..<random.int(0...4)).map { _ in sample(&random, depth: depth + 1) })
        default:
            var object = JSONObject()
            for _ in 0..<random.int(0...20) { object[text(&random)] = sample(&random, depth: depth + 1) }
            return .object(object)
        }
    }

    private func text(_ random: inout Seeded) -> String {
        let scalars: [Unicode.Scalar] = [
            "a", "b", "\"", "\\", "\n", "\u{1}", "é", "\u{301}", "€", "\u{FFFD}", "\u{E000}", "😀", "\u{7F}", "/",
        ]
        var text = ""
        for _ in 0..<random.int(0...6) { text.unicodeScalars.append(scalars[random.int(0...scalars.count - 1)]) }
        return text
    }
}

@Suite("canonical JSON")
struct CanonicalJSONTests {
    @Test("members sort by UTF-16 code units")
    func order() throws {
        let value = try JSONValue(parsing: #"{"\uffee":1,"\ud800\udc00":2,"\ue000":3,"\ud7ff":4,"a":5,"":6,"aa":7}"#)
        let wanted = "{\"\":6,\"a\":5,\"aa\":7,\"\u{D7FF}\":4,\"\u{10000}\":2,\"\u{E000}\":3,\"\u{FFEE}\":1}"
        #expect(try value.canonicalBytes() == Array(wanted.utf8))
    }

    @Test("the quick order is the order by UTF-16 code units")
    func orderProperty() throws {
        var random = Seeded("canonical order")
        let scalars: [Unicode.Scalar] = [
            "a", "é", "\u{7FF}", "\u{800}", "\u{D7FF}", "\u{E000}", "\u{FFFF}", "\u{10000}", "\u{10FFFF}", "z",
        ]
        for _ in 0..<500 {
            var object = JSONObject()
            for _ in 0..<8 {
                var name = ""
                for _ in 0..<random.int(0...4) { name.unicodeScalars.append(scalars[random.int(0...9)]) }
                object[name] = .null
            }
            let written = try JSONValue(parsing: JSONValue.object(object).canonicalBytes()).object?.keys ?? []
            let wanted = object.keys.sorted { Array($0.utf16).lexicographicallyPrecedes(Array($1.utf16)) }
            #expect(written.elementsEqual(wanted, by: { sameBytes($0, $1) }))
        }
    }

    @Test(
        "numbers print as ECMAScript prints them",
        arguments: [
            ("-0", "0"), ("1.0", "1"), ("1e21", "1e+21"), ("123456789012345680000", "123456789012345680000"),
            ("0.000001", "0.000001"),
            ("1E-7", "1e-7"), ("1.5e300", "1.5e+300"), ("5e-324", "5e-324"), ("333333333.33333329", "333333333.3333333"),
            ("1e-400", "0"),
            ("9007199254740993", "9007199254740992"), ("-1.25", "-1.25"),
        ])
    func numbers(text: String, canonical: String) throws {
        #expect(try JSONValue(parsing: text).canonicalBytes() == Array(canonical.utf8))
    }

    @Test("a number beyond every double has no canonical form")
    func overflow() throws {
        let value = try JSONValue(parsing: "[1e400]")
        #expect(throws: JSONParseFailure.self) { try value.canonicalBytes() }
    }
}

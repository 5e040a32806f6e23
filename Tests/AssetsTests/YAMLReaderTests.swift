import Kernel
import Testing

@testable import Assets

@Suite("Reading YAML")
struct YAMLReaderTests {
    private func read(_ text: String) -> (document: AssetDocument?, issues: [LocatedIssue]) {
        YAMLReader.read(Array(text.utf8), path: "t.yaml")
    }

    private func expect(_ bytes: [UInt8], _ line: Int, _ column: Int, _ words: String) {
        let found = YAMLReader.read(bytes, path: "t.yaml")
        #expect(found.document == nil)
        #expect(
            found.issues.contains { $0.line == line && $0.column == column && $0.message.contains(words) && !$0.remedy.isEmpty },
            "\(found.issues.map(\.description))")
    }

    @Test("plain files become JSON with their places")
    func plain() throws {
        let text = """
            # a comment
            a: 1
            b:
              - x
              - "y: z"
              - {c: true, d: null, e: [1.50, -3]}
            "f g": |
              two
              lines

            """
        let document = try #require(read(text).document)
        #expect(
            document.json == [
                "a": 1, "b": ["x", "y: z", ["c": true, "d": nil, "e": [.number(JSONNumber(unchecked: "1.50")), -3]]],
                "f g": "two\nlines\n",
            ])
        #expect(document.json["b"]?[2]?["e"]?[0] == .number(JSONNumber(unchecked: "1.50")), "numbers keep their text")
        #expect(document.mark(for: "/b/1") == Mark(line: 5, column: 5))
        #expect(document.mark(for: "/b") == Mark(line: 3, column: 1), "a list is found at its name")
        #expect(document.mark(for: "/b/2/e/1") == Mark(line: 6, column: 34))
        #expect(document.mark(for: "/b/2/zzz/y") == Mark(line: 6, column: 5), "what is missing is found around")
        #expect(document.mark(for: "/nothing") == Mark(line: 2, column: 1))
        #expect(document.nameMark(for: "/f g") == Mark(line: 7, column: 1))
    }

    @Test("columns count characters and not bytes")
    func columns() throws {
        let document = try #require(read("a: {é: 1, b: 2}\n").document)
        #expect(document.mark(for: "/a/b") == Mark(line: 1, column: 14))
    }

    @Test("what makes a file unreadable is located")
    func unreadable() {
        expect(Array("a:\n\t- 1\n".utf8), 2, 1, "tab")
        expect(Array("a:\n  \tb: 1\n".utf8), 2, 3, "tab")
        expect([0xEF, 0xBB, 0xBF] + Array("a: 1\n".utf8), 1, 1, "byte order mark")
        expect([0xFF, 0xFE, 0x61, 0x00], 1, 1, "UTF-16")
        expect(Array("a: b\nc: ".utf8) + [0xE4, 0x0A], 2, 4, "not UTF-8")
        expect(Array("a: ".utf8) + [0xED, 0xA0, 0x80], 1, 4, "not UTF-8")
        expect(Array("a: ".utf8) + [0xC0, 0xAF], 1, 4, "not UTF-8")
        expect(Array("a: \u{7}\n".utf8), 1, 4, "Control character")
        expect(Array("".utf8), 1, 1, "empty")
        expect([UInt8](repeating: 0x20, count: AssetBounds.fileBytesMax + 1), 1, 1, "bytes")
    }

    @Test("what other readers would take for something else is refused in place")
    func ambiguous() {
        for word in [
            "yes", "No", "on", "OFF", "y", "True", "NULL", "~", ".inf", ".NaN", "007", "+1", "0x1F", "0o17", "1_000", "12:30",
            ".5", "5.",
        ] {
            expect(Array("a:\n  - \(word)\n".utf8), 2, 5, "to some readers")
            #expect(read("a: \"\(word)\"\n").document?.json["a"] == .string(word))
        }
        for word in ["1.2.3", "2026-01-01", "a1", "EUR", "-", "1e5x"] where word != "-" {
            #expect(read("a: \(word)\n").document?.json["a"] == .string(word))
        }
        #expect(read("a: 1e5\n").document?.json["a"] == .number(JSONNumber(unchecked: "1e5")))
    }

    @Test("nothing is expanded: anchors, aliases, tags and merging are refused")
    func expansion() {
        expect(Array("a: &x 1\n".utf8), 1, 4, "anchor")
        expect(Array("a: 1\nb: *x\n".utf8), 2, 4, "alias")
        expect(Array("a: !!str 1\n".utf8), 1, 4, "tag")
        expect(Array("a: !env HOME\n".utf8), 1, 4, "tag")
        expect(Array("a:\n  <<: {b: 1}\n".utf8), 2, 3, "Merging")
        expect(Array("a: &a [*a]\n".utf8), 1, 8, "alias")
        expect(Array("%YAML 1.1\n---\na: 1\n".utf8), 1, 1, "Directives")
    }

    @Test("a document that would unfold into billions of values is refused where it begins")
    func billionLaughs() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
        for level in 1...12 {
            text += "a\(level): &a\(level) [" + Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ", ") + "]\n"
        }
        expect(Array(text.utf8), 1, 5, "anchor")
    }

    @Test("names stand once in an object, whatever their spelling in quotes")
    func duplicates() {
        expect(Array("a: 1\nb: 2\n\"a\": 3\n".utf8), 3, 1, "second time")
        // Composed and decomposed forms look alike and are two names, as in the database.
        #expect(read("\u{E9}: 1\ne\u{301}: 2\n").document?.json.object?.count == 2)
    }

    @Test("depth and number of values are bounded")
    func bounds() {
        let deep = String(repeating: "[", count: 5000)
        #expect(read("a: \(deep)\n").issues.contains { $0.message.contains("deep") || $0.message.contains("not YAML") })
        let nested = String(repeating: "[", count: 50) + String(repeating: "]", count: 50)
        expect(Array("a: \(nested)\n".utf8), 1, 4 + AssetBounds.depthMax - 1, "deep inside")
        let wide = "a: [" + Array(repeating: "1", count: AssetBounds.valuesMax + 5).joined(separator: ",") + "]\n"
        #expect(read(wide).issues.contains { $0.message.contains("more than \(AssetBounds.valuesMax) values") })
    }

    @Test("one file holds one document")
    func oneDocument() {
        expect(Array("a: 1\n---\nb: 2\n".utf8), 2, 1, "second document")
        #expect(read("---\na: 1\n").document?.json == ["a": 1])
    }

    @Test("broken syntax is located")
    func syntax() {
        expect(Array("a: \"b\nc: d\n".utf8), 3, 1, "not YAML")
        expect(Array("a: [1, 2\nb: 3\n".utf8), 2, 2, "not YAML")
    }

    @Test("no bytes at all bring the reader down")
    func mutations() {
        let seed = UInt64.random(in: 0..<UInt64.max)
        print("YAML mutations: seed \(seed)")
        var state = seed
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
        let samples = SampleTree.files.values.sorted().map { Array($0.utf8) }
        let spice = Array("[]{}:,-&*!|>'\"#%@`\n\t ?<~0".utf8)
        for _ in 0..<3000 {
            var bytes = samples[next(samples.count)]
            for _ in 0...next(6) {
                let at = next(bytes.count)
                switch next(4) {
                case 0: bytes[at] = spice[next(spice.count)]
                case 1: bytes.insert(spice[next(spice.count)], at: at)
                case 2: bytes.remove(at: at)
                default: bytes[at] = UInt8(next(256))
                }
            }
            let read = YAMLReader.read(bytes, path: "t.yaml")
            #expect((read.document == nil) != read.issues.isEmpty)
        }
    }
}

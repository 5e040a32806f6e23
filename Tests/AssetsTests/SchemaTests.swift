import Glibc
import Kernel
import Tenancy
import TestBasics
import Testing

@testable import Assets

@Suite("Published schemas")
struct SchemaTests {
    @Test("the committed schema files are those that the code generates")
    func committed() throws {
        let folder = "\(Checkout.root)/docs/reference/schemas"
        for schema in SchemaBuilder.all() {
            let bytes = try FileBytes.read("\(folder)/\(schema.file)", maxBytes: AssetBounds.fileBytesMax)
            #expect(
                bytes == SchemaBuilder.fileBytes(schema.json),
                "run `countersign schema --out docs/reference/schemas` for \(schema.file)")
        }
        #expect(try FileBytes.names(in: folder).count == AssetKind.allCases.count)
    }

    @Test("objects are closed and every member is described", arguments: AssetKind.allCases)
    func closed(kind: AssetKind) {
        func walk(_ json: JSONValue, _ place: String) {
            if json["type"]?.string == "object" {
                #expect(json["additionalProperties"] != nil, "\(place) is open")
                for (name, member) in json["properties"]?.object ?? [:] {
                    #expect(member["description"]?.string?.isEmpty == false, "\(place).\(name) has no description")
                }
            }
            switch json {
            case .object(let object): for (key, value) in object { walk(value, "\(place).\(key)") }
            case .array(let items): for item in items { walk(item, place) }
            default: break
            }
        }
        walk(SchemaBuilder.schema(of: kind), kind.rawValue)
    }

    @Test("committed documents satisfy the schemas, and broken ones do not")
    func jsonschema() throws {
        guard Python.hasModule("jsonschema") else {
            print("skipped 1: python3 with jsonschema is not installed")
            return
        }
        let root = Checkout.root
        let runbooks = "\(root)/Runbooks"
        let loaded = ConfigurationTree.load("\(root)/Tenants", runbooks: access(runbooks, R_OK) == 0 ? runbooks : nil)
        var cases: [JSONValue] = []
        for asset in loaded.tree.assets {
            let content = asset.kind == .runbook ? asset.document.json["matter"] ?? .null : asset.document.json
            cases.append([
                "path": .string(asset.document.path), "schema": .string(asset.kind.rawValue), "content": content, "isGood": true,
            ])
            if case .object(var broken) = content {
                broken["strange-member"] = 1
                cases.append(
                    [
                        "path": .string(asset.document.path), "schema": .string(asset.kind.rawValue), "content": .object(broken),
                        "isGood": false,
                    ])
            }
        }
        let schemas = JSONValue.object(
            JSONObject(AssetKind.allCases.map { (key: $0.rawValue, value: SchemaBuilder.schema(of: $0)) }))
        let output = try Python.run(
            """
            import json, sys, jsonschema
            data = json.load(open(sys.argv[1]))
            validators = {}
            for kind, schema in data["schemas"].items():
                jsonschema.Draft202012Validator.check_schema(schema)
                validators[kind] = jsonschema.Draft202012Validator(schema)
            for case in data["cases"]:
                errors = [e.json_path + ": " + e.message[:200] for e in validators[case["schema"]].iter_errors(case["content"])]
                if bool(errors) == case["isGood"]:
                    print(case["path"], "expected to be", "good" if case["isGood"] else "refused", errors[:3])
            print("checked", len(data["cases"]))
            """, input: ["schemas": schemas, "cases": .array(cases)])
        #expect(output == "checked \(cases.count)\n", "\(output)")
    }

    @Test("what a rule accepts, its pattern matches")
    func patterns() throws {
        guard Python.hasModule("re") else {
            print("skipped 1: python3 is not installed")
            return
        }
        let rules: [(TextRule, [String])] = [
            (.slug, ["ab", "a-b", "brightwater-foods", "a--b", "-a", "a-", "1a", "A", "", "é-a"]),
            (.email, ["a@b.ex", "a.b+c@d-e.example", "a@b", "@b.ex", "a@b..ex", "A@b.ex"]),
            (.color, ["#12345f", "#12345F", "#123"]), (.mark, ["HP", "H1", "hp", "1H"]),
            (.locale, ["de", "de-DE", "de-de", "deu"]),
            (.amount, ["0", "0.5", "1000.0000", "1000.00000", "01", "-1", "1.", "999999999999999", "9999999999999999"]),
            (.baseURL, ["http://127.0.0.1:7411", "https://erp.example/api/v1", "https://a", "https://a/", "https://a:0"]),
            (.egress, ["127.0.0.1:7411", "erp.example:8443/10.20.0.0/16", "[::1]:80", "a:1/::1/128", "erp.example:443"]),
            (.duration, ["8h", "2h 30m", "90s", "2h30m", "8d", "1h  1m"]),
            (.reason, ["waiting_on_supplier", "a_", "_a", "a__b", "ab"]),
            (.wallTime, ["08:30", "24:00", "8:30", "23:59"]), (.version, ["1", "1.2.3", "1.2.3.4", "v1"]),
            (.entityCode, ["DE01", "D", "de01", "ABCDEFGHI"]), (.vatID, ["DE742039156", "ATU73182049", "D1", "de1234"]),
            (.instant, ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00+01:00", "2026-01-01", "2026-01-01 00:00:00Z"]),
            (.date, ["2026-02-28", "2026-02-30", "26-02-28"]), (.memberName, ["token", "clientSecret2", "Token", "a-b"]),
            (.timeZone, ["Europe/Berlin", "UTC", "../UTC", "Etc/GMT+5"]), (.line, ["a b", "a\nb", "é ü 中", ""]),
        ]
        let cases = rules.flatMap { rule, samples -> [JSONValue] in
            samples.filter { rule.problem(with: $0) == nil }.map { ["pattern": .string(rule.pattern), "text": .string($0)] }
        }
        let output = try Python.run(
            """
            import json, re, sys
            for case in json.load(open(sys.argv[1])):
                if not re.search(case["pattern"], case["text"]):
                    print(case)
            """, input: .array(cases))
        #expect(output.isEmpty, "\(output)")
        #expect(
            rules.allSatisfy { rule, samples in samples.contains { rule.problem(with: $0) == nil } },
            "every rule accepts something")
    }
}

/// Python as a second opinion; tests that need it say so when it is missing.
enum Python {
    static func hasModule(_ name: String) -> Bool { output(of: "python3 -c 'import \(name); print(1)' 2>/dev/null") == "1\n" }

    /// Runs a script whose first argument is a file with `input` as JSON; gives what it printed.
    static func run(_ script: String, input: JSONValue) throws -> String {
        let folder = ScratchFolder(["script.py": script, "input.json": input.text])
        return output(of: "python3 \(folder.path)/script.py \(folder.path)/input.json 2>&1")
    }

    private static func output(of command: String) -> String {
        guard let pipe = popen(command, "r") else { return "" }
        defer { pclose(pipe) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while case let got = fread(&chunk, 1, chunk.count, pipe), got > 0 { bytes += chunk[..<got] }
        return String(decoding: bytes, as: UTF8.self)
    }
}

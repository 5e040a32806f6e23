import Formats
import Kernel
import Policies
import Testing

@Suite("Decision models as files")
struct DecisionModelTests {
    @Test("an outline has names, namespaces, attributes, texts and places, and nothing of the declaration")
    func outline() throws {
        let json = XMLOutlining.outline(Array(#"<a xmlns="urn:x" k="v"><b xmlns:y="urn:y" y:k="w"> t </b></a>"#.utf8))
        let tree = try #require(json["tree"])
        #expect(tree["n"] == "a")
        #expect(tree["s"] == "urn:x")
        #expect(tree["a"] == ["k": "v"])
        #expect(tree["x"]?[0]?["t"] == " t ")
        #expect(tree["x"]?[0]?["a"] == ["k": "w"])
        #expect(tree["x"]?[0]?["l"] == 1)
    }

    @Test(
        "what is dangerous or broken is a reason with a place",
        arguments: [
            ("<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>", "xml.doctype"), ("<a><b></a>", "xml.malformed"), ("", "xml.malformed"),
            (String(repeating: "<a>", count: 200), "xml.depth"), ("<a>\u{0}</a>", "xml.malformed"),
        ])
    func refused(text: String, reason: String) {
        let failure = XMLOutlining.outline(Array(text.utf8))["failure"]
        #expect(failure?["reason"]?.string == reason, "\(failure?.text ?? "")")
        #expect((failure?["line"]?.int ?? 0) >= 1)
    }

    @Test("a model comes through as policies")
    func imported() throws {
        let tree = try #require(XMLOutlining.outline(Array(Self.sample.utf8))["tree"])
        let root = try #require(XMLOutline(json: tree))
        var problems: [DMNProblem] = []
        let model = try #require(DMNModel.parse(root, problems: &problems))
        let made = DMNImport.policies(of: model, problems: &problems)
        #expect(problems.isEmpty, "\(problems)")
        #expect(made.map(\.name) == ["fee", "risk-class"])
        #expect(made[0].content["feel"] == "{p: (Order Sum), result: (p * 0.05)}.result")
        #expect(made[1].content["rules"]?[0]?["when"] == ["Order Sum": "> 1000"])
    }

    @Test("any change of the bytes of a model ends in policies or in places, over seeded changes")
    func mutated() throws {
        let seed: UInt64 = 0xD3A1
        var dice = ByteDice(seed: seed)
        var corpus = [Array(Self.sample.utf8)]
        corpus += Self.published()
        print("decision model seed \(seed), \(corpus.count - 1) published models")
        for turn in 0..<1200 {
            let bytes = dice.changed(corpus[turn % corpus.count])
            let json = XMLOutlining.outline(bytes)
            guard let tree = json["tree"] else {
                #expect(json["failure"]?["reason"]?.string?.isEmpty == false)
                continue
            }
            guard let root = XMLOutline(json: tree) else {
                Issue.record("seed \(seed), turn \(turn): no outline")
                continue
            }
            var problems: [DMNProblem] = []
            guard let model = DMNModel.parse(root, problems: &problems) else {
                #expect(problems.allSatisfy { $0.line >= 1 && !$0.message.isEmpty && !$0.remedy.isEmpty })
                continue
            }
            for policy in DMNImport.policies(of: model, problems: &problems) {
                var issues: [AssetIssue] = []
                _ = Policy.parse(policy.content, issues: &issues)
            }
        }
    }

    /// The models of the public test data, where it lies beside the repository.
    private static func published(from file: String = #filePath) -> [[UInt8]] {
        let root = "/" + file.split(separator: "/").dropLast(3).joined(separator: "/")
        let folder = root + "/../shared/vectors/dmn"
        // Without the data there is nothing to add; the count that is printed says so.
        guard let names = try? FileBytes.names(in: folder) else { return [] }
        return names.sorted().compactMap { try? FileBytes.read("\(folder)/\($0)/\($0).dmn", maxBytes: 1_000_000) }
    }

    private static let sample = """
        <?xml version="1.0" encoding="UTF-8"?>
        <definitions xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/" name="Orders">
          <inputData id="i" name="Order Sum"><variable name="Order Sum" typeRef="number"/></inputData>
          <businessKnowledgeModel id="k" name="Share">
            <encapsulatedLogic><formalParameter name="p" typeRef="number"/>
              <literalExpression><text>p * 0.05</text></literalExpression></encapsulatedLogic>
          </businessKnowledgeModel>
          <decision id="d1" name="Fee"><variable name="Fee" typeRef="number"/>
            <informationRequirement><requiredInput href="#i"/></informationRequirement>
            <knowledgeRequirement><requiredKnowledge href="#k"/></knowledgeRequirement>
            <invocation><literalExpression><text>Share</text></literalExpression>
              <binding><parameter name="p"/><literalExpression><text>Order Sum</text></literalExpression></binding></invocation>
          </decision>
          <decision id="d2" name="Risk class"><variable name="Risk class" typeRef="string"/>
            <informationRequirement><requiredInput href="#i"/></informationRequirement>
            <decisionTable hitPolicy="UNIQUE">
              <input><inputExpression typeRef="number"><text>Order Sum</text></inputExpression></input>
              <output><outputValues><text>"high", "low"</text></outputValues></output>
              <rule><inputEntry><text>&gt; 1000</text></inputEntry><outputEntry><text>"high"</text></outputEntry></rule>
              <rule><inputEntry><text>&lt;= 1000</text></inputEntry><outputEntry><text>"low"</text></outputEntry></rule>
            </decisionTable>
          </decision>
        </definitions>
        """
}

/// Seeded changes of bytes: one to four replaced, dropped, doubled or put in.
private struct ByteDice {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    private mutating func next(_ bound: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int((state >> 33) % UInt64(bound))
    }

    mutating func changed(_ bytes: [UInt8]) -> [UInt8] {
        var out = bytes
        let signs = Array("<>&;\"'/=![](){}#-+*.,0129aZ \n".utf8) + [0x00, 0x80, 0xC3, 0xFF]
        for _ in 0...next(4) {
            let at = next(out.count)
            switch next(4) {
            case 0: out[at] = signs[next(signs.count)]
            case 1: out.remove(at: at)
            case 2: out.insert(contentsOf: out[at..<min(out.count, at + 1 + next(40))], at: at)
            default: out.insert(signs[next(signs.count)], at: at)
            }
        }
        return out
    }
}

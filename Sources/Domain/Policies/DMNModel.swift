package import Kernel

/// One thing wrong in a DMN file, with its place.
package struct DMNProblem: Error, Hashable, Sendable {
    package let line: Int
    package let column: Int
    package let message: String
    package let remedy: String

    package init(line: Int, column: Int, _ message: String, remedy: String) {
        self.line = line
        self.column = column
        self.message = message
        self.remedy = remedy
    }
}

/// One element of an XML document, as the reader process outlines it: no more than names, attributes, text and places.
package struct XMLOutline: Sendable {
    package static let elementsMax = 50_000

    let name: String
    let space: String
    let attributes: [String: String]
    let text: String
    let line: Int
    let column: Int
    let children: [XMLOutline]

    /// Reads `{n, s?, a?, t?, l, c, x?}`; nil when it is no outline.
    package init?(json: JSONValue) {
        self.init(json, space: "")
    }

    private init?(_ json: JSONValue, space inherited: String) {
        guard let name = json["n"]?.string, let line = json["l"]?.int, let column = json["c"]?.int else { return nil }
        self.name = name
        space = json["s"]?.string ?? inherited
        var attributes: [String: String] = [:]
        for member in json["a"]?.object ?? [:] { attributes[member.key] = member.value.string }
        self.attributes = attributes
        text = json["t"]?.string ?? ""
        self.line = line
        self.column = column
        var children: [XMLOutline] = []
        for child in json["x"]?.array ?? [] {
            guard let made = XMLOutline(child, space: space) else { return nil }
            children.append(made)
        }
        self.children = children
    }

    /// The text without white space around it.
    var word: String {
        var scalars = Substring(text).unicodeScalars
        while let first = scalars.first, first.properties.isWhitespace { scalars.removeFirst() }
        while let last = scalars.last, last.properties.isWhitespace { scalars.removeLast() }
        return String(scalars)
    }

    func first(_ name: String) -> XMLOutline? { children.first { $0.name == name } }
    func all(_ name: String) -> [XMLOutline] { children.filter { $0.name == name } }

    func problem(_ message: String, _ remedy: String) -> DMNProblem {
        DMNProblem(line: line, column: column, message, remedy: remedy)
    }
}

/// A decision model of DMN: what its decisions ask, and how they decide.
package struct DMNModel: Sendable {
    package static let decisionsMax = 500

    /// A boxed expression.
    indirect enum Logic: Sendable {
        case literal(FEELExpression, source: String)
        case table(DMNTable)
        case context([(name: String?, type: String, logic: Logic)])
        case invocation(String, [(name: String, logic: Logic)])
        case list([Logic])
        case relation(columns: [String], rows: [[Logic]])
    }

    struct Decision: Sendable {
        let name: String
        let id: String
        let type: String
        let logic: Logic
        /// Ids of the decisions, input data and knowledge it needs.
        let needs: [String]
        let place: XMLOutline
    }

    struct InputData: Sendable {
        let name: String
        let id: String
        let type: String
    }

    struct Knowledge: Sendable {
        let name: String
        let id: String
        let type: String
        let parameters: [(name: String, type: String)]
        let logic: Logic
    }

    /// A named type: what it is made of, and which values it admits.
    struct Item: Sendable {
        let type: String
        let isCollection: Bool
        let allowed: FEELUnaryTests?
        /// The values of an enumeration in their order; nil when `allowed` is no such list.
        let values: [FEELValue]?
        let components: [(name: String, item: Item)]
    }

    let name: String
    let decisions: [Decision]
    let inputs: [InputData]
    let knowledge: [Knowledge]
    let items: [String: Item]

    func decision(named name: String) -> Decision? { decisions.first { $0.name == name } }
    func decision(id: String) -> Decision? { decisions.first { $0.id == id } }

    /// Names of the decisions in the order of the file.
    package var decisionNames: [String] { decisions.map(\.name) }
}

/// A decision table as DMN has it.
struct DMNTable: Sendable {
    struct Input: Sendable {
        let label: String
        let expression: FEELExpression
        let source: String
        let type: String
        let allowed: FEELUnaryTests?
        let values: [FEELValue]?
        let place: XMLOutline
    }

    struct Output: Sendable {
        let name: String
        let type: String
        /// In order of priority.
        let values: [FEELValue]?
        let fallback: FEELExpression?
    }

    struct Rule: Sendable {
        let id: String
        let label: String
        let cells: [(tests: FEELUnaryTests, source: String, place: XMLOutline)]
        let outputs: [(expression: FEELExpression, source: String, place: XMLOutline)]
    }

    let hitPolicy: DecisionTable.HitPolicy
    let aggregate: DecisionTable.Aggregate
    let inputs: [Input]
    let outputs: [Output]
    let rules: [Rule]
    let place: XMLOutline
}

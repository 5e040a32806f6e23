/// A node of the tree that the parser makes; macros are already expanded.
struct Syntax: Sendable {
    indirect enum Kind: Sendable {
        case literal(CELValue)
        /// `isAbsolute` when written with a leading dot: no container and no loop variable is considered.
        case identifier(String, isAbsolute: Bool)
        case select(Syntax, String)
        /// `a.?b`: an optional, empty when there is no such field.
        case optionalSelect(Syntax, String)
        case has(Syntax, String)
        case call(String, target: Syntax?, [Syntax])
        case list([Item])
        case map([Entry])
        case conditional(Syntax, Syntax, Syntax)
        /// `&&` over two or more operands: flat, so that long chains are no deep trees.
        case and([Syntax])
        case or([Syntax])
        case fold(Fold)
        /// `cel.bind(name, value, body)`.
        case bind(String, Syntax, Syntax)
        case optionalMap(OptionalMap)
    }

    struct Item: Sendable {
        let value: Syntax
        /// `[?x]`: the item is there when the optional has a value.
        let isOptional: Bool
    }

    struct Entry: Sendable {
        let key: Syntax
        let value: Syntax
        /// `{?k: x}`: the entry is there when the optional has a value.
        let isOptional: Bool
    }

    /// A comprehension over a list (items, or index and item) or a map (keys, or key and value).
    struct Fold: Sendable {
        enum Shape: Sendable { case all, exists, existsOne, list, map, mapEntries }

        let shape: Shape
        let range: Syntax
        let first: String
        let second: String?
        /// The predicate, or the filter of a transformation.
        let condition: Syntax?
        let result: Syntax?
    }

    /// `x.optMap(name, body)`, and `optFlatMap`, whose body is an optional itself.
    struct OptionalMap: Sendable {
        let target: Syntax
        let name: String
        let body: Syntax
        let isFlat: Bool
    }

    let kind: Kind
    let offset: Int
    let depth: Int

    init(_ kind: Kind, at offset: Int) {
        self.kind = kind
        self.offset = offset
        depth = 1 + Syntax.parts(of: kind).reduce(0) { max($0, $1.depth) }
    }

    private static func parts(of kind: Kind) -> [Syntax] {
        switch kind {
        case .literal, .identifier: []
        case .select(let operand, _), .optionalSelect(let operand, _), .has(let operand, _): [operand]
        case .call(_, let target, let arguments): target.map { [$0] + arguments } ?? arguments
        case .and(let items), .or(let items): items
        case .list(let items): items.map(\.value)
        case .map(let entries): entries.flatMap { [$0.key, $0.value] }
        case .conditional(let test, let yes, let no): [test, yes, no]
        case .fold(let fold): [fold.range] + [fold.condition, fold.result].compactMap { $0 }
        case .bind(_, let value, let body): [value, body]
        case .optionalMap(let map): [map.target, map.body]
        }
    }

    /// Where the first name of a path stands; the offset itself for anything else.
    var start: Int {
        switch kind {
        case .select(let operand, _), .optionalSelect(let operand, _): operand.start
        default: offset
        }
    }

    /// The names of `a.b.c`, each with its place, when the tree is nothing but names.
    var path: (names: [String], offsets: [Int], isAbsolute: Bool)? {
        var names: [String] = []
        var offsets: [Int] = []
        var rest = self
        while true {
            offsets.append(rest.offset)
            switch rest.kind {
            case .identifier(let name, let isAbsolute): return ((names + [name]).reversed(), offsets.reversed(), isAbsolute)
            case .select(let operand, let field):
                names.append(field)
                rest = operand
            default: return nil
            }
        }
    }
}

/// A node of the tree that the parser makes; macros are already expanded.
struct Syntax: Sendable {
    indirect enum Kind: Sendable {
        case literal(CELValue)
        /// `isAbsolute` when written with a leading dot: no container and no loop variable is considered.
        case identifier(String, isAbsolute: Bool)
        case select(Syntax, String)
        case has(Syntax, String)
        case call(String, target: Syntax?, [Syntax])
        case list([Syntax])
        case map([(key: Syntax, value: Syntax)])
        case conditional(Syntax, Syntax, Syntax)
        /// `&&` over two or more operands: flat, so that long chains are no deep trees.
        case and([Syntax])
        case or([Syntax])
        case fold(Fold)
        /// `cel.bind(name, value, body)`.
        case bind(String, Syntax, Syntax)
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
        case .select(let operand, _), .has(let operand, _): [operand]
        case .call(_, let target, let arguments): target.map { [$0] + arguments } ?? arguments
        case .list(let items), .and(let items), .or(let items): items
        case .map(let entries): entries.flatMap { [$0.key, $0.value] }
        case .conditional(let test, let yes, let no): [test, yes, no]
        case .fold(let fold): [fold.range] + [fold.condition, fold.result].compactMap { $0 }
        case .bind(_, let value, let body): [value, body]
        }
    }
}

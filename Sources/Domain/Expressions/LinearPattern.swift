import Kernel

/// A regular expression that is matched in time linear in the text (Thompson's simulation), never by backtracking.
///
/// The syntax is RE2's without captures that can be read, back references and look-around: literals, `.`, classes, `\d \w \s \b`
/// and their negations, groups, `|`, `* + ? {m,n}` greedy or lazy, `^ $`, flags `i`, `m`, `s`.
package struct LinearPattern: Sendable {
    /// Bound of the compiled program; `{m,n}` multiplies what it repeats.
    package static let instructionsMax = 5000
    static let repeatMax = 1000

    indirect enum Node: Sendable {
        case empty
        case one(CharacterSetRule)
        case sequence([Node])
        case choice([Node])
        case repeated(Node, min: Int, max: Int?)
        case assertion(Assertion)
    }

    enum Assertion: Sendable { case textStart, textEnd, lineStart, lineEnd, wordBoundary, noWordBoundary }

    struct CharacterSetRule: Sendable {
        var ranges: [ClosedRange<UInt32>]
        var isNegated: Bool

        func contains(_ scalar: UInt32) -> Bool { ranges.contains { $0.contains(scalar) } != isNegated }
    }

    private enum Instruction: Sendable {
        case one(CharacterSetRule, next: Int)
        case split([Int])
        case assertion(Assertion, next: Int)
        case match
    }

    private let program: [Instruction]
    private let start: Int
    /// Bytes of the pattern, or instructions when these are more.
    private let weight: Int

    /// Throws a sentence about the pattern.
    init(_ pattern: String) throws(NoValue) {
        guard pattern.utf8.count <= ExpressionBounds.patternBytesMax else {
            throw NoValue("a pattern may have at most \(ExpressionBounds.patternBytesMax) bytes")
        }
        var parser = PatternParser(Array(pattern.unicodeScalars))
        let tree = try parser.parse()
        var emitter = Emitter()
        start = try emitter.emit(tree, before: 0)
        program = emitter.program
        // A repetition such as {1000} is short to write and long to run.
        weight = max(pattern.utf8.count, emitter.program.count - 1)
    }

    /// Turns the tree into code, from its end to its beginning.
    private struct Emitter {
        private(set) var program: [Instruction] = [.match]
        /// Counts nodes, since a repetition of nothing makes no instruction.
        private var nodes = 0

        /// Appends the code of `node` that goes on at `next`; answers where it begins.
        mutating func emit(_ node: Node, before next: Int) throws(NoValue) -> Int {
            nodes += 1
            guard program.count < instructionsMax, nodes < 10 * instructionsMax else { throw NoValue("the pattern is too large") }
            switch node {
            case .empty: return next
            case .one(let rule): return append(.one(rule, next: next))
            case .assertion(let assertion): return append(.assertion(assertion, next: next))
            case .sequence(let parts):
                var at = next
                for part in parts.reversed() { at = try emit(part, before: at) }
                return at
            case .choice(let parts):
                var starts: [Int] = []
                for part in parts { starts.append(try emit(part, before: next)) }
                return append(.split(starts))
            case .repeated(let inner, let least, let most):
                var at = next
                if let most {
                    for _ in least..<max(least, most) {
                        let body = try emit(inner, before: at)
                        at = append(.split([body, next]))
                    }
                } else {
                    at = append(.split([]))
                    let body = try emit(inner, before: at)
                    program[at] = .split([body, next])
                }
                for _ in 0..<least { at = try emit(inner, before: at) }
                return at
            }
        }

        private mutating func append(_ instruction: Instruction) -> Int {
            program.append(instruction)
            return program.count - 1
        }
    }

    /// The text's length at a tenth per character times a quarter of the pattern's, as cel-go weighs it.
    func cost(of text: String) -> UInt64 { ExpressionCost.matching(textBytes: text.utf8.count, patternBytes: weight) }

    func costMax(textBytes: UInt64) -> UInt64 {
        ExpressionCost.matching(textBytes: Int(clamping: textBytes), patternBytes: weight)
    }

    /// True when the pattern matches somewhere in the text.
    package func matches(_ text: String) -> Bool {
        let scalars = text.unicodeScalars.map(\.value)
        var current = StateSet(count: program.count)
        var following = StateSet(count: program.count)
        for position in 0...scalars.count {
            if follow(start, at: position, scalars, into: &current) { return true }
            guard position < scalars.count else { break }
            for state in current.members {
                guard case .one(let rule, let next) = program[state], rule.contains(scalars[position]) else { continue }
                if follow(next, at: position + 1, scalars, into: &following) { return true }
            }
            swap(&current, &following)
            following.clear()
        }
        return false
    }

    private struct StateSet {
        private(set) var members: [Int] = []
        private var marks: [Bool]

        init(count: Int) { marks = Array(repeating: false, count: count) }

        mutating func insert(_ state: Int) -> Bool {
            guard !marks[state] else { return false }
            marks[state] = true
            members.append(state)
            return true
        }

        mutating func clear() {
            for member in members { marks[member] = false }
            members.removeAll(keepingCapacity: true)
        }
    }

    /// Adds a state and all it reaches without reading; true when that is the end of the pattern.
    private func follow(_ state: Int, at position: Int, _ text: [UInt32], into set: inout StateSet) -> Bool {
        var pending = [state]
        while let next = pending.popLast() {
            guard set.insert(next) else { continue }
            switch program[next] {
            case .match: return true
            case .one: break
            case .split(let targets): pending.append(contentsOf: targets)
            case .assertion(let assertion, let target): if holds(assertion, at: position, text) { pending.append(target) }
            }
        }
        return false
    }

    private func holds(_ assertion: Assertion, at position: Int, _ text: [UInt32]) -> Bool {
        switch assertion {
        case .textStart: return position == 0
        case .textEnd: return position == text.count
        case .lineStart: return position == 0 || text[position - 1] == 0x0A
        case .lineEnd: return position == text.count || text[position] == 0x0A
        case .wordBoundary, .noWordBoundary:
            let before = position > 0 && PatternParser.wordRule.contains(text[position - 1])
            let after = position < text.count && PatternParser.wordRule.contains(text[position])
            return (before != after) == (assertion == .wordBoundary)
        }
    }
}

/// Compiled patterns by their text; bounded, and emptied as a whole when full.
final class PatternCache: Sendable {
    static let shared = PatternCache()
    private static let entriesMax = 500

    private let patterns = Locked<[String: LinearPattern]>([:])

    func pattern(_ text: String) throws(NoValue) -> LinearPattern {
        if let known = patterns.withLock({ $0[text] }) { return known }
        let made = try LinearPattern(text)
        patterns.withLock { cache in
            if cache.count >= PatternCache.entriesMax { cache.removeAll() }
            cache[text] = made
        }
        return made
    }
}

import Kernel

/// Why an expression was not taken, or gave no value.
package struct ExpressionFailure: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Kind: String, Sendable {
        /// The text is no expression.
        case syntax
        /// A name, function or number of arguments that does not exist.
        case binding
        /// Types that do not go together.
        case type
        /// No value for these inputs: missing key, wrong type, overflow, division by zero.
        case evaluation
        /// The cost limit was reached; no operator hides this one.
        case cost
    }

    package let kind: Kind
    package let message: String
    /// Byte offset into the text of the expression.
    package let offset: Int

    package init(_ kind: Kind, _ message: String, at offset: Int) {
        self.kind = kind
        self.message = message
        self.offset = offset
    }

    /// Line and column in the text of the expression, both counted from 1 in code points.
    package func place(in source: String) -> (line: Int, column: Int) {
        var line = 1
        var column = 1
        for byte in source.utf8.prefix(offset) {
            if byte == 0x0A {
                line += 1
                column = 1
            } else if byte & 0xC0 != 0x80 {
                column += 1
            }
        }
        return (line, column)
    }

    func issue(in source: String, at pointer: String) -> AssetIssue {
        let place = place(in: source)
        let line = place.line == 1 ? "" : "line \(place.line), "
        return AssetIssue(
            pointer, "The expression is wrong at \(line)character \(place.column): \(message)", remedy: remedy)
    }

    /// What to do about it.
    package var remedy: String {
        switch kind {
        case .syntax: "Write it in CEL, for example: context.total > decimal(\"100.00\")."
        case .binding: "Use one of the names and functions that exist here."
        case .type: "Give the operator or function what it takes; string(), int(), decimal() and dyn() convert."
        case .evaluation: "Correct the constant."
        case .cost: "Simplify the expression, or loop over less: every loop inside a loop multiplies."
        }
    }

    package var description: String { "\(message) (at character \(offset + 1))" }
}

/// Bounds of one expression. An implementation of CEL must accept 12 nested levels and 32 terms; these are far above.
package enum ExpressionBounds {
    package static let sourceBytesMax = 32_768
    /// Nesting of the text and depth of the tree.
    package static let depthMax = 200
    package static let nodesMax = 10_000
    package static let patternBytesMax = 1000
    /// What an expression may cost at most by the estimate when it is published: above what one evaluation may really cost, since
    /// lists of which nobody says how long they get are mostly short.
    package static let estimateMaxStandard: UInt64 = 10_000_000
    /// Items of a list, and bytes of a text, that the estimate reckons with when no schema says how many there can be.
    package static let itemsAssumed = 200
    package static let bytesAssumed = 200
    /// Cost of a constant part that is worked out when the expression is compiled.
    static let foldingCostMax: UInt64 = 1000
    /// Cost units of one evaluation unless the caller says otherwise (unit weights of cel-go).
    package static let costMaxStandard: UInt64 = 1_000_000
    package static let stringBytesMax = 4_194_304
    package static let listItemsMax = 1_000_000
}

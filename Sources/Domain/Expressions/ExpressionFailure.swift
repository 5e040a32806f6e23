/// Why an expression was not taken, or gave no value.
package struct ExpressionFailure: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Kind: String, Sendable {
        /// The text is no expression.
        case syntax
        /// A name, function or number of arguments that does not exist.
        case binding
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

    package var description: String { "\(message) (at character \(offset + 1))" }
}

/// Bounds of one expression. An implementation of CEL must accept 12 nested levels and 32 terms; these are far above.
package enum ExpressionBounds {
    package static let sourceBytesMax = 32_768
    /// Nesting of the text and depth of the tree.
    package static let depthMax = 200
    package static let nodesMax = 10_000
    package static let patternBytesMax = 1000
    /// Cost units of one evaluation unless the caller says otherwise (unit weights of cel-go).
    package static let costMaxStandard: UInt64 = 1_000_000
    package static let stringBytesMax = 4_194_304
    package static let listItemsMax = 1_000_000
}

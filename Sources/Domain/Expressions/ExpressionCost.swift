/// The weights of cel-go, so that its numbers and ours can be compared. A step of a loop costs 1 besides its body.
enum ExpressionCost {
    static let step: UInt64 = 1
    static let list: UInt64 = 10
    static let map: UInt64 = 30

    /// Reading a text or bytes: a tenth of a unit per byte, rounded up.
    static func traversing(_ bytes: Int) -> UInt64 { (UInt64(max(0, bytes)) + 9) / 10 }

    /// A tenth of a unit per byte of the text and one more, times a quarter of a unit per byte of the pattern.
    static func matching(textBytes: Int, patternBytes: Int) -> UInt64 {
        product(traversing(textBytes == .max ? textBytes : textBytes + 1), (UInt64(max(0, patternBytes)) + 3) / 4)
    }

    /// Sums and products of estimates stay at the highest number instead of overflowing.
    static func sum(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let total = left.addingReportingOverflow(right)
        return total.overflow ? .max : total.partialValue
    }

    static func product(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let total = left.multipliedReportingOverflow(by: right)
        return total.overflow ? .max : total.partialValue
    }
}

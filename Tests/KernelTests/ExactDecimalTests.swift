import Kernel
import TestBasics
import Testing

@Suite("exact decimals")
struct ExactDecimalTests {
    private func decimal(_ text: String) throws -> ExactDecimal { try #require(ExactDecimal(text), "\(text)") }

    @Test(
        "plain digits are read and printed unchanged",
        arguments: [
            "0", "1", "-1", "10", "0.1", "-0.01", "48310.00", "123456789012345678901234567890", "0.00000000000000000000000000001",
        ])
    func roundTrip(text: String) throws {
        #expect(try decimal(text).description == text)
    }

    @Test(
        "whatever is not plain digits is no number",
        arguments: [
            "", "-", ".", "1.", ".5", "01", "00", "-01", "+1", "1e3", "1,5", " 1", "1 ", "1_000", "--1", "1.2.3", "1-", "٣",
            "NaN", "0x1",
            "1234567890123456789012345678901",
        ])
    func refusesOthers(text: String) {
        #expect(ExactDecimal(text) == nil)
    }

    @Test("values compare and hash by number, not by scale")
    func equality() throws {
        #expect(try decimal("1.50") == decimal("1.5"))
        #expect(try decimal("1.50").hashValue == decimal("1.5").hashValue)
        #expect(try decimal("-0.0") == .zero)
        #expect(try decimal("-2") < decimal("-1.99"))
        #expect(try decimal("0.1") < decimal("0.11"))
        let huge = ExactDecimal(mantissa: 99_999_999_999_999_999_999_999_999_999_999_999_999, scale: 0)
        let tiny = ExactDecimal(mantissa: 1, scale: 38)
        #expect(tiny < huge)
        #expect(huge.negated < tiny.negated)
    }

    @Test("each rounding does what its name says on 2.5, 3.5, -2.5 and their neighbours")
    func roundingTable() throws {
        let values = ["2.5", "3.5", "-2.5", "2.4", "-2.6", "2"]
        let wanted: [(ExactDecimal.Rounding, [Int64])] = [
            (.halfUp, [3, 4, -3, 2, -3, 2]), (.halfEven, [2, 4, -2, 2, -3, 2]), (.halfTowardPositive, [3, 4, -2, 2, -3, 2]),
            (.down, [2, 3, -2, 2, -2, 2]), (.up, [3, 4, -3, 3, -3, 2]), (.floor, [2, 3, -3, 2, -3, 2]),
            (.ceiling, [3, 4, -2, 3, -2, 2]),
        ]
        for (rounding, results) in wanted {
            for (text, result) in zip(values, results) {
                let rounded = try decimal(text).rounded(scale: 0, rounding)
                #expect(rounded.wholeNumber == result, "\(text) \(rounding)")
                let divided = try decimal(text).divided(by: .one, scale: 0, rounding: rounding)
                #expect(divided.wholeNumber == result, "\(text) / 1 \(rounding)")
            }
        }
    }

    @Test("asking for more decimals pads and never changes the value")
    func padding() throws {
        #expect(try decimal("5").rounded(scale: 2, .halfUp).description == "5.00")
        #expect(try decimal("-0.004").rounded(scale: 2, .halfUp).description == "0.00")
        let wide = ExactDecimal(mantissa: 12_345_678_901_234_567_890_123_456_789_012_345_678, scale: 0)
        #expect(wide.rounded(scale: 10, .halfUp) == wide)
    }

    @Test("a division rounds once, from the exact quotient")
    func division() throws {
        #expect(try decimal("1").divided(by: decimal("3"), scale: 10, rounding: .halfUp).description == "0.3333333333")
        #expect(try decimal("2").divided(by: decimal("3"), scale: 4, rounding: .halfUp).description == "0.6667")
        #expect(try decimal("-2").divided(by: decimal("3"), scale: 4, rounding: .floor).description == "-0.6667")
        #expect(try decimal("100").divided(by: decimal("0.00000001"), scale: 0, rounding: .halfUp).description == "10000000000")
        #expect(try decimal("0.5").divided(by: decimal("100000"), scale: 2, rounding: .up).description == "0.01")
        #expect(try decimal("0.00001").divided(by: decimal("7"), scale: 0, rounding: .halfUp).isZero)
        let third = try decimal("1").divided(by: decimal("3"), scale: 37, rounding: .halfEven)
        #expect(third.description == "0." + String(repeating: "3", count: 37))
        let fine = try decimal("1").divided(by: decimal("0.12345678901234567890123456789"), scale: 20, rounding: .halfUp)
        #expect(fine.description == "8.10000007290000066339")
        #expect(throws: Refusal.self) { try decimal("1").divided(by: .zero, scale: 2, rounding: .halfUp) }
    }

    @Test("leaving 38 digits is a refusal and not a trap")
    func range() throws {
        let huge = ExactDecimal(mantissa: 90_000_000_000_000_000_000_000_000_000_000_000_001, scale: 0)
        #expect(throws: Refusal.self) { try huge.adding(huge) }
        #expect(throws: Refusal.self) { try huge.multiplied(by: huge) }
        #expect(throws: Refusal.self) { try huge.divided(by: decimal("0.1"), scale: 0, rounding: .halfUp) }
        #expect(throws: Refusal.self) { try huge.adding(ExactDecimal(mantissa: 1, scale: 38)) }
        let padded = ExactDecimal(mantissa: 1_000_000_000_000_000_000_000_000_000_000, scale: 30)
        #expect(try padded.multiplied(by: padded) == .one)
    }

    @Test("money comes out exactly or not at all")
    func money() throws {
        let euro = try #require(Currency("EUR"))
        let yen = try #require(Currency("JPY"))
        #expect(try decimal("12.300").money(euro).minorUnits == 1230)
        #expect(throws: Refusal.self) { try decimal("12.301").money(euro) }
        #expect(throws: Refusal.self) { try decimal("0.5").money(yen) }
        #expect(throws: Refusal.self) { try decimal("10000000000000.01").money(euro) }
        #expect(try decimal("10000000000000").money(euro).minorUnits == Money.unitsMax)
    }

    @Test("sums, products and quotients agree with whole-number arithmetic")
    func properties() throws {
        var random = Seeded("decimal properties")
        for _ in 0..<3000 {
            let left = random.int(-1_000_000_000...1_000_000_000)
            let right = random.int(-1_000_000...1_000_000)
            let leftScale = random.int(0...6)
            let rightScale = random.int(0...6)
            let a = ExactDecimal(mantissa: Int128(left), scale: leftScale)
            let b = ExactDecimal(mantissa: Int128(right), scale: rightScale)
            #expect(try a.adding(b).subtracting(b) == a)
            #expect(try a.adding(b) == b.adding(a))
            #expect(
                try a.multiplied(by: b) == ExactDecimal(mantissa: Int128(left) * Int128(right), scale: leftScale + rightScale))
            #expect((a < b) == (try a.subtracting(b).isNegative))
            #expect(ExactDecimal(a.description) == a)
            guard right != 0 else { continue }
            let scale = random.int(0...8)
            let low = try a.divided(by: b, scale: scale, rounding: .floor)
            let high = try a.divided(by: b, scale: scale, rounding: .ceiling)
            let unit = ExactDecimal(mantissa: 1, scale: scale)
            let back = try low.multiplied(by: b)
            #expect(try high == low || high == low.adding(unit))
            #expect(b.isNegative ? back >= a : back <= a)
            for rounding in ExactDecimal.Rounding.allCases {
                let quotient = try a.divided(by: b, scale: scale, rounding: rounding)
                #expect(quotient == low || quotient == high)
            }
        }
    }
}

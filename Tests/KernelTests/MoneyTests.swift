import Kernel
import Testing

@Suite("amounts and money")
struct MoneyTests {
    private func currency(_ code: String) throws -> Currency { try #require(Currency(code)) }

    @Test("a currency knows the decimals of its minor unit")
    func minorUnits() {
        let wanted = [
            "EUR": 2, "JPY": 0, "KRW": 0, "CLP": 0, "ISK": 0, "BHD": 3, "KWD": 3, "JOD": 3, "OMR": 3, "TND": 3, "CLF": 4,
            "UYW": 4, "XCG": 2,
        ]
        for (code, digits) in wanted { #expect(Currency.minorDigits(of: code) == digits, "\(code)") }
        for code in ["", "EU", "EURO", "eur", "XXX", "XAU", "ZZZ", "ÉUR", "E R"] { #expect(Currency(code) == nil, "\(code)") }
        #expect(Set(Currency.allCodes).count == Currency.allCodes.count)
        #expect(Currency.allCodes.allSatisfy { Currency($0)?.code == $0 })
    }

    @Test(
        "an amount keeps its text", arguments: ["0", "0.00", "1.10", "-48310.00", "999999999999999.99999999", "-0.01"])
    func amounts(text: String) throws {
        let amount = try Amount(text, currency: currency("EUR"))
        #expect(amount.text == text)
        #expect(amount.value.description == text)
    }

    @Test(
        "an amount that no invoice would write is refused",
        arguments: ["", "-0", "-0.00", "1000000000000000", "0.000000001", "1.", ".5", "01", "+1", "1e2", "1,000.00", "12 ", "٣"])
    func refusedAmounts(text: String) throws {
        let euro = try currency("EUR")
        #expect(throws: Refusal.self) { try Amount(text, currency: euro) }
    }

    @Test("money follows from an amount exactly, or the decimals are named")
    func derivation() throws {
        #expect(try Amount("12.3", currency: currency("EUR")).money().minorUnits == 1230)
        #expect(try Amount("12.3000", currency: currency("EUR")).money().minorUnits == 1230)
        #expect(try Amount("12", currency: currency("JPY")).money().minorUnits == 12)
        #expect(try Amount("1.234", currency: currency("KWD")).money().minorUnits == 1234)
        let odd = try Amount("12.345", currency: currency("EUR"))
        let refusal = #expect(throws: Refusal.self) { try odd.money() }
        #expect(refusal?.reason == "amount.scale")
        let huge = try Amount("999999999999999", currency: currency("EUR"))
        #expect(#expect(throws: Refusal.self) { try huge.money() }?.reason == "money.range")
    }

    @Test("equal money may be written differently, and the amounts then differ")
    func amountIdentity() throws {
        let euro = try currency("EUR")
        #expect(try Amount("1.5", currency: euro) != Amount("1.50", currency: euro))
        #expect(try Amount("1.5", currency: euro).money() == Amount("1.50", currency: euro).money())
    }

    @Test("a sum over document values refuses to mix currencies or leave the range")
    func sums() throws {
        let euro = try currency("EUR")
        let dollar = try currency("USD")
        let most = try Money(minorUnits: Money.unitsMax, currency: euro)
        #expect(throws: Refusal.self) { try Money.sum([most, most], currency: euro) }
        #expect(throws: Refusal.self) { try Money.sum([.zero(dollar)], currency: euro) }
        #expect(try Money.sum([], currency: euro) == .zero(euro))
        #expect(throws: Refusal.self) { try Money(minorUnits: Money.unitsMax + 1, currency: euro) }
        #expect(most.description == "EUR 10000000000000.00")
    }
}

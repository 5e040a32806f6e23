import Kernel
import Testing

@testable import Console

@Suite("words for money, time and spans")
struct WordsTests {
    @Test("an amount has its code before it and the groups of the reader's locale")
    func money() throws {
        let euro = try #require(Currency("EUR"))
        let yen = try #require(Currency("JPY"))
        let amount = try Money(minorUnits: 4_831_000, currency: euro)
        #expect(MoneyText().text(amount) == "EUR 48,310.00")
        #expect(MoneyText(locale: "de-DE").text(amount) == "EUR 48.310,00")
        #expect(MoneyText(locale: "de-CH").text(amount) == "EUR 48’310.00")
        #expect(MoneyText().text(try Money(minorUnits: -12_345, currency: yen)) == "JPY −12,345")
        #expect(MoneyText().text(try Money(minorUnits: 5, currency: euro)) == "EUR 0.05")
        #expect(MoneyText().grouped("12 apples") == "12 apples")
        #expect(MoneyText().difference(try #require(ExactDecimal("-528.00"))) == "− 528.00")
        #expect(MoneyText().difference(try #require(ExactDecimal("0.44"))) == "+ 0.44")
        #expect(MoneyText().count(1_284) == "1,284")
    }

    @Test("today is a clock time, another day names its day, another year its year")
    func time() {
        let time = Samples.time
        #expect(time.stamp(Samples.moment("2026-11-17T13:52:00Z")).text == "14:52")
        #expect(time.stamp(Samples.moment("2026-11-16T23:30:00Z")).text == "00:30")
        #expect(time.stamp(Samples.moment("2026-07-14T08:42:00Z")).text == "14 Jul 10:42")
        #expect(time.stamp(Samples.moment("2025-01-01T00:00:00Z")).text == "1 Jan 2025 01:00")
        #expect(time.stamp(Samples.moment("2026-11-17T13:52:10Z"), seconds: true).text == "14:52:10")
        #expect(time.stamp(Samples.moment("2026-11-17T13:52:10Z")).iso == "2026-11-17T13:52:10Z")
        #expect(time.full(Samples.now) == "Tuesday 17 November 2026, 14:48 CET")
    }

    @Test(
        "a span says its two largest units",
        arguments: [
            (94, "94 s"), (2470, "41 m 10 s"), (7980, "2 h 13 m"), (3600, "1 h"), (532_800, "6 d 4 h"), (0, "0 s"),
        ])
    func spans(seconds: Int, text: String) {
        #expect(DurationText.text(Int64(seconds)) == text)
    }

    @Test("what is left and what is late are told apart by a word")
    func left() {
        #expect(DurationText.left(7980) == "2 h 13 m")
        #expect(DurationText.left(-2640) == "late 44 m")
        #expect(DurationText.milliseconds(41) == "41 ms")
        #expect(DurationText.milliseconds(840) == "0.8 s")
        #expect(DurationText.text(.min) == "106751991167300 d 15 h")
        #expect(CountText.text(1, "run") == "1 run")
        #expect(HashText.short("9f3c41aa07de5b10ffff") == "9f3c 41aa 07de 5b10")
    }
}

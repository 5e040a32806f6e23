extension Currency {
    /// Decimals of the currency's minor unit by ISO 4217, nil for what is not a listed alphabetic code in capitals.
    ///
    /// Codes without a minor unit (metals, `XDR`, `XTS`, `XXX`) are absent: nobody is paid in them.
    package static func minorDigits(of code: String) -> Int? {
        guard let index = tableIndex(code.utf8) else { return nil }
        let digits = table[index]
        return digits == absent ? nil : Int(digits)
    }

    /// Every code that `minorDigits(of:)` knows, in alphabetical order.
    package static let allCodes: [String] = codes.flatMap { group in group.codes.split(separator: " ").map(String.init) }.sorted()

    private static let absent: UInt8 = 0xFF

    private static func tableIndex(_ code: some Collection<UInt8>) -> Int? {
        guard code.count == 3 else { return nil }
        var index = 0
        for byte in code {
            guard byte >= UInt8(ascii: "A"), byte <= UInt8(ascii: "Z") else { return nil }
            index = index * 26 + Int(byte - UInt8(ascii: "A"))
        }
        return index
    }

    /// One byte for each of the 26^3 possible codes: a look-up per document amount must cost nothing.
    private static let table: [UInt8] = {
        var table = [UInt8](repeating: absent, count: 26 * 26 * 26)
        for group in codes {
            for code in group.codes.split(separator: " ") {
                if let index = tableIndex(code.utf8) { table[index] = group.digits }
            }
        }
        return table
    }()

    /// ISO 4217 list one, and of list three those withdrawn since 2022, which documents within retention still carry
    /// (ANG, BGN, CUC, HRK, SLL, ZWL).
    private static let codes: [(digits: UInt8, codes: String)] = [
        (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
        (3, "BHD IQD JOD KWD LYD OMR TND"),
        (4, "CLF UYW"),
        (
            2,
            """
            AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF \
            CHW CNY COP COU CRC CUC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HRK \
            HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR \
            MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP \
            SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG \
            YER ZAR ZMW ZWG ZWL
            """
        ),
    ]
}

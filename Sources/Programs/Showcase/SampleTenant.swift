internal import Finance
package import Kernel

/// One of the three invented tenants, as its suppliers and its ledger see it.
package struct SampleTenant: Sendable {
    /// What a tenant buys; prices are in its currency.
    struct Goods: Sendable {
        let item: String
        let name: String
        /// UN/ECE Recommendation 20.
        let unit: String
        let price: ExactDecimal
        let supplier: SampleParty
        let buyer: SampleParty
        /// VAT in percent.
        let rate: ExactDecimal
    }

    package let slug: String
    package let name: String
    /// Where the configuration expects its ledger.
    package let ledgerPort: Int
    package let currency: Currency
    let goods: [Goods]
    let numberPrefix: String
    let freight: String

    package let clerk: String
    package let approvers: [String]
    package let controller: String
    package let treasurer: String
    package let admin: String

    /// The suppliers that this tenant's ledger knows.
    package var suppliers: [SampleParty] {
        var out: [SampleParty] = []
        for one in goods where !out.contains(one.supplier) { out.append(one.supplier) }
        return out
    }

    /// Master data of the ledger, in the sandbox's own form.
    package var ledgerData: JSONValue {
        ["suppliers": .array(suppliers.map { SampleTenant.row($0, currency) }), "orders": [], "receipts": []]
    }

    package static func row(_ supplier: SampleParty, _ currency: Currency) -> JSONValue {
        .object([
            "number": .string(supplier.number ?? "S-9001"), "name": .string(supplier.name), "vatId": .string(supplier.vatId),
            "street": .string(supplier.street), "city": .string(supplier.city), "postCode": .string(supplier.postCode),
            "country": .string(supplier.country), "currency": .string(currency.code), "terms": "30 days net",
            "iban": supplier.iban.map(JSONValue.string), "category": "trade", "blocked": false,
        ])
    }
}

extension SampleTenant {
    private static func price(_ cents: Int64) -> ExactDecimal { ExactDecimal(mantissa: Int128(cents), scale: 2) }

    private static func currency(_ code: String) -> Currency {
        guard let currency = Currency(code) else { preconditionFailure("\(code) is a currency of ISO 4217") }
        return currency
    }

    package static let brightwater = SampleTenant(
        slug: "brightwater-foods", name: "Brightwater Foods", ledgerPort: 7411, currency: currency("EUR"),
        goods: [
            Goods(
                item: "KL-20", name: "Kühlstellplatz, Palette und Woche", unit: "C62", price: price(1_850),
                supplier: .nordhafenCold,
                buyer: .brightwaterGermany, rate: ExactDecimal(19)),
            Goods(
                item: "FK-432", name: "Faltkarton 400 × 300 × 200, bedruckt", unit: "C62", price: price(84),
                supplier: .altmarkPackaging,
                buyer: .brightwaterGermany, rate: ExactDecimal(19)),
            Goods(
                item: "RM-35", name: "Rohmilch 3,5 %, Liter", unit: "LTR", price: price(62), supplier: .traunseeDairy,
                buyer: .brightwaterAustria, rate: ExactDecimal(20)),
        ],
        numberPrefix: "RE", freight: "Fracht und Energiezuschlag", clerk: "maya.lund@brightwater.example",
        approvers: ["jonas.weber@brightwater.example", "petra.vogel@brightwater.example"],
        controller: "ruth.adler@brightwater.example", treasurer: "emil.kant@brightwater.example",
        admin: "nadja.frey@brightwater.example")

    package static let kestrel = SampleTenant(
        slug: "kestrel-labs", name: "Kestrel Labs", ledgerPort: 7412, currency: currency("GBP"),
        goods: [
            Goods(
                item: "PI-CAL", name: "Calibration of flow meters", unit: "HUR", price: price(6_400),
                supplier: .pennineInstruments,
                buyer: .kestrelLabs, rate: ExactDecimal(20)),
            Goods(
                item: "HC-NODE", name: "Compute node, reserved, one month", unit: "C62", price: price(4_275),
                supplier: .harbourCloud,
                buyer: .kestrelLabs, rate: ExactDecimal(20)),
        ],
        numberPrefix: "INV", freight: "Carriage and handling", clerk: "owen.hart@kestrel-labs.example",
        approvers: ["priya.nair@kestrel-labs.example", "callum.reid@kestrel-labs.example"],
        controller: "fiona.marsh@kestrel-labs.example", treasurer: "edwin.cole@kestrel-labs.example",
        admin: "lucy.bright@kestrel-labs.example")

    package static let solara = SampleTenant(
        slug: "solara-energia", name: "Solara Energía", ledgerPort: 7413, currency: currency("EUR"),
        goods: [
            Goods(
                item: "MO-INV", name: "Montaje de inversores, hora de cuadrilla", unit: "HUR", price: price(5_800),
                supplier: .meseta,
                buyer: .solaraSpain, rate: ExactDecimal(21)),
            Goods(
                item: "MO-CAB", name: "Tendido de cable solar 6 mm², metro", unit: "MTR", price: price(245), supplier: .meseta,
                buyer: .solaraSpain, rate: ExactDecimal(21)),
        ],
        numberPrefix: "FV", freight: "Portes y desplazamiento", clerk: "lucia.prieto@solara.example",
        approvers: ["diego.santos@solara.example", "marta.iglesias@solara.example"], controller: "andres.vidal@solara.example",
        treasurer: "elena.rojas@solara.example",
        admin: "pablo.serrano@solara.example")

    package static let all = [brightwater, kestrel, solara]

    /// The operator's engineer on call, who sees incidents and retries of every tenant.
    package static let onCall = "tomas.reyl@northgate.example"
    package static let operatorAdmin = "ines.okafor@northgate.example"
    package static let auditor = "henrik.moss@moss-assurance.example"
    package static let partners = ["clara.halden@halden-price.example", "jonah.pike@vela-ops.example"]
}

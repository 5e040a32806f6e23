/// A company in our sample documents. Every one is invented; VAT numbers and accounts have right check digits and no owner
/// known to us.
package struct SampleParty: Sendable, Hashable {
    /// The supplier's number in the sandbox ERP; nil for buyers.
    package var number: String?
    package var name: String
    package var vatId: String
    package var street: String
    package var postCode: String
    package var city: String
    package var country: String
    package var iban: String?
    package var bic: String?
    package var email: String
    /// Of a buyer: its code among the legal entities of the tenant's configuration.
    package var entityCode: String { country + "01" }

    package init(
        number: String? = nil, name: String, vatId: String, street: String, postCode: String, city: String, country: String,
        iban: String? = nil, bic: String? = nil, email: String
    ) {
        self.number = number
        self.name = name
        self.vatId = vatId
        self.street = street
        self.postCode = postCode
        self.city = city
        self.country = country
        self.iban = iban
        self.bic = bic
        self.email = email
    }
}

extension SampleParty {
    // The buyers are the legal entities of the three tenants.

    package static let brightwaterGermany = SampleParty(
        name: "Brightwater Foods GmbH", vatId: "DE742039156", street: "Speicherkai 14", postCode: "20457", city: "Hamburg",
        country: "DE", email: "rechnung@brightwater-foods.example")
    package static let brightwaterAustria = SampleParty(
        name: "Brightwater Foods Austria GmbH", vatId: "ATU73182049", street: "Mühlgasse 9", postCode: "4020", city: "Linz",
        country: "AT", email: "rechnung@brightwater-foods.example")
    package static let kestrelLabs = SampleParty(
        name: "Kestrel Labs Ltd", vatId: "GB391746270", street: "41 Lantern Court", postCode: "E14 9TP", city: "London",
        country: "GB",
        email: "payables@kestrel-labs.example")
    package static let solaraSpain = SampleParty(
        name: "Solara Energía S.L.", vatId: "ESB84719301", street: "Calle de la Turbina 27", postCode: "28045", city: "Madrid",
        country: "ES", email: "facturas@solara-energia.example")

    package static let buyers = [brightwaterGermany, brightwaterAustria, kestrelLabs, solaraSpain]

    package static let nordhafenCold = SampleParty(
        number: "S-1001", name: "Nordhafen Kühllogistik GmbH", vatId: "DE813045774", street: "Am Kaltkai 3", postCode: "27568",
        city: "Bremerhaven", country: "DE", iban: "DE44500105175407324931", bic: "INGDDEFFXXX",
        email: "debitoren@nordhafen-kuehl.example")
    package static let altmarkPackaging = SampleParty(
        number: "S-1002", name: "Altmark Verpackungen AG", vatId: "DE269188406", street: "Papiermühle 22", postCode: "39576",
        city: "Stendal", country: "DE", iban: "DE39200411330618402755", bic: "COBADEHD001",
        email: "buchhaltung@altmark-pack.example")
    package static let traunseeDairy = SampleParty(
        number: "S-1003", name: "Traunsee Molkerei eGen", vatId: "ATU44109371", street: "Seestraße 80", postCode: "4810",
        city: "Gmunden", country: "AT", iban: "AT711200000517340926", bic: "BKAUATWWXXX",
        email: "faktura@traunsee-molkerei.example")
    package static let pennineInstruments = SampleParty(
        number: "S-2001", name: "Pennine Instruments Ltd", vatId: "GB772041842", street: "7 Foundry Row", postCode: "LS10 1DQ",
        city: "Leeds", country: "GB", iban: "GB29NWBK60161331926819", bic: "NWBKGB2LXXX",
        email: "billing@pennine-instruments.example")
    package static let harbourCloud = SampleParty(
        number: "S-2002", name: "Harbourlight Cloud Ltd", vatId: "GB229064564", street: "2 Signal Yard", postCode: "BS1 6QA",
        city: "Bristol", country: "GB", iban: "GB71BARC20038471940625", bic: "BARCGB22XXX", email: "invoices@harbourlight.example"
    )
    package static let meseta = SampleParty(
        number: "S-3001", name: "Meseta Montajes Eléctricos S.L.", vatId: "ESB58320177", street: "Polígono El Cierzo 5",
        postCode: "50014", city: "Zaragoza", country: "ES", iban: "ES9121000418450200051332", bic: "CAIXESBBXXX",
        email: "administracion@meseta-montajes.example")
    package static let lyonnaise = SampleParty(
        number: "S-3002", name: "Câbleries du Rhône SAS", vatId: "FR56521804369", street: "18 quai des Tréfileurs",
        postCode: "69007", city: "Lyon", country: "FR", iban: "FR0730004008280001234567143", bic: "BNPAFRPPXXX",
        email: "comptabilite@cableries-rhone.example")

    /// The sandbox ERPs know these.
    package static let suppliers = [
        nordhafenCold, altmarkPackaging, traunseeDairy, pennineInstruments, harbourCloud, meseta, lyonnaise,
    ]

    /// No ERP knows this one.
    package static let stranger = SampleParty(
        name: "Quillfeder Bürobedarf e.K.", vatId: "DE305177626", street: "Tintengasse 1", postCode: "99084", city: "Erfurt",
        country: "DE", iban: "DE10701500000094203188", bic: "SSKMDEMMXXX", email: "post@quillfeder.example")
}
